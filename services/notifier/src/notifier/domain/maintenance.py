"""Maintenance windows: pages about a topic or a connection wait until their end. Clocks go on."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from notifier.domain.errors import MaintenanceTimesError
from notifier.domain.notifications import Notification

Scope = Literal["topic", "connection"]
# Who forgets one is not without pages for ever.
LONGEST: Final = timedelta(days=7)
_EARLIEST_SET: Final = timedelta(days=31)
# A process knows of a change after so long at the latest.
KNOWN_WITHIN: Final = timedelta(seconds=5)


class MaintenanceWindow(Struct, frozen=True):
    """`name` is the topic, or the system as `zendesk:acme`."""

    key: str
    scope: Scope
    name: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    set_by: str
    set_at: datetime

    @property
    def delay_reason(self) -> str:
        return f"maintenance of the {self.scope} {self.name}: {self.reason}"

    def covers(self, page: Notification, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at and self.name in _names(page, self.scope)


def key_of(scope: Scope, name: str) -> str:
    return f"{scope}/{name}"


def require_times(window: MaintenanceWindow, at: datetime) -> None:
    """Raises MaintenanceTimesError if it has ended already, or begins too late."""
    if window.ends_at <= at or window.starts_at > at + _EARLIEST_SET:
        raise MaintenanceTimesError


def delay(
    page: Notification, windows: Iterable[MaintenanceWindow], at: datetime
) -> Notification | None:
    """Return the page with the end that it waits for; None if it need not wait."""
    covering = [window for window in windows if window.covers(page, at)]
    if not covering:
        return None
    last = max(covering, key=lambda window: window.ends_at)
    return replace(page, state="pending", due_at=last.ends_at, delay_reason=last.delay_reason)


def _names(page: Notification, scope: Scope) -> tuple[str | None, ...]:
    contact, connection = page.content.contact, page.content.connection
    match scope:
        case "topic":
            return (contact.topic if contact else None,)
        case "connection":
            return (
                contact.received_from if contact else None,
                connection.system if connection else None,
            )
        case _:
            assert_never(scope)
