"""The metrics that every service publishes."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Dense around the 50 ms that a timer may be late, and wide enough for an outage.
_LATENESS_BUCKETS_S = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.02,
    0.03,
    0.04,
    0.05,
    0.075,
    0.1,
    0.25,
    1,
    5,
    60,
    600,
    3600,
)
_DURATION_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.messages = Counter(
            "upstairs_messages", "Messages by outcome", ("type", "outcome"), registry=self.registry
        )
        self.batch_seconds = Histogram(
            "upstairs_batch_seconds",
            "One transaction of messages, from start to commit",
            registry=self.registry,
            buckets=_DURATION_BUCKETS_S,
        )
        self.timer_lateness_seconds = Histogram(
            "upstairs_timer_lateness_seconds",
            "From a timer's due time to the transaction that handles it",
            ("type",),
            registry=self.registry,
            buckets=_LATENESS_BUCKETS_S,
        )
        self.trial = Gauge(
            "upstairs_trial",
            "1 if UPSTAIRS_TRIAL admits weak and published secrets",
            registry=self.registry,
        )
        self.published = Counter(
            "upstairs_outbox_published",
            "Events acknowledged by Kafka",
            registry=self.registry,
        )
        self.outbox_refused = Counter(
            "upstairs_outbox_refused",
            "Events that Kafka refused for good; each became a dead letter",
            registry=self.registry,
        )
        self.refused_events_waiting = Gauge(
            "upstairs_refused_events_waiting",
            "Events that Kafka refused and that wait for a replay or a discard",
            registry=self.registry,
        )
        self.outbox_oldest_seconds = Gauge(
            "upstairs_outbox_oldest_seconds",
            "Age of the oldest event that Kafka has not acknowledged",
            registry=self.registry,
        )
        self.timer_overdue_seconds = Gauge(
            "upstairs_timer_overdue_seconds",
            "Time since the oldest due timer became due",
            registry=self.registry,
        )
        self.unknown_timer_overdue_seconds = Gauge(
            "upstairs_unknown_timer_overdue_seconds",
            "Time since the oldest due timer became due whose type this version does not know",
            registry=self.registry,
        )
        self.dead_letters = Counter(
            "upstairs_dead_letters", "Messages that became dead letters", registry=self.registry
        )
        self.dead_letters_waiting = Gauge(
            "upstairs_dead_letters_waiting",
            "Dead letters that wait for a replay or a discard",
            registry=self.registry,
        )
        self.untrusted_records = Counter(
            "upstairs_untrusted_records",
            "Records that are not proven to be from their topic's owner: kept as a dead_letter, "
            "or dropped because there were too many",
            ("outcome",),
            registry=self.registry,
        )
        self.worker_halted = Gauge(
            "upstairs_worker_halted",
            "1 when a worker has halted: after too many dead letters in a row, or by a fault",
            ("worker",),
            registry=self.registry,
        )
        self.consumer_lag_records = Gauge(
            "upstairs_consumer_lag_records",
            "Records of a partition that are not handled yet",
            ("topic", "partition"),
            registry=self.registry,
        )
        self.consumer_oldest_unhandled_seconds = Gauge(
            "upstairs_consumer_oldest_unhandled_seconds",
            "Age of the oldest record that is fetched and not handled yet; 0 if there is none",
            registry=self.registry,
        )
        self.retries = Counter(
            "upstairs_retries",
            "Attempts that failed because a dependency was unavailable",
            ("worker",),
            registry=self.registry,
        )
        self.http_request_duration_seconds = Histogram(
            "upstairs_http_request_duration_seconds",
            "Time to answer an HTTP request",
            ("route", "status"),
            registry=self.registry,
            buckets=_DURATION_BUCKETS_S,
        )
        self.http_refused = Counter(
            "upstairs_http_refused",
            "Requests and connections over a limit, which no route has seen",
            ("reason",),
            registry=self.registry,
        )
        self.webhooks = Counter(
            "upstairs_webhooks",
            "Signed deliveries of outside systems: applied, ignored (not about a contact), kept as "
            "a dead letter, or refused: paused, rate_limited",
            ("kind", "outcome"),
            registry=self.registry,
        )
        self.rate_limited = Counter(
            "upstairs_rate_limited",
            "Deliveries and requests over the rate limit of their system, by the kind of system: "
            "`channel` with an API key",
            ("kind",),
            registry=self.registry,
        )
        self.retention_removed_rows = Counter(
            "upstairs_retention_removed_rows",
            "Rows that retention has deleted",
            ("table",),
            registry=self.registry,
        )
        self.timer_backlog = Gauge(
            "upstairs_timer_backlog",
            "Due timers; counted up to 10,000",
            registry=self.registry,
        )
