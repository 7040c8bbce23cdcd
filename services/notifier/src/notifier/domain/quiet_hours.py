"""What a recipient's quiet hours mean for a page that is due."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from notifier.domain import delivery_reasons, delivery_rules
from notifier.domain.notifications import Notification, stop
from notifier.domain.recipients import Recipient


def quiet_until(page: Notification, recipient: Recipient, at: datetime) -> datetime | None:
    """Return until when the page waits; None if it is sent now."""
    return delivery_rules.quiet_until(
        recipient.rules,
        recipient.time_zone,
        page.content.severity,
        page.content.reason,
        at,
        on_duty=page.content.on_duty,
    )


def hold_back(page: Notification, until: datetime, at: datetime) -> Notification:
    """Let the summary at the end of quiet hours carry the page."""
    held_back = stop(page, "held_back", delivery_reasons.quiet_hours(until, page.time_zone))
    return replace(held_back, held_back_at=page.held_back_at or at)


def postpone(page: Notification, until: datetime) -> Notification:
    """Let a later step follow as long after the end of quiet hours as after the page."""
    delay = page.due_at - _wait_began_at(page) if page.due_at else timedelta(0)
    reason = delivery_reasons.quiet_hours(until, page.time_zone)
    return replace(page, due_at=until + delay, reason=reason.text, reason_data=reason.data)


def _wait_began_at(page: Notification) -> datetime:
    """Return from when the delay of a step counts: from the end of earlier quiet hours, if any."""
    data = page.reason_data
    if data is None or data.code != "quiet-hours":
        return page.requested_at
    return datetime.fromisoformat(data.parameters["until"])
