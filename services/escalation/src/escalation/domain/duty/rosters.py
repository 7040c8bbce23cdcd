"""Who is on duty at an instant: the version of the schedule at that time, with its changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated

from annotated_types import Len
from pydantic import ConfigDict, with_config

from common.contracts.event import PersonId
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty.stand_ins import all_acting_for
from escalation.domain.duty.windows import (
    NO_ABSENCES,
    Absences,
    Override,
    Swap,
    contains,
    is_absent,
)

# Each of them is checked at every look-up of who is on duty.
MAX_CHANGES = 1000


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class DutyChanges:
    """The changes of a duty schedule that people agreed on, in the order they were made."""

    overrides: Annotated[tuple[Override, ...], Len(max_length=MAX_CHANGES)] = ()
    """Who replaces a turn; the last one counts."""
    swaps: Annotated[tuple[Swap, ...], Len(max_length=MAX_CHANGES)] = ()
    """Who exchanges turns."""

    @property
    def all(self) -> tuple[Override | Swap, ...]:
        return (*self.overrides, *self.swaps)

    @property
    def people(self) -> frozenset[PersonId]:
        swapping = (person for swap in self.swaps for person in (swap.first, swap.second))
        return frozenset((*swapping, *(override.person_id for override in self.overrides)))


NO_CHANGES = DutyChanges()


@dataclass(frozen=True, slots=True)
class Roster:
    """The versions of a duty schedule, each from its moment on, and the changes to all of them.

    Of the versions that count at an instant the last one put applies.
    """

    versions: tuple[DutySchedule, ...]
    changes: DutyChanges = NO_CHANGES

    @property
    def people(self) -> frozenset[PersonId]:
        """Everybody who may be on duty at some time."""
        return self.changes.people.union(*(version.members for version in self.versions))

    def schedule_at(self, at: datetime) -> DutySchedule | None:
        """Return the version in force; None before there was any."""
        return next((version for version in reversed(self.versions) if version.counts_at(at)), None)

    def should_have_somebody(self, at: datetime) -> bool:
        schedule = self.schedule_at(at)
        return schedule is not None and schedule.should_have_somebody(at)

    def periods(
        self, start: datetime, end: datetime
    ) -> Iterator[tuple[datetime, datetime, DutySchedule | None]]:
        """Yield (start, end, version in force), in order of time."""
        begins = (version.from_.astimezone(UTC) for version in self.versions if version.from_)
        instants = sorted({start, *(at for at in begins if start < at < end), end})
        for from_, until in pairwise(instants):
            yield from_, until, self.schedule_at(from_)


def on_duty(roster: Roster, at: datetime, absences: Absences = NO_ABSENCES) -> tuple[PersonId, ...]:
    """Return who is on duty; where rotations overlap there are several, who is asked first first.

    A change for somebody who is absent does not count: whose turn it is stays. Who is absent then
    is replaced by the stand-in, if there is one.
    """
    return all_acting_for(planned_people(roster, at, absences), at, absences)


def planned_people(roster: Roster, at: datetime, absences: Absences) -> tuple[PersonId, ...]:
    """Return whose turn it is after all changes, also if they are absent."""
    schedule = roster.schedule_at(at)
    people = schedule.members_at(at) if schedule else ()
    for swap in roster.changes.swaps:
        if contains((swap,), at):
            people = _swapped(swap, people, at, absences)
    for override in roster.changes.overrides:
        if contains((override,), at) and not is_absent(override.person_id, at, absences):
            people = override.replace_in(people)
    return people


def _swapped(
    swap: Swap, people: tuple[PersonId, ...], at: datetime, absences: Absences
) -> tuple[PersonId, ...]:
    exchanged = ((person, swap.instead_of(person)) for person in people)
    return tuple(
        dict.fromkeys(
            person if is_absent(other, at, absences) else other for person, other in exchanged
        )
    )
