"""The composition root of intake."""

from collections.abc import Mapping

from common.http.group_commit import CommandBatcher
from common.service.cli import service_cli
from common.service.spec import ServiceSpec
from common.storage.database import Database
from intake import api, handlers
from intake.settings import Settings
from intake.store import UnitOfWork


def build(_settings: Settings) -> ServiceSpec[UnitOfWork]:
    return ServiceSpec(
        name="intake",
        unit_of_work=UnitOfWork,
        subscriptions=handlers.SUBSCRIPTIONS,
        routers=api.ROUTERS,
        app_state=shared,
    )


def shared(database: Database[UnitOfWork]) -> Mapping[str, object]:
    return {"receiving": CommandBatcher(database, handlers.receive_once, handlers.hold_requests)}


cli = service_cli("intake", Settings, build)
