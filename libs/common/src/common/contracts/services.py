"""The services, and which of them owns each topic.

To add a service, add it here and follow the failures of `tests/unit/deploy/test_services.py`.
"""

from typing import Final, Literal

# They exchange events.
EventService = Literal["intake", "router", "escalation", "notifier"]
EVENT_SERVICES: tuple[str, ...] = ("intake", "router", "escalation", "notifier")
# The console is a client of the others: it has a schema and an image, but no topic and no API.
SERVICES = (*EVENT_SERVICES, "console")
# Only the owner publishes to a topic.
TOPIC_OWNERS = {
    "contacts": "intake",
    "statuses": "intake",
    "assignments": "router",
    "clocks": "escalation",
    "escalations": "escalation",
    "notifications": "notifier",
    "people": "router",
    "webhooks": "notifier",
}
# Outside systems write to the first and read the second; intake does the reverse. No service
# publishes its events there.
INBOUND_TOPIC: Final = "inbound"
REFUSED_TOPIC: Final = "inbound-refused"


def source_of(service: str) -> str:
    """Return the CloudEvents source of what a service publishes."""
    return f"/upstairs/{service}"
