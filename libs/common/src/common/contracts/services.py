"""The services, and which of them owns each topic.

To add a service, add it here and follow the failures of `tests/unit/deploy/test_services.py`.
"""

SERVICES = ("intake", "router", "escalation", "notifier")
# Only the owner publishes to a topic.
TOPIC_OWNERS = {
    "contacts": "intake",
    "assignments": "router",
    "clocks": "escalation",
    "escalations": "escalation",
    "notifications": "notifier",
    "people": "router",
}


def source_of(service: str) -> str:
    """Return the CloudEvents source of what a service publishes."""
    return f"/upstairs/{service}"
