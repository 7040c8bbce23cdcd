"""The metrics of the console, in addition to those of every service."""

from prometheus_client import CollectorRegistry, Counter, Histogram

_SERVICE_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class ConsoleMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.sign_ins = Counter(
            "upstairs_console_sign_ins",
            "Sign-ins by outcome: done, or why not",
            ("outcome",),
            registry=registry,
        )
        self.service_seconds = Histogram(
            "upstairs_console_service_seconds",
            "Time until another service has answered the console",
            ("service",),
            registry=registry,
            buckets=_SERVICE_BUCKETS_S,
        )
