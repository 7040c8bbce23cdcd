"""A case that is to be read in its system, since a delivery had not what the case is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(minutes=5)
_LIFE: Final = timedelta(days=1)


class CaseName(NamedTuple):
    """`event_id` is of what was done with the case, and the same if it is reported again."""

    event_id: str
    case_ref: str


@dataclass(frozen=True, slots=True)
class CaseRead:
    """`headers` and `body` are of the delivery. `holder` names one attempt, by one process.

    `is_opened`: the case could not be read at once, so its contact was made without it.
    """

    kind: str
    connection: str
    event_id: str
    case_ref: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    requested_at: datetime
    attempts: int
    is_opened: bool
    holder: str

    def is_expired(self, now: datetime) -> bool:
        return now >= self.requested_at + _LIFE

    def wait(self) -> timedelta:
        """Return how long until the next attempt."""
        return min(_FIRST_WAIT * (1 << min(self.attempts - 1, 10)), _LONGEST_WAIT)
