"""How many messages a person gets in a time; what is over that waits for a summary.

Three budgets count the messages on a medium: to a recipient, about a customer, and about contacts
that came by a channel. A page is sent by itself while none of them is used up. The first page that
is held back makes a summary at once; the next summary to the same person comes an interval later.

A flood about one customer hides nobody else's contact: that customer uses at most half of a
recipient's budget, and in a summary customers take turns, and so do channels.

A repeat asks a person who was asked before. While summaries go to that person repeats wait for
them, and a summary of repeats alone comes after twice the time of the one before.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.escalations import SEVERITIES, Severity
from common.contracts.event import NotificationId
from notifier.domain.content import Content, HeldPage, Summary
from notifier.domain.delivery_reasons import SUPERSEDED, BudgetKind, over_budget
from notifier.domain.notifications import Notification, stop
from notifier.domain.reasons import asks_for

# More do not fit into a message that a person reads; Slack takes at most 50 blocks.
MAX_PAGES_IN_SUMMARY: Final = 20
# Looked through for a summary: several may be about the same escalation.
MAX_HELD_PAGES: Final = 200
# With so many it is a storm: one message says how many there are, where they are listed, and shows
# the first. It carries so many at most.
STORM_PAGES: Final = 60
MAX_STORM_PAGES: Final = 1000


@dataclass(frozen=True, slots=True)
class BrakePolicy:
    """The most messages in any `window`, and the shortest time between two summaries.

    Between summaries of repeats alone it doubles up to `longest_interval`. A budget of 0 has no
    limit. More than `burst` pages to a person in any `burst_window` are a burst; the first summary
    of it comes `linger` later, so that it has the most of them. For `update_window` after a summary
    the next may change its message.
    """

    recipient: int = 5
    customer: int = 10
    channel: int = 30
    window: timedelta = timedelta(seconds=60)
    interval: timedelta = timedelta(seconds=60)
    longest_interval: timedelta = timedelta(minutes=15)
    burst: int = 2
    burst_window: timedelta = timedelta(seconds=5)
    linger: timedelta = timedelta(seconds=0.7)
    update_window: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Limit:
    kind: BudgetKind
    key: str
    most: int
    window: timedelta


class Budget(Struct, frozen=True):
    """`sent_at` are the messages in the window. `summary_due_at` is that of the latest summary.

    `summaries` counts those that followed each other.
    """

    key: str
    sent_at: tuple[datetime, ...] = ()
    summary_due_at: datetime | None = None
    summaries: int = 0
    changed_at: datetime | None = None

    def used(self, window: timedelta, at: datetime) -> int:
        return sum(at - sent_at < window for sent_at in self.sent_at)

    def spend(self, window: timedelta, at: datetime) -> "Budget":
        recent = (sent_at for sent_at in self.sent_at if at - sent_at < window)
        return replace(self, sent_at=(*recent, at), changed_at=at)

    def notice(self, limit: Limit, at: datetime) -> "Budget":
        """Count a page whether it is sent or not; no more are remembered than the limit needs."""
        noticed = self.spend(limit.window, at)
        return replace(noticed, sent_at=noticed.sent_at[-limit.most :])


def recipient_key(notification: Notification) -> str:
    return f"recipient/{notification.medium}/{notification.person_id}"


def limits(notification: Notification, policy: BrakePolicy) -> tuple[Limit, ...]:
    """Return the budgets that a page draws on."""
    medium, own_key = notification.medium, recipient_key(notification)
    all_limits = [
        Limit("recipient", own_key, policy.recipient, policy.window),
        _burst_limit(notification, own_key, policy),
    ]
    if notification.content.contact is not None:
        customer, sender = customer_of(notification), sender_of(notification)
        all_limits += (
            Limit("customer", f"customer/{medium}/{customer}", policy.customer, policy.window),
            Limit("channel", f"channel/{medium}/{sender}", policy.channel, policy.window),
            Limit("share", f"{own_key}/{customer}", (policy.recipient + 1) // 2, policy.window),
        )
    return tuple(limit for limit in all_limits if limit.most > 0)


def _burst_limit(notification: Notification, own_key: str, policy: BrakePolicy) -> Limit:
    """Return the limit of a burst; in one of less severe pages the first critical goes at once."""
    if notification.content.severity == SEVERITIES[-1] and policy.burst:
        return Limit("burst", f"burst/critical/{own_key}", 1, policy.burst_window)
    return Limit("burst", f"burst/{own_key}", policy.burst, policy.burst_window)


def spend(
    page: Notification, budgets: Mapping[str, Budget], policy: BrakePolicy, at: datetime
) -> list[Budget]:
    """Return the budgets after the page was sent."""
    return [
        budgets[limit.key].notice(limit, at)
        if limit.kind == "burst"
        else budgets[limit.key].spend(limit.window, at)
        for limit in limits(page, policy)
    ]


def notice(
    page: Notification, budgets: Mapping[str, Budget], policy: BrakePolicy, at: datetime
) -> list[Budget]:
    """Return the budgets after the page was held back: a burst lasts as long as pages come."""
    return [
        budgets[limit.key].notice(limit, at)
        for limit in limits(page, policy)
        if limit.kind == "burst"
    ]


def customer_of(page: Notification) -> str:
    """Return whom it is about; the contact stands for a customer who is not known."""
    contact = page.content.contact
    return (contact.customer_id if contact else None) or page.contact_id


def sender_of(page: Notification) -> str:
    """Return what sent the contact."""
    contact = page.content.contact
    return (contact.received_from or contact.channel) if contact else ""


def exhausted(
    notification: Notification, budgets: Mapping[str, Budget], policy: BrakePolicy, at: datetime
) -> Limit | None:
    """Return the first budget that has no room for this page."""
    for limit in limits(notification, policy):
        if budgets[limit.key].used(limit.window, at) >= limit.most:
            return limit
    return None


def waits_for_summary(
    notification: Notification, budgets: Mapping[str, Budget], policy: BrakePolicy, at: datetime
) -> Limit | None:
    """Return the recipient's budget if it is a repeat to somebody who gets summaries now."""
    own = limits(notification, policy)[:1]
    if not own or own[0].kind != "recipient" or not notification.content.is_repeat:
        return None
    return own[0] if _is_series(budgets[own[0].key], policy, at) else None


