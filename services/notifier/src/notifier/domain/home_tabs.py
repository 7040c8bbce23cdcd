"""The home tab of a person in a channel: what needs that person, and when it is published."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from common.contracts.event import EscalationId, PersonId
from common.contracts.notifications import Medium
from notifier.domain.brake import by_severity_and_urgency
from notifier.domain.delivery import Outcome, Postponed, Sent, doubled_delay
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Notification, is_relevant
from notifier.domain.reasons import asks_for
from notifier.domain.recipients import DEFAULT_LANGUAGE, DEFAULT_TIME_ZONE, Recipient

# A view of Slack has at most 100 blocks; each escalation takes two of them.
MAX_ITEMS: Final = 40
# Of a flood of changes one publication shows the most.
MIN_INTERVAL: Final = timedelta(seconds=2)
# While somebody may look at it, the times in it are renewed.
LOOKED_AT: Final = timedelta(minutes=10)
RENEWAL_INTERVAL: Final = timedelta(minutes=1)
# A process may die before it says that something has changed.
CHECK_INTERVAL: Final = timedelta(minutes=5)
# Twice the time limit of a call; a publication that takes longer counts as lost.
CALL_LIMIT: Final = timedelta(seconds=5)
_LEASE: Final = 2 * CALL_LIMIT
_FIRST_RETRY: Final = timedelta(seconds=2)
_LONGEST_RETRY: Final = timedelta(minutes=5)


class HomeTab(Struct, frozen=True):
    """The home tab of a user, who has opened it. It is looked at when it is due.

    `claimed_at`: when the publication that is under way began. `changed`: something may have
    changed since. `fingerprint` is that of what was published last. `failures` are in a row.
    """

    key: str
    medium: Medium
    user_id: str
    opened_at: datetime
    due_at: datetime
    claimed_at: datetime | None = None
    changed: bool = False
    published_at: datetime | None = None
    fingerprint: str | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class HomeView:
    """What a home tab shows: the most urgent first, so many `more` are not shown.

    `person_id` is None of a user who is no recipient. An item of what the person holds says until
    when; it may be another person's message if the person had none.
    """

    person_id: PersonId | None = None
    items: tuple[Notification, ...] = ()
    more: int = 0
    link_epoch: int = 0
    time_zone: str = DEFAULT_TIME_ZONE
    language: str = DEFAULT_LANGUAGE

    @property
    def has_deadlines(self) -> bool:
        return any(item.content.respond_by is not None for item in self.items)

    @property
    def fingerprint(self) -> str:
        shown = [(item.notification_id, item.person_id, item.content) for item in self.items]
        reader = (self.person_id, self.link_epoch, self.time_zone, self.language)
        return sha256(msgspec.json.encode((reader, self.more, shown))).hexdigest()


def home_tab_key(medium: Medium, user_id: str) -> str:
    return f"{medium}/{user_id}"


def view_of(
    recipient: Recipient | None,
    pages: Iterable[Notification],
    escalations: Mapping[EscalationId, Escalation],
) -> HomeView:
    """Return what the person holds, and what waits for the person's answer or approval.

    `pages` has one about each escalation, which are those in `escalations`.
    """
    if recipient is None or not recipient.active:
        return HomeView()
    items = [
        item
        for page in pages
        if page.escalation_id is not None
        and (escalation := escalations.get(page.escalation_id)) is not None
        and (item := _item(recipient.person_id, page, escalation)) is not None
    ]
    ordered = sorted(items, key=by_severity_and_urgency)
    return HomeView(
        recipient.person_id,
        tuple(ordered[:MAX_ITEMS]),
        max(0, len(ordered) - MAX_ITEMS),
        recipient.link_epoch,
        recipient.time_zone,
        recipient.language or DEFAULT_LANGUAGE,
    )


def _item(person_id: PersonId, page: Notification, escalation: Escalation) -> Notification | None:
    if escalation.holder == person_id:
        content = replace(
            page.content,
            reason="lease_ending",
            respond_by=escalation.held_until,
            lease_end=None,
            explanation=None,
            approval=None,
            is_repeat=False,
        )
        return replace(page, content=content)
    asks = asks_for(page.content.reason) in ("answer", "approval")
    return page if asks and is_relevant(page, escalation) else None


def open_tab(before: HomeTab | None, medium: Medium, user_id: str, at: datetime) -> HomeTab:
    """Return the tab that its user has opened: it is published, since times in it have passed."""
    tab = before or HomeTab(home_tab_key(medium, user_id), medium, user_id, at, at)
    opened = replace(tab, opened_at=at, fingerprint=None, changed=True)
    return opened if opened.claimed_at else replace(opened, due_at=_earliest(opened, at))


def change(tab: HomeTab, at: datetime) -> HomeTab:
    """Return the tab after something may have changed; after a failure it waits as long."""
    changed = replace(tab, changed=True)
    if tab.claimed_at or tab.failures:
        return changed
    return replace(changed, due_at=min(tab.due_at, _earliest(tab, at)))


def _earliest(tab: HomeTab, at: datetime) -> datetime:
    return max(at, tab.published_at + MIN_INTERVAL) if tab.published_at else at


def claim(tab: HomeTab, view: HomeView, at: datetime) -> HomeTab:
    """Begin its publication if it would show something else; else it is due later."""
    looked_at = replace(tab, changed=False, claimed_at=None)
    if view.fingerprint == tab.fingerprint and not _times_have_passed(tab, view, at):
        return replace(looked_at, due_at=_next_look(looked_at, view, at))
    return replace(looked_at, claimed_at=at, due_at=at + _LEASE)


def _times_have_passed(tab: HomeTab, view: HomeView, at: datetime) -> bool:
    if not (view.has_deadlines and tab.published_at and at - tab.opened_at < LOOKED_AT):
        return False
    return at - tab.published_at >= RENEWAL_INTERVAL


def _next_look(tab: HomeTab, view: HomeView, at: datetime) -> datetime:
    if view.has_deadlines and at - tab.opened_at < LOOKED_AT:
        return at + RENEWAL_INTERVAL
    return at + CHECK_INTERVAL


def record(
    tab: HomeTab, claimed: HomeTab, view: HomeView, outcome: Outcome, at: datetime
) -> HomeTab:
    """Return the tab after the attempt that was `claimed`; a lost one changes nothing."""
    if tab.claimed_at != claimed.claimed_at:
        return tab
    if not isinstance(outcome, Sent):
        return fail(tab, at, outcome.wait if isinstance(outcome, Postponed) else None)
    due_at = at + MIN_INTERVAL if tab.changed else _next_look(tab, view, at)
    return replace(
        tab,
        claimed_at=None,
        failures=0,
        published_at=at,
        fingerprint=view.fingerprint,
        due_at=due_at,
    )


def fail(tab: HomeTab, at: datetime, wait: timedelta | None = None) -> HomeTab:
    """Return the tab after a failure: it is tried again, not before `wait`."""
    failures = tab.failures + 1
    delay = doubled_delay(_FIRST_RETRY, failures, _LONGEST_RETRY)
    due_at = at + max(delay, wait or timedelta(0))
    return replace(tab, claimed_at=None, failures=failures, due_at=due_at)
