"""The composition root of escalation."""

from collections.abc import Mapping, Sequence

from common.contracts.clocks import ClocksEvent
from common.contracts.escalations import EscalationsEvent
from common.core.health import Health
from common.core.metrics import Metrics
from common.messaging.kafka import topic_name
from common.messaging.record_decoder import RecordDecoder
from common.service.cli import service_cli
from common.service.runtime import Worker
from common.service.spec import ServiceSpec
from common.storage.database import Database
from escalation import api, commands, handlers, tables
from escalation.calendar_feeds import FeedSigner
from escalation.metrics import (
    DutyGapMetrics,
    LatenessMetrics,
    MetCausesMetrics,
    StreamMetrics,
    TimerCheckMetrics,
)
from escalation.settings import Settings
from escalation.store.unit_of_work import UnitOfWork
from escalation.stream.broadcaster import Broadcaster
from escalation.stream.limit import StreamLimit
from escalation.stream.subscriber import MAX_BUFFERED_EVENTS
from escalation.views import snapshot_reader
from escalation.workers.duty_gaps import GapAnnouncer
from escalation.workers.simulations import SimulationWorker
from escalation.workers.timer_check import TimerChecker

_STREAM_HEARTBEAT_S = 15.0
# Clocks and leases go by the times of events, and a page may follow that much later. What shares a
# transaction here is also one record batch, and one transaction, in all services that hear of it.
_LINGER_S = 0.1


def build(
    settings: Settings,
    *,
    stream_heartbeat_s: float = _STREAM_HEARTBEAT_S,
    max_buffered_events: int = MAX_BUFFERED_EVENTS,
) -> ServiceSpec[UnitOfWork]:
    read_topics = [event.topic for event in (EscalationsEvent, ClocksEvent)]
    broadcaster = Broadcaster(
        settings.kafka,
        [topic_name(settings.namespace, topic) for topic in read_topics],
        RecordDecoder(settings.namespace, settings.verification_keys),
        max_buffered_events=max_buffered_events,
    )

    def app_state(database: Database[UnitOfWork]) -> Mapping[str, object]:
        # The logs leave the machine: `verify-audit-trail --heads` compares the database with them.
        database.after_commit(lambda uow: uow.audit_trail.log_new_heads())
        broadcaster.read_snapshot = snapshot_reader(database)
        return {}

    def workers(
        database: Database[UnitOfWork], metrics: Metrics, _health: Health
    ) -> Sequence[Worker]:
        lateness = LatenessMetrics(metrics.registry)
        met_causes = MetCausesMetrics(metrics.registry)
        database.after_commit(lambda uow: lateness.observe(uow.outbox.events))
        database.after_commit(lambda uow: met_causes.observe(uow.outbox.events))
        return (
            TimerChecker(database, TimerCheckMetrics(metrics.registry)),
            GapAnnouncer(database, DutyGapMetrics(metrics.registry)),
            SimulationWorker(database),
        )

    def http_workers(
        _database: Database[UnitOfWork], metrics: Metrics, _health: Health
    ) -> Sequence[Worker]:
        StreamMetrics(metrics.registry, lambda: broadcaster.subscriber_count)
        return (broadcaster,)

    return ServiceSpec(
        name="escalation",
        unit_of_work=UnitOfWork,
        subscriptions=handlers.SUBSCRIPTIONS,
        linger_s=_LINGER_S,
        read_topics=read_topics,
        retention=tables.RETENTION,
        routers=api.ROUTERS,
        state={
            "broadcaster": broadcaster,
            "stream_limit": StreamLimit(
                streams=settings.max_streams, per_caller=settings.max_streams_per_caller
            ),
            "complaints_per_day": settings.complaints_per_day,
            "visibility": settings.visibility,
            "stream_heartbeat_s": stream_heartbeat_s,
            "public_url": settings.public_url,
            "feed_signer": FeedSigner(settings.feed_secret.get_secret_value()),
        },
        app_state=app_state,
        workers=workers,
        http_workers=http_workers,
    )


cli = service_cli("escalation", Settings, build)
commands.install(cli)
