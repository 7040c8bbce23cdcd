"""Notifications as steps of a person's rule."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from msgspec.structs import replace

from common.contracts.escalations import Severity
from notifier.domain.delivery_reasons import DeliveryReason, later_step
from notifier.domain.delivery_rules import PlannedMedium
from notifier.domain.notifications import Notification
from notifier.domain.reasons import asks_for


def at_step(notification: Notification, planned: PlannedMedium) -> Notification:
    """Let it be sent when the person's rule says so."""
    due_at = notification.requested_at + planned.after
    return replace(notification, due_at=due_at, step=planned.step)


def reason_of(planned: PlannedMedium) -> DeliveryReason | None:
    """Return why a message on the medium comes later than at once."""
    return later_step(planned.step) if planned.step > 1 else None


def times_to_answer(pages: Iterable[Notification]) -> Mapping[Severity, timedelta]:
    """Return the shortest time that a page of each severity left for an answer."""
    shortest: dict[Severity, timedelta] = {}
    for page in pages:
        severity, respond_by = page.content.severity, page.content.respond_by
        if severity and respond_by and asks_for(page.content.reason) == "answer":
            left = respond_by - page.requested_at
            shortest[severity] = min(left, shortest.get(severity, left))
    return shortest
