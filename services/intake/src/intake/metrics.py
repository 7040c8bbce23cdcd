"""The metrics of intake, in addition to those of every service."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from common.core.metrics import Metrics


class InboundMetrics:
    """Of the records that outside systems write to Kafka."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.dead_letters = metrics.dead_letters
        self.records = Counter(
            "upstairs_inbound_records",
            "Records of outside systems in Kafka: applied, repeated, ignored (not about a "
            "contact), refused, or kept as a dead letter",
            ("outcome",),
            registry=registry,
        )
        self.refused = Counter(
            "upstairs_inbound_refused",
            "Records that went back to their writers, by the reason",
            ("code",),
            registry=registry,
        )
        self.oldest_seconds = Gauge(
            "upstairs_inbound_oldest_unhandled_seconds",
            "Age of the oldest record of outside systems that is fetched and not handled yet; 0 "
            "if there is none",
            registry=registry,
        )


class MailboxMetrics:
    """Of the mailboxes that intake reads."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.dead_letters = metrics.dead_letters
        self.polls = Counter(
            "upstairs_mailbox_polls",
            "Readings of a mailbox: read, or failed; the log says why",
            ("connection", "outcome"),
            registry=registry,
        )
        self.mails = Counter(
            "upstairs_mailbox_mails",
            "Mails of mailboxes: applied, repeated, kept as a dead letter; not_marked: stored, but "
            "neither marked nor moved in the mailbox",
            ("outcome",),
            registry=registry,
        )


class CaseReadMetrics:
    """Of the cases that intake reads in their system."""

    def __init__(self, metrics: Metrics) -> None:
        self.dead_letters = metrics.dead_letters
        self.reads = Counter(
            "upstairs_case_reads",
            "Attempts to read a case in its system: read, gone (there is no such case), erased, "
            "failed (it is tried again), expired (it could not be read for a day), or kept as a "
            "dead letter",
            ("kind", "outcome"),
            registry=metrics.registry,
        )


class ConnectionMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.silent = Gauge(
            "upstairs_silent_connections",
            "Connections by which nothing comes though something is expected",
            registry=registry,
        )
