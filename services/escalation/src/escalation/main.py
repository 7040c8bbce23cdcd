"""The composition root of escalation."""

from collections.abc import Sequence

from common.cli import service_cli
from common.contracts.escalations import EscalationsEvent
from common.database import Database
from common.health import Health
from common.metrics import Metrics
from common.relay import topic_name
from common.runtime import Worker
from common.service import Parts
from escalation import api, handlers
from escalation import cli as commands
from escalation.audit import Auditor
from escalation.feeds import Feeds
from escalation.gaps import GapWatch
from escalation.metrics import AuditMetrics, GapMetrics, LatenessMetrics, StreamMetrics
from escalation.settings import Settings
from escalation.store import UnitOfWork
from escalation.stream import Hub


def parts(settings: Settings) -> Parts[UnitOfWork]:
    hub = Hub(settings.kafka_bootstrap, topic_name(settings.namespace, EscalationsEvent.topic))

    def workers(
        database: Database[UnitOfWork], metrics: Metrics, _health: Health
    ) -> Sequence[Worker]:
        lateness = LatenessMetrics(metrics.registry)
        database.after_commit(lambda uow: lateness.observe(uow.outbox.events))
        StreamMetrics(metrics.registry, lambda: hub.followers)
        return (
            Auditor(database, AuditMetrics(metrics.registry)),
            GapWatch(database, GapMetrics(metrics.registry)),
            hub,
        )

    return Parts(
        name="escalation",
        unit_of_work=UnitOfWork,
        subscriptions=handlers.SUBSCRIPTIONS,
        routers=api.ROUTERS,
        state={
            "hub": hub,
            "feeds": Feeds(settings.feed_secret.get_secret_value()),
        },
        workers=workers,
    )


cli = service_cli("escalation", Settings, parts)
commands.install(cli)
