"""Maintenance windows: pages about a topic, a connection or a campaign wait until their end.

Clocks go on. The start and the end are announced, each once.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.event import PersonId
from notifier.domain.content import Maintenance, MaintenanceScope
from notifier.domain.errors import MaintenanceTimesError
from notifier.domain.notifications import Notification

Scope = MaintenanceScope
Announcement = Literal["begin", "end"]
# Who forgets one is not without pages for ever.
LONGEST: Final = timedelta(days=7)
_EARLIEST_SET: Final = timedelta(days=31)
# A process knows of a change after so long at the latest.
KNOWN_WITHIN: Final = timedelta(seconds=5)
# The announcement of the end lets the pages go that waited for it. Without one they go by then.
PAGES_DUE_AFTER_END: Final = timedelta(seconds=10)
# After a change of a window, the pages that waited are due. By then each process knows of it.
RELEASE_DELAY: Final = 1.2 * KNOWN_WITHIN
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_DELAYED: Final = "maintenance of the"


class MaintenanceWindow(Struct, frozen=True):
    """`name` is the topic, the campaign, or the system as `zendesk:acme`.

    `ended_by`: who ended it early. What is announced is so for good. `release_at`: a process that
    did not know of a change may have delayed pages until the end before, and they are let go then.
    """

    key: str
    scope: Scope
    name: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    set_by: str
    set_at: datetime
    begin_announced_at: datetime | None = None
    end_announced_at: datetime | None = None
    ended_by: str | None = None
    release_at: datetime | None = None

    @property
    def delay_reason(self) -> str:
        return f"{self.delay_prefix}{self.reason}"

    @property
    def delay_prefix(self) -> str:
        """Return how `delay_reason` begins, also before a change of the reason."""
        return f"{_DELAYED} {self.scope} {self.name}: "

    def is_open(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at

    def covers(self, page: Notification, at: datetime) -> bool:
        return self.is_open(at) and self.name in _names(page, self.scope)


def is_delay(delay_reason: str) -> bool:
    """Tell whether a page that says so waits for the end of a window."""
    return delay_reason.startswith(_DELAYED)


class WaitingPages(Struct, frozen=True):
    """How many pages of a person wait for an end."""

    person_id: PersonId
    count: int


def key_of(scope: Scope, name: str) -> str:
    return f"{scope}/{name}"


def require_times(window: MaintenanceWindow, at: datetime) -> None:
    """Raises MaintenanceTimesError if it has ended already, or begins too late."""
    if window.ends_at <= at or window.starts_at > at + _EARLIEST_SET:
        raise MaintenanceTimesError


def take_place_of(
    before: MaintenanceWindow | None, window: MaintenanceWindow, at: datetime
) -> MaintenanceWindow:
    """Return the window that replaces another one: if both are open, it goes on unannounced."""
    if before is None:
        return window
    after = replace(window, release_at=at + RELEASE_DELAY)
    if not (before.is_open(at) and window.is_open(at)):
        return after
    return replace(after, begin_announced_at=before.begin_announced_at)


def end(window: MaintenanceWindow, by: str, at: datetime) -> MaintenanceWindow:
    return replace(window, ends_at=at, ended_by=by, release_at=at + RELEASE_DELAY)


def unreadable(key: str) -> MaintenanceWindow:
    """Return what stands in for a window whose row can't be read: it is over and announced."""
    return MaintenanceWindow(key, "topic", key, _NEVER, _NEVER, "", "", _NEVER, _NEVER, _NEVER)


def due_announcement(window: MaintenanceWindow, at: datetime) -> Announcement | None:
    """Return what people do not know yet."""
    if window.is_open(at):
        return "begin" if window.begin_announced_at is None else None
    if at < window.starts_at or window.end_announced_at is not None:
        return None
    return "end"


def about(
    window: MaintenanceWindow, pages: int = 0, planned_until: datetime | None = None
) -> Maintenance:
    """Return what a message says of it; `pages` that waited for the end follow."""
    return Maintenance(
        window.scope,
        window.name,
        window.reason,
        window.set_by,
        window.ends_at,
        pages,
        window.ended_by,
        planned_until,
    )


def delay(
    page: Notification, windows: Iterable[MaintenanceWindow], at: datetime
) -> Notification | None:
    """Return the page with the end that it waits for; None if it need not wait."""
    covering = [window for window in windows if window.covers(page, at)]
    if not covering:
        return None
    last = max(covering, key=lambda window: window.ends_at)
    due_at = last.ends_at + PAGES_DUE_AFTER_END
    return replace(page, state="pending", due_at=due_at, delay_reason=last.delay_reason)


def _names(page: Notification, scope: Scope) -> tuple[str | None, ...]:
    contact, connection = page.content.contact, page.content.connection
    match scope:
        case "topic":
            return (contact.topic if contact else None,)
        case "campaign":
            return (contact.campaign if contact else None,)
        case "connection":
            return (
                contact.received_from if contact else None,
                connection.system if connection else None,
            )
        case _:
            assert_never(scope)
