"""Requests to take another person's shift: they apply once that person agrees."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NewType

from common.contracts.event import PersonId, Role
from escalation.domain.duty.changes import ChangedInterval, consent_needed, people_affected
from escalation.domain.duty.windows import Override, Swap
from escalation.domain.errors import NotOwnShiftError
from escalation.domain.settings.people import Person, reporting_line

ChangeRequestId = NewType("ChangeRequestId", str)
ChangeRequestState = Literal["asked", "accepted", "refused", "withdrawn", "expired"]
_VALID_FOR: Final = timedelta(days=2)
# Of one person who asks, so that nobody is asked without end.
MAX_REQUESTS: Final = 20


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """`asked_by` wants the change, `person_id` must agree; it expires by itself.

    With `removes` the change is to be taken back. `answer` is how it ended: `asked_by` may
    withdraw it as long as there is none.
    """

    request_id: ChangeRequestId
    schedule_id: str
    change: Override | Swap
    asked_by: PersonId
    person_id: PersonId
    asked_at: datetime
    expires_at: datetime
    answer: Literal["accepted", "refused", "withdrawn"] | None = None
    answered_at: datetime | None = None
    removes: bool = False

    def state_at(self, at: datetime) -> ChangeRequestState:
        if self.answer is not None:
            return self.answer
        return "asked" if at < self.expires_at else "expired"


def expiry(change: Override | Swap, at: datetime) -> datetime:
    """Return until when the other person may agree: two days, and not after the shift."""
    return min(at + _VALID_FOR, change.until)


@dataclass(frozen=True, slots=True)
class DutyPlanner:
    """Who changes a schedule. Managers change any shifts, others those of people below them."""

    person: PersonId
    role: Role

    def consent_needed(
        self, changed: list[ChangedInterval], staff: Mapping[PersonId, Person]
    ) -> PersonId | None:
        """Return who must agree, or None; raises NotOwnShiftError."""
        if self.role in ("manager", "admin"):
            return None
        affected = people_affected(changed)
        if all(self.person in reporting_line(staff, person) for person in affected):
            return None
        return consent_needed(changed, self.person)

    def require_named(self, change: Override | Swap, staff: Mapping[PersonId, Person]) -> None:
        """Refuse a stranger to a change that has no effect now, but may have one again.

        Raises NotOwnShiftError.
        """
        named = change.people
        above = (reporting_line(staff, person) for person in named)
        is_above = all(self.person in line for line in above)
        if self.role not in ("manager", "admin") and self.person not in named and not is_above:
            whose = " and ".join(sorted(named))
            raise NotOwnShiftError(f"This takes the role manager, since it is for {whose}.")