def _is_series(budget: Budget, policy: BrakePolicy, at: datetime) -> bool:
    """Tell whether summaries still follow each other: the last was due not long ago."""
    due_at = budget.summary_due_at
    return due_at is not None and at < due_at + 2 * _repeat_interval(budget, policy)


def _repeat_interval(budget: Budget, policy: BrakePolicy) -> timedelta:
    doubled = policy.interval * 2.0 ** min(budget.summaries, 20)
    return max(policy.interval, min(doubled, policy.longest_interval))


def hold_back(notification: Notification, limit: Limit, at: datetime) -> Notification:
    reason = over_budget(limit.kind, limit.most, limit.window.total_seconds())
    return replace(stop(notification, "held_back", reason), held_back_at=at)


def next_summary_at(
    budget: Budget, policy: BrakePolicy, at: datetime, *, repeat: bool = False
) -> datetime:
    """Return when the next summary is due; one of repeats alone waits longer each time."""
    interval = _repeat_interval(budget, policy) if repeat else policy.interval
    first = at + policy.linger
    return max(first, budget.summary_due_at + interval) if budget.summary_due_at else first


def plan_summary(budget: Budget, due_at: datetime, policy: BrakePolicy, at: datetime) -> Budget:
    """Count the summary that is due then."""
    before = budget.summaries if _is_series(budget, policy, at) else 0
    return replace(budget, summary_due_at=due_at, summaries=before + 1, changed_at=at)


