"""The composition root of router."""

from collections.abc import Sequence
from functools import partial

from common.core.health import Health
from common.core.metrics import Metrics
from common.service.cli import service_cli
from common.service.runtime import Worker
from common.service.spec import ServiceSpec
from common.storage.database import Database
from router import api, handlers, tables
from router.metrics import RoutingMetrics
from router.settings import Settings
from router.store import PoolCache, UnitOfWork


def build(settings: Settings) -> ServiceSpec[UnitOfWork]:
    def workers(
        database: Database[UnitOfWork], metrics: Metrics, _health: Health
    ) -> Sequence[Worker]:
        routing = RoutingMetrics(metrics.registry)
        database.after_commit(lambda uow: routing.observe(uow.outbox.events))
        return ()

    return ServiceSpec(
        name="router",
        unit_of_work=partial(UnitOfWork, policy=settings.routing_policy, pool_cache=PoolCache()),
        subscriptions=handlers.SUBSCRIPTIONS,
        retention=tables.RETENTION,
        routers=api.ROUTERS,
        workers=workers,
    )


cli = service_cli("router", Settings, build)
