"""The composition root of intake."""

from common.cli import service_cli
from common.service import Parts
from intake import api, handlers
from intake.settings import Settings
from intake.store import UnitOfWork


def parts(_settings: Settings) -> Parts[UnitOfWork]:
    return Parts(
        name="intake",
        unit_of_work=UnitOfWork,
        subscriptions=handlers.SUBSCRIPTIONS,
        routers=api.ROUTERS,
    )


cli = service_cli("intake", Settings, parts)
