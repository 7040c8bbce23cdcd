"""The metrics of escalation, in addition to those of every service."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from common.contracts.escalations import EscalationCausesMet
from common.contracts.event import Event
from escalation.domain.queries import observed_lateness

# Dense up to the promised 50 ms, and up to an hour for an outage.
_LATENESS_BUCKETS_S = (
    *(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05),
    *(0.075, 0.1, 0.25, 1, 5, 60, 600, 3600),
)


class TimerCheckMetrics:
    """Times are in Unix seconds. They stop advancing when the check hangs or fails: alert on it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.missing = Gauge(
            "upstairs_timer_check_missing",
            "Timers that the last finished check found missing",
            registry=registry,
        )
        self.reported = Counter(
            "upstairs_timer_check_reported",
            "Missing timers that were restored and reported",
            registry=registry,
        )
        self.unanswered = Gauge(
            "upstairs_escalations_unanswered",
            "Open escalations whose whole ladder has gone unanswered",
            registry=registry,
        )
        self.contacts = Gauge(
            "upstairs_timer_check_contacts",
            "Open contacts that the last finished check covered",
            registry=registry,
        )
        self.failed = Gauge(
            "upstairs_timer_check_failed",
            "Open contacts that the last check could not read: it does not count as finished",
            registry=registry,
        )
        self.started = Gauge(
            "upstairs_timer_check_started_timestamp_seconds",
            "When the last finished check started",
            registry=registry,
        )
        self.finished = Gauge(
            "upstairs_timer_check_finished_timestamp_seconds",
            "When the last finished check ended",
            registry=registry,
        )


class LatenessMetrics:
    """`policy` is empty for deadlines of escalations, which ladders set."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = Histogram(
            "upstairs_deadline_lateness_seconds",
            "Seconds from a deadline to the transaction that handled it",
            ("policy", "kind"),
            registry=registry,
            buckets=_LATENESS_BUCKETS_S,
        )

    def observe(self, events: Iterable[Event]) -> None:
        for event in events:
            observed = observed_lateness(event)
            if observed is not None:
                labels = self.seconds.labels(observed.policy or "", observed.kind)
                labels.observe(observed.lateness_ms / 1000)


class MetCausesMetrics:
    """Promises that were kept before anybody acknowledged that they were broken or at risk."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.escalations = Counter(
            "upstairs_escalations_met",
            "Escalations all of whose reasons were met before anybody acknowledged them",
            ("kept", "when_met"),
            registry=registry,
        )

    def observe(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, EscalationCausesMet):
                kept = "late" if event.breached_clocks else "in_time"
                self.escalations.labels(kept, event.when_met).inc()


class StreamMetrics:
    def __init__(self, registry: CollectorRegistry, subscriber_count: Callable[[], int]) -> None:
        clients = Gauge(
            "upstairs_stream_clients", "Clients connected to the stream", registry=registry
        )
        clients.set_function(subscriber_count)


class DutyGapMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.uncovered = Gauge(
            "upstairs_duty_gap_seconds",
            "Seconds of the week ahead in which nobody is on duty, though somebody should be",
            ["schedule"],
            registry=registry,
        )
        self.failures = Counter(
            "upstairs_duty_gap_failures",
            "Checks of a duty schedule that failed",
            ["schedule"],
            registry=registry,
        )
        self.finished = Gauge(
            "upstairs_duty_gaps_finished_timestamp_seconds",
            "When all duty schedules were last checked",
            registry=registry,
        )