def newest(
    pages: Iterable[Notification],
) -> tuple[tuple[Notification, ...], tuple[Notification, ...]]:
    """Return the newest page about each escalation, and the others as superseded.

    It is no repeat if one of the others was none: the person has not read of it yet.
    """
    by_escalation: dict[str, Notification] = {}
    superseded: list[Notification] = []
    for each in sorted(pages, key=lambda page: (page.requested_at, page.notification_id)):
        page = each
        key = page.escalation_id or page.notification_id
        if key in by_escalation:
            older = by_escalation[key]
            superseded.append(stop(older, "superseded", SUPERSEDED))
            is_repeat = older.content.is_repeat and page.content.is_repeat
            page = replace(page, content=replace(page.content, is_repeat=is_repeat))
        by_escalation[key] = page
    return tuple(by_escalation.values()), tuple(superseded)


def fill(
    summary: Notification, pages: Sequence[Notification], others: int, *, carries_all: bool = False
) -> tuple[Notification, tuple[Notification, ...]]:
    """Return the summary with the first of these pages by turns, and the pages as part of it.

    It has them in the order of their urgency. So many `others` wait, too. If it `carries_all`,
    those that it does not show are part of it as well.
    """
    by_turn = by_turns(pages)
    shown = sorted(by_turn[:MAX_PAGES_IN_SUMMARY], key=_urgency)
    unshown = by_turn[MAX_PAGES_IN_SUMMARY:] if carries_all else []
    chosen = tuple(replace(page, summary_id=summary.notification_id) for page in (*shown, *unshown))
    later = others + len(pages) - len(chosen)
    held_pages = tuple(
        HeldPage(page.notification_id, page.contact_id, page.escalation_id, _short(page.content))
        for page in shown
    )
    content = replace(summary.content, summary=Summary(held_pages, later, len(unshown)))
    return replace(summary, content=content), chosen


def emptied(summary: Notification) -> Notification:
    """Return a summary that is over without its copies of pages; it still has their number."""
    content = summary.content.summary
    if content is None or not content.pages:
        return summary
    rest = replace(content, pages=(), later=len(content.pages) + content.later)
    return replace(summary, content=replace(summary.content, summary=rest))


def by_turns(pages: Iterable[Notification]) -> list[Notification]:
    """Order pages: first those that need an answer and are no repeat.

    Of these the first of each channel comes before the second of any, in a channel likewise the
    first about each customer, then what is more severe, then what is due earlier.
    """
    by_customer = _numbered(sorted(pages, key=by_severity_and_urgency), customer_of)
    by_channel = _numbered(
        [page for _, page in sorted(by_customer, key=lambda each: (_group(each[1]), each[0]))],
        sender_of,
    )
    ordered = sorted(
        by_channel, key=lambda each: (_group(each[1]), each[0], by_severity_and_urgency(each[1]))
    )
    return [page for _, page in ordered]


def _numbered(
    pages: Iterable[Notification], owner_of: Callable[[Notification], str]
) -> list[tuple[int, Notification]]:
    """Count the pages of each owner in their order, apart for each group."""
    counts: Counter[tuple[object, str]] = Counter()
    numbered = []
    for page in pages:
        key = (_group(page), owner_of(page))
        numbered.append((counts[key], page))
        counts[key] += 1
    return numbered


def _group(page: Notification) -> tuple[bool, bool]:
    return (asks_for(page.content.reason) != "answer", page.content.is_repeat)


def by_severity_and_urgency(page: Notification) -> tuple[int, object]:
    """Order pages: the most severe first, then as a summary shows them."""
    return (-severity_rank(page.content.severity), _urgency(page))


def severity_rank(severity: Severity | None) -> int:
    return SEVERITIES.index(severity) if severity else 0


def _urgency(page: Notification) -> tuple[bool, bool, bool, datetime, NotificationId]:
    """Order pages: first those that need an answer and are no repeat, then by their deadline."""
    respond_by = page.content.respond_by
    return (
        *_group(page),
        respond_by is None,
        respond_by or page.requested_at,
        page.notification_id,
    )


def _short(content: Content) -> Content:
    cause = content.causes[-1:] if content.reason == "updated" else content.causes[:1]
    return replace(content, causes=cause)
