"""Every metric that a service publishes, in one typed place."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Close together around the 50 ms that a timer may be late, and far enough for an outage.
_LATENESS = (
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
_DURATION = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.messages = Counter(
            "upstairs_messages", "Messages by outcome", ("type", "outcome"), registry=self.registry
        )
        self.batch_seconds = Histogram(
            "upstairs_batch_seconds",
            "One transaction of messages, from begin to commit",
            registry=self.registry,
            buckets=_DURATION,
        )
        self.timer_lateness_seconds = Histogram(
            "upstairs_timer_lateness_seconds",
            "From a timer's due time to the transaction that handles it",
            ("type",),
            registry=self.registry,
            buckets=_LATENESS,
        )
        self.published = Counter(
            "upstairs_outbox_published",
            "Events acknowledged by Kafka",
            registry=self.registry,
        )
        self.outbox_oldest_seconds = Gauge(
            "upstairs_outbox_oldest_seconds",
            "Age of the oldest event that Kafka has not acknowledged",
            registry=self.registry,
        )
        self.timer_overdue_seconds = Gauge(
            "upstairs_timer_overdue_seconds",
            "How long the timer that waits longest has been due",
            registry=self.registry,
        )
        self.unknown_timer_overdue_seconds = Gauge(
            "upstairs_unknown_timer_overdue_seconds",
            "How long a timer has been due that only another version of the service can handle",
            registry=self.registry,
        )
        self.dead_letters = Counter(
            "upstairs_dead_letters", "Messages put aside", registry=self.registry
        )
        self.dead_letters_waiting = Gauge(
            "upstairs_dead_letters_waiting",
            "Dead letters that are neither replayed nor discarded",
            registry=self.registry,
        )
        self.halted = Gauge(
            "upstairs_halted",
            "1 when a worker has halted after too many dead letters in a row",
            ("worker",),
            registry=self.registry,
        )
        self.consumer_lag_records = Gauge(
            "upstairs_consumer_lag_records",
            "Records of a partition that are not handled",
            ("topic", "partition"),
            registry=self.registry,
        )
        self.oldest_unhandled_seconds = Gauge(
            "upstairs_oldest_unhandled_seconds",
            "Age of the oldest record that was taken and is not handled; 0 when there is none",
            registry=self.registry,
        )
        self.retries = Counter(
            "upstairs_retries",
            "Attempts that failed for a passing reason",
            ("worker",),
            registry=self.registry,
        )
        self.http_seconds = Histogram(
            "upstairs_http_seconds",
            "HTTP requests",
            ("route", "status"),
            registry=self.registry,
            buckets=_DURATION,
        )
        self.timer_backlog = Gauge(
            "upstairs_timer_backlog",
            "How many timers are due; 10,000 stands for any number above",
            registry=self.registry,
        )
