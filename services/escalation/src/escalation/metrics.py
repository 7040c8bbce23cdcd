"""What escalation measures beside what every service does."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class AuditMetrics:
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
