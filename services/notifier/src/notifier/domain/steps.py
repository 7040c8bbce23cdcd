"""Notifications as steps of a person's rule."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from msgspec.structs import replace

from common.contracts.escalations import Severity
from notifier.domain.delivery_reasons import later_step
from notifier.domain.delivery_rules import PlannedMedium
from notifier.domain.notifications import Notification
from notifier.domain.reasons import asks_for


def at_step(notification: Notification, planned: PlannedMedium) -> Notification:
    """Let it be sent when the person's rule says so."""
    if planned.step == 1:
        return notification
    step = later_step(planned.step)
    text = f"{notification.reason}; {step.text}" if notification.reason else step.text
    return replace(
        notification,
        due_at=notification.requested_at + planned.after,
        step=planned.step,
        reason=text,
        reason_data=notification.reason_data or step.data,
    )


def times_to_answer(pages: Iterable[Notification]) -> Mapping[Severity, timedelta]:
    """Return the shortest time that a page of each severity left for an answer."""
    shortest: dict[Severity, timedelta] = {}
    for page in pages:
        severity, respond_by = page.content.severity, page.content.respond_by
        if severity and respond_by and asks_for(page.content.reason) == "answer":
            left = respond_by - page.requested_at
            shortest[severity] = min(left, shortest.get(severity, left))
    return shortest
