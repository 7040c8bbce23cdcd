"""How many messages a person gets in a time; what is over that waits for a summary.

Three budgets count the messages on a medium: to a recipient, about a customer, and about contacts
that came by a channel. A page is sent by itself while none of them is used up. The first page that
is held back makes a summary at once; the next summary to the same person comes an interval later.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from common.contracts.event import NotificationId
from notifier.domain.content import Content, HeldPage, Summary
from notifier.domain.notifications import Notification
from notifier.domain.reasons import asks_for

BudgetKind = Literal["recipient", "customer", "channel"]
# More do not fit into a message that a person reads; Slack takes at most 50 blocks.
MAX_PAGES_IN_SUMMARY: Final = 20


@dataclass(frozen=True, slots=True)
class BrakePolicy:
    """The most messages in any `window`, and the shortest time between two summaries.

    A budget of 0 has no limit.
    """

    recipient: int = 5
    customer: int = 10
    channel: int = 30
    window: timedelta = timedelta(seconds=60)
    interval: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Limit:
    kind: BudgetKind
    key: str
    most: int


@dataclass(frozen=True, slots=True)
class Budget:
    """`sent_at` are the messages in the window. `summary_due_at` is that of the latest summary."""

    key: str
    sent_at: tuple[datetime, ...] = ()
    summary_due_at: datetime | None = None
    changed_at: datetime | None = None

    def used(self, window: timedelta, at: datetime) -> int:
        return sum(at - sent_at < window for sent_at in self.sent_at)

    def spend(self, window: timedelta, at: datetime) -> "Budget":
        recent = (sent_at for sent_at in self.sent_at if at - sent_at < window)
        return replace(self, sent_at=(*recent, at), changed_at=at)


def recipient_key(notification: Notification) -> str:
    return f"recipient/{notification.medium}/{notification.person_id}"


def limits(notification: Notification, policy: BrakePolicy) -> tuple[Limit, ...]:
    """Return the budgets that a page draws on."""
    medium, contact = notification.medium, notification.content.contact
    all_limits = [Limit("recipient", recipient_key(notification), policy.recipient)]
    if contact is not None:
        customer = contact.customer_id or notification.contact_id
        source = contact.received_from or contact.channel
        all_limits += (
            Limit("customer", f"customer/{medium}/{customer}", policy.customer),
            Limit("channel", f"channel/{medium}/{source}", policy.channel),
        )
    return tuple(limit for limit in all_limits if limit.most > 0)


def exhausted(
    notification: Notification, budgets: Mapping[str, Budget], policy: BrakePolicy, at: datetime
) -> Limit | None:
    """Return the first budget that has no room for this page."""
    for limit in limits(notification, policy):
        if budgets[limit.key].used(policy.window, at) >= limit.most:
            return limit
    return None


def hold_back(notification: Notification, limit: Limit, policy: BrakePolicy) -> Notification:
    reason = (
        f"held back: over the budget of {limit.most} messages in"
        f" {policy.window.total_seconds():g} s for one {limit.kind}"
    )
    return replace(notification, state="held_back", due_at=None, reason=reason)


def next_summary_at(budget: Budget, policy: BrakePolicy, at: datetime) -> datetime:
    """Return when the next summary is due."""
    earliest = budget.summary_due_at + policy.interval if budget.summary_due_at else at
    return max(at, earliest)


def fill(
    summary: Notification, pages: Iterable[Notification], later: int
) -> tuple[Notification, tuple[Notification, ...]]:
    """Return the summary with these pages, the most urgent first, and the pages as part of it."""
    chosen = tuple(
        replace(page, summary_id=summary.notification_id) for page in sorted(pages, key=_urgency)
    )
    held_pages = tuple(
        HeldPage(page.notification_id, page.contact_id, page.escalation_id, _short(page.content))
        for page in chosen
    )
    content = replace(summary.content, summary=Summary(held_pages, later))
    return replace(summary, content=content), chosen


def emptied(summary: Notification) -> Notification:
    """Return a summary that is over without its copies of pages; it still has their number."""
    content = summary.content.summary
    if content is None or not content.pages:
        return summary
    rest = Summary(later=len(content.pages) + content.later)
    return replace(summary, content=replace(summary.content, summary=rest))


def _urgency(page: Notification) -> tuple[bool, bool, datetime, NotificationId]:
    """Order pages: those that need an answer first, then by their deadline."""
    respond_by = page.content.respond_by
    return (
        asks_for(page.content.reason) != "answer",
        respond_by is None,
        respond_by or page.requested_at,
        page.notification_id,
    )


def _short(content: Content) -> Content:
    cause = content.causes[-1:] if content.reason == "updated" else content.causes[:1]
    return replace(content, causes=cause)
