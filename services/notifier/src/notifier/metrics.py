"""The metrics of the notifier, in addition to those of every service."""

from prometheus_client import Counter, Gauge, Histogram

from common.core.metrics import Metrics

_CALLS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LATENESS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 60)


class DeliveryMetrics:
    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.dead_letters = metrics.dead_letters
        self.call_seconds = Histogram(
            "upstairs_delivery_seconds",
            "One call to an outside system",
            ("medium", "outcome"),
            registry=registry,
            buckets=_CALLS,
        )
        self.lateness_seconds = Histogram(
            "upstairs_delivery_lateness_seconds",
            "From when a notification was due to its call",
            ("medium",),
            registry=registry,
            buckets=_LATENESS,
        )
        self.put_aside = Counter(
            "upstairs_notifications_put_aside",
            "Notifications that can't be read or handled; each became a dead letter",
            ("medium",),
            registry=registry,
        )
        self.held_back = Counter(
            "upstairs_notifications_held_back",
            "Pages over a budget or in quiet hours, which a summary carries instead",
            ("medium", "budget"),
            registry=registry,
        )
        self.circuit_open = Gauge(
            "upstairs_delivery_circuit_open",
            "1 while an outside system is not called (circuit open), since calls failed in a row",
            ("medium",),
            registry=registry,
        )
        self.failovers = Counter(
            "upstairs_delivery_failovers",
            "Pages for which another contact method of the person stands in",
            ("medium", "cause"),
            registry=registry,
        )


class StatusMetrics:
    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.calls = Counter(
            "upstairs_status_calls",
            "Calls to receivers of statuses",
            ("outcome",),
            registry=registry,
        )
        self.given_up = Counter(
            "upstairs_statuses_given_up",
            "Statuses that waited too long for their receiver, or too many for it",
            registry=registry,
        )
        self.disabled = Counter(
            "upstairs_status_webhooks_disabled",
            "Status webhooks whose receiver answered 410",
            registry=registry,
        )
        self.oldest_waiting_seconds = Gauge(
            "upstairs_status_oldest_waiting_seconds",
            "Since when the oldest status waits for an active receiver",
            registry=registry,
        )


class CaseWriteMetrics:
    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self.writes = Counter(
            "upstairs_case_writes",
            "Attempts to write to a case of a helpdesk or CRM",
            ("kind", "outcome"),
            registry=registry,
        )
        self.seconds = Histogram(
            "upstairs_case_write_seconds",
            "One attempt to write to a case, with all its calls",
            ("kind", "outcome"),
            registry=registry,
            buckets=_CALLS,
        )
        self.halted = Gauge(
            "upstairs_write_backs_halted",
            "Connections that are written to no more, since they refuse the credentials",
            registry=registry,
        )


class HomeTabMetrics:
    def __init__(self, metrics: Metrics) -> None:
        self.published = Counter(
            "upstairs_home_tabs_published",
            "Calls that publish a person's home tab in a channel",
            ("medium", "outcome"),
            registry=metrics.registry,
        )
