"""The metrics of router, in addition to those of every service."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from common.contracts.assignments import ContactUnserved
from common.contracts.event import Event


class RoutingMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.unserved = Counter(
            "upstairs_contacts_unserved",
            "Contacts whose skill and language no active representative had when they had to wait",
            registry=registry,
        )

    def observe(self, events: Iterable[Event]) -> None:
        self.unserved.inc(sum(isinstance(event, ContactUnserved) for event in events))
