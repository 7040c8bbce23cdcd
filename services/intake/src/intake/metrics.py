"""The metrics of intake, in addition to those of every service."""

from prometheus_client import CollectorRegistry, Gauge


class ConnectionMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.silent = Gauge(
            "upstairs_silent_connections",
            "Connections by which nothing comes though something is expected",
            registry=registry,
        )
