"""A summary changes the message of the one before, rather than being a further message."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from common.contracts.event import EscalationId, NotificationId
from notifier.domain import brake
from notifier.domain.brake import MAX_PAGES_IN_SUMMARY, BrakePolicy, severity_rank
from notifier.domain.content import Summary
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Notification, is_relevant
from notifier.domain.reasons import asks_for


@dataclass(frozen=True, slots=True)
class EarlierSummary:
    """The summary that a person got last, and all pages that its message has carried."""

    summary: Notification
    pages: tuple[Notification, ...]
    escalations: Mapping[EscalationId, Escalation]


def message_ids(summary: Notification) -> tuple[NotificationId, ...]:
    """Return the summaries that its message has shown, the one that was sent first."""
    content = summary.content.summary or Summary()
    return (*content.earlier, summary.notification_id)


def notified_at(summary: Notification) -> datetime | None:
    """Return when its message was sent: a change of it makes no sound."""
    content = summary.content.summary or Summary()
    return content.notified_at or summary.sent_at


def change_earlier(
    summary: Notification,
    pages: Sequence[Notification],
    earlier: EarlierSummary,
    policy: BrakePolicy,
    at: datetime,
) -> tuple[Notification, tuple[Notification, ...]] | None:
    """Return the summary as a change of the earlier one's message, and the pages as part of it.

    It shows what is open of the earlier pages, too. None if a further message is needed: the person
    has answered one of the earlier, a page is more urgent than they were, the last sound is too
    long ago, the message can't be found, or has no room.
    """
    if not _can_change(summary, earlier, policy, at):
        return None
    fresh = {page.escalation_id for page in pages if page.escalation_id}
    still_open = [
        page
        for page in earlier.pages
        if page.escalation_id not in fresh and _is_open(page, earlier.escalations)
    ]
    if not still_open or len(still_open) + len(pages) > MAX_PAGES_IN_SUMMARY:
        return None
    if _greatest_urgency(pages) > _greatest_urgency(earlier.pages):
        return None
    filled, parts = brake.fill(summary, [*pages, *still_open], 0)
    content = filled.content.summary or Summary()
    chained = replace(
        content,
        earlier=message_ids(earlier.summary),
        notified_at=notified_at(earlier.summary),
    )
    own = {page.notification_id for page in pages}
    changing = replace(
        filled,
        receipt=earlier.summary.receipt,
        content=replace(filled.content, summary=chained),
    )
    return changing, tuple(part for part in parts if part.notification_id in own)


def _can_change(
    summary: Notification, earlier: EarlierSummary, policy: BrakePolicy, at: datetime
) -> bool:
    before = earlier.summary
    shown = before.content.summary or Summary()
    heard_at = notified_at(before)
    return (
        before.state == "sent"
        # A call of it may still arrive, and would undo this change.
        and not before.ambiguous
        and bool(before.receipt)
        and before.address == summary.address
        and heard_at is not None
        and at < heard_at + policy.update_window
        and not shown.elsewhere
        and all(page.acted_at is None for page in earlier.pages)
    )


def _is_open(page: Notification, escalations: Mapping[EscalationId, Escalation]) -> bool:
    if page.escalation_id is None:
        return True
    escalation = escalations.get(page.escalation_id)
    return escalation is not None and is_relevant(page, escalation)


def _greatest_urgency(pages: Iterable[Notification]) -> tuple[bool, int]:
    return max(
        (
            (asks_for(page.content.reason) == "answer", severity_rank(page.content.severity))
            for page in pages
        ),
        default=(False, 0),
    )
