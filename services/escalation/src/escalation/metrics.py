"""What escalation measures beside what every service does."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from common.contracts.event import Event
from escalation.domain.lateness import noticed

# Close together up to the 50 ms that are promised, and far enough for an outage.
_LATENESS = (
    *(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05),
    *(0.075, 0.1, 0.25, 1, 5, 60, 600, 3600),
)


class TimerCheckMetrics:
    """Times are in Unix seconds: an audit that hangs lets them grow old, and so is seen."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.missing = Gauge(
            "upstairs_audit_missing",
            "Timers that the last finished round found missing",
            registry=registry,
        )
        self.alarms = Counter(
            "upstairs_audit_alarms", "Timers found missing for the first time", registry=registry
        )
        self.unanswered = Gauge(
            "upstairs_escalations_unanswered",
            "Open escalations for which nobody of the whole ladder has answered",
            registry=registry,
        )
        self.contacts = Gauge(
            "upstairs_audit_contacts",
            "Contacts with anything open that the last finished round went over",
            registry=registry,
        )
        self.finished = Gauge(
            "upstairs_audit_finished_timestamp_seconds",
            "When the last round finished that went over all that is open",
            registry=registry,
        )
        self.oldest = Gauge(
            "upstairs_audit_oldest_timestamp_seconds",
            "When that round began: nothing open has gone without a look since before then",
            registry=registry,
        )


class LatenessMetrics:
    """`policy` is empty for what an escalation waits for: its ladder set that deadline."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = Histogram(
            "upstairs_deadline_lateness_seconds",
            "From a deadline to the transaction that noticed it",
            ("policy", "kind"),
            registry=registry,
            buckets=_LATENESS,
        )

    def observe(self, events: Iterable[Event]) -> None:
        for event in events:
            one = noticed(event)
            if one is not None:
                self.seconds.labels(one.policy or "", one.kind).observe(one.lateness_ms / 1000)


class StreamMetrics:
    def __init__(self, registry: CollectorRegistry, followers: Callable[[], int]) -> None:
        clients = Gauge(
            "upstairs_stream_clients", "Clients that the stream is open to", registry=registry
        )
        clients.set_function(followers)


class DutyGapMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.ahead = Gauge(
            "upstairs_duty_gap_seconds",
            "How long nobody will be on duty in the week to come, though somebody should",
            ["schedule"],
            registry=registry,
        )
        self.finished = Gauge(
            "upstairs_duty_gaps_finished_timestamp_seconds",
            "When all duty schedules were last looked over",
            registry=registry,
        )
