"""The composition root of router."""

from common.service.cli import service_cli
from common.service.spec import ServiceSpec
from router import api, handlers, tables
from router.settings import Settings
from router.store import UnitOfWork


def build(_settings: Settings) -> ServiceSpec[UnitOfWork]:
    return ServiceSpec(
        name="router",
        unit_of_work=UnitOfWork,
        subscriptions=handlers.SUBSCRIPTIONS,
        retention=tables.RETENTION,
        routers=api.ROUTERS,
    )


cli = service_cli("router", Settings, build)
