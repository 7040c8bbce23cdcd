"""Changes of a duty roster: what they do to whom, and who may make them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeVar

from common.contracts.event import PersonId
from common.core.ids import derived_id
from escalation.domain.duty.rosters import (
    MAX_CHANGES,
    DutyChanges,
    Roster,
    on_duty,
    planned_people,
)
from escalation.domain.duty.shifts import format_period, intervals
from escalation.domain.duty.windows import NO_ABSENCES, Absences, Override, Swap, is_absent
from escalation.domain.errors import InvalidChangeError, NotOwnShiftError

C = TypeVar("C", Override, Swap)

# What feeds show of the past; the answers about the past come from the versions of the changes.
_KEPT_FOR = timedelta(days=31)
# How late a change that starts "now" may arrive.
_LATENESS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ChangedInterval:
    """A time with other people on duty after a change.

    `turns`: whose turn it is without any override.
    """

    start: datetime
    end: datetime
    before: frozenset[PersonId]
    after: frozenset[PersonId]
    turns: frozenset[PersonId]
    is_gap: bool

    def concerns_only(self, person: PersonId) -> bool:
        """Tell whether the person fills a gap, or takes back the own turn."""
        gained = self.after - self.before
        return gained == {person} and (self.is_gap or self.turns == {person})


def changed_intervals(
    before: Roster,
    after: Roster,
    window: Override | Swap,
    absences: Absences = NO_ABSENCES,
) -> list[ChangedInterval]:
    """Return what differs in the time of the change, in order, as planned without absences.

    Absences only make gaps, which anybody may fill. Whose turn it is follows from the swaps in
    force before: a new swap makes no turn the own.
    """
    without = replace(before, changes=replace(before.changes, overrides=()))
    start, end = window.from_, window.until
    both = (intervals(roster, start, end, absences) for roster in (before, after))
    instants = sorted({at for parts in both for part in parts for at in (part.start, part.end)})
    candidates = [
        ChangedInterval(
            start=from_,
            end=until,
            before=_planned(before, from_),
            after=_planned(after, from_),
            turns=_planned(without, from_),
            is_gap=not on_duty(before, from_, absences),
        )
        for from_, until in pairwise(instants)
    ]
    return [interval for interval in candidates if interval.before != interval.after]


def _planned(roster: Roster, at: datetime) -> frozenset[PersonId]:
    return frozenset(planned_people(roster, at, NO_ABSENCES))


def people_affected(changed: list[ChangedInterval]) -> frozenset[PersonId]:
    """Return who has other shifts after the change."""
    return frozenset().union(*(interval.before ^ interval.after for interval in changed))


def consent_needed(changed: list[ChangedInterval], by: PersonId) -> PersonId | None:
    """Return who must agree before a change that `by` asks for, or None.

    Anybody may fill a gap, and a person may take back the own turn. Who gives away a shift asks the
    one who gets it. Raises NotOwnShiftError where the change is a manager's.
    """
    if all(interval.concerns_only(by) for interval in changed):
        return None
    others = people_affected(changed) - {by}
    losers = frozenset[PersonId]().union(*(each.before - each.after for each in changed))
    if by in losers and len(others) == 1:
        return next(iter(others))
    whose = " and ".join(sorted(others)) or "nobody"
    raise NotOwnShiftError(f"This takes the role manager, since it changes shifts of {whose}.")


def add_change(
    roster: Roster, change: Override | Swap, at: datetime, absences: Absences = NO_ABSENCES
) -> Roster:
    """Put somebody on duty, or let two people take each other's turns, from `at` on.

    Raises InvalidChangeError for one that is over, has no effect, or gives a shift to somebody who
    is absent.
    """
    _require_not_over(change, at)
    changes = _without_old(roster.changes, at)
    if change in changes.all:
        return roster
    change = _from_now_on(change, at)
    if isinstance(change, Swap):
        _require_turns(roster, change)
        after = replace(changes, swaps=(*changes.swaps, change))
    else:
        after = replace(changes, overrides=(*changes.overrides, change))
    if max(len(after.overrides), len(after.swaps)) > MAX_CHANGES:
        raise InvalidChangeError(
            f"The schedule has {MAX_CHANGES} of these: delete some.",
            "changes-too-many",
            number=MAX_CHANGES,
        )
    changed = replace(roster, changes=after)
    _require_effect(roster, changed, change, absences)
    return changed


def remove_change(roster: Roster, change: Override | Swap, at: datetime) -> Roster:
    """Take back what is left of a change; what is past of it stays."""
    _require_not_over(change, at)
    changes = roster.changes
    left = DutyChanges(
        _shortened(changes.overrides, change, at), _shortened(changes.swaps, change, at)
    )
    return replace(roster, changes=left)


def _shortened(changes: tuple[C, ...], removed: Override | Swap, at: datetime) -> tuple[C, ...]:
    return tuple(
        replace(each, until=at) if each == removed else each
        for each in changes
        if each != removed or each.from_ < at
    )


def change_id(schedule_id: str, change: Override | Swap) -> str:
    """Return the id by which a change is listed and taken back."""
    if isinstance(change, Swap):
        who = f"swap:{change.first}:{change.second}"
    else:
        who = f"override:{change.person_id}:{change.instead_of or ''}"
    return derived_id(
        schedule_id, who, *(at.astimezone(UTC).isoformat() for at in (change.from_, change.until))
    )


def _require_not_over(change: Override | Swap, at: datetime) -> None:
    if change.until <= at:
        raise InvalidChangeError("It is over, and the past stays as it was.", "change-over")


def _from_now_on(change: Override | Swap, at: datetime) -> Override | Swap:
    return replace(change, from_=at) if change.from_ < at - _LATENESS else change


def require_future(change: Override | Swap, at: datetime) -> None:
    """Raise InvalidChangeError for a change that says who was on duty before."""
    if change.from_ < at - _LATENESS:
        raise InvalidChangeError(
            f"It starts in the past. Let it start at {at:%Y-%m-%dT%H:%M:%SZ} or later.",
            "change-in-the-past",
            now=at.isoformat(),
        )


def _without_old(changes: DutyChanges, at: datetime) -> DutyChanges:
    return DutyChanges(
        tuple(override for override in changes.overrides if override.until > at - _KEPT_FOR),
        tuple(swap for swap in changes.swaps if swap.until > at - _KEPT_FOR),
    )


def _require_turns(roster: Roster, swap: Swap) -> None:
    parts = intervals(roster, swap.from_, swap.until, NO_ABSENCES)
    planned = {person for part in parts for person in part.people}
    for person in (swap.first, swap.second):
        if person not in planned:
            raise InvalidChangeError(
                f"{person} has no turn in that time.", "person-without-turn", person_id=person
            )


def _require_effect(
    before: Roster, after: Roster, change: Override | Swap, absences: Absences
) -> None:
    changed = changed_intervals(before, after, change, absences)
    if not changed:
        raise InvalidChangeError(
            "Nobody's shift would change in that time.", "change-without-effect"
        )
    for person, start, end in _absent_gainers(changed, absences):
        when = format_period(start, end)
        raise InvalidChangeError(
            f"{person} is absent from {when}: choose somebody else.",
            "person-absent",
            person_id=person,
            start=start.isoformat(),
            end=end.isoformat(),
        )


def _absent_gainers(
    changed: list[ChangedInterval], absences: Absences
) -> Iterator[tuple[PersonId, datetime, datetime]]:
    for interval in changed:
        for person in sorted(interval.after - interval.before):
            if is_absent(person, interval.start, absences):
                yield person, interval.start, interval.end
