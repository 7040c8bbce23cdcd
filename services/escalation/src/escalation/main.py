"""The composition root of escalation."""

from collections.abc import Sequence

from common.contracts.escalations import EscalationsEvent
from common.core.health import Health
from common.core.metrics import Metrics
from common.messaging.kafka import topic_name
from common.service.cli import service_cli
from common.service.runtime import Worker
from common.service.spec import ServiceSpec
from common.storage.database import Database
from escalation import api, commands, handlers
from escalation.calendar_feeds import Feeds
from escalation.metrics import AuditMetrics, GapMetrics, LatenessMetrics, StreamMetrics
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from escalation.stream.broadcaster import Hub
from escalation.workers.duty_gaps import GapWatch
from escalation.workers.timer_check import Auditor


def build(settings: Settings) -> ServiceSpec[UnitOfWork]:
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

    return ServiceSpec(
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


cli = service_cli("escalation", Settings, build)
commands.install(cli)
