"""Times of people: overrides, swaps and absences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import ConfigDict, Field, with_config

from common.contracts.contract import Instant
from common.contracts.event import PersonId
from common.contracts.validation_messages import InvalidValueError
from escalation.domain.types import StaffId


def _in_order(from_: datetime, until: datetime) -> None:
    if from_ >= until:
        raise InvalidValueError("from must be before until", "period-not-in-order")


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Override:
    """This person instead of those whose turn it is; of several at once the last one counts.

    With `instead_of` it covers that person's shifts only, not the time between them. While the
    person is absent it does not count.
    """

    person_id: StaffId
    """The person on duty instead."""
    from_: Annotated[Instant, Field(alias="from")]
    """The start, not in the past."""
    until: Instant
    """The end, not in the past."""
    instead_of: StaffId | None = None
    """Covers the shifts of this person only; without it the person is on duty all the time."""

    def __post_init__(self) -> None:
        _in_order(self.from_, self.until)
        if self.instead_of == self.person_id:
            raise InvalidValueError("nobody covers their own shifts", "same-person")

    @property
    def people(self) -> frozenset[PersonId]:
        """Whom it names."""
        return frozenset((self.person_id, self.instead_of or self.person_id))

    def replace_in(self, people: tuple[PersonId, ...]) -> tuple[PersonId, ...]:
        if self.instead_of is None:
            return (self.person_id,)
        replaced = (self.person_id if person == self.instead_of else person for person in people)
        return tuple(dict.fromkeys(replaced))


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Swap:
    """Two people take each other's turns in this time; who is absent takes none."""

    first: StaffId
    """A person."""
    second: StaffId
    """The person to exchange turns with."""
    from_: Annotated[Instant, Field(alias="from")]
    """The start, not in the past."""
    until: Instant
    """The end, not in the past."""

    def __post_init__(self) -> None:
        _in_order(self.from_, self.until)
        if self.first == self.second:
            raise InvalidValueError("a swap takes two people", "same-person")

    @property
    def people(self) -> frozenset[PersonId]:
        """Whom it names."""
        return frozenset((self.first, self.second))

    def instead_of(self, person: PersonId) -> PersonId:
        return {self.first: self.second, self.second: self.first}.get(person, person)


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Absence:
    """A person has no duty in this time, and no pages at a level; the stand-in has both.

    Without a stand-in nobody replaces the person automatically.
    """

    from_: Annotated[Instant, Field(alias="from")]
    """The start."""
    until: Instant
    """The end, not in the past."""
    stand_in: StaffId | None = None
    """Who is on duty and paged instead, and may approve what the person may."""

    def __post_init__(self) -> None:
        _in_order(self.from_, self.until)


DutyWindow = Override | Swap | Absence
Absences = Mapping[PersonId, Sequence[Absence]]
NO_ABSENCES: Absences = {}
# Of who has left.
ALWAYS = Absence(datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 12, 31, tzinfo=UTC))


def contains(windows: Sequence[DutyWindow], at: datetime) -> bool:
    """Tell whether any of the windows contains the time."""
    return any(window.from_ <= at < window.until for window in windows)


def is_absent(person: PersonId, at: datetime, absences: Absences) -> bool:
    return contains(absences.get(person, ()), at)
