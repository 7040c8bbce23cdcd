"""Sessions: who is signed in, in which browser, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

from common.contracts.event import PersonRole

# A shift. A role that the provider takes away ends with the session at the latest.
MAX_LIFE: Final = timedelta(hours=12)
# Without a request and without a live page, which also counts as a request.
MAX_IDLE: Final = timedelta(hours=1)
WARNED_BEFORE_END: Final = timedelta(minutes=10)
# So often a session that is in use is marked as seen.
SEEN_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """`id_token` is what the provider wants back at the sign-out; of a development sign-in None."""

    session_id: str
    person_id: str
    role: PersonRole
    name: str
    zone: str
    browser: str
    address: str
    id_token: str | None
    created_at: datetime
    seen_at: datetime
    ends_at: datetime

    @property
    def row(self) -> Mapping[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def is_valid(self, now: datetime) -> bool:
        return now < self.ends_at and now < self.seen_at + MAX_IDLE

    def must_be_marked(self, now: datetime) -> bool:
        return now >= self.seen_at + SEEN_EVERY


def ends_soon(ends_at: datetime, now: datetime) -> bool:
    """Return whether the person should be told that the session ends."""
    return now >= ends_at - WARNED_BEFORE_END
