"""Who was on duty: by the settings as they were at each moment, which no later change alters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from common.contracts.event import PersonId
from escalation.domain.duty.rosters import NO_CHANGES, DutyChanges, Roster, on_duty
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty.shifts import (
    Gap,
    Interval,
    Shift,
    intervals,
    merge_gaps,
    merge_shifts,
)
from escalation.domain.duty.windows import Absences
from escalation.domain.settings.people import Person, PersonAbsences, absences_of


@dataclass(frozen=True, slots=True)
class DutyPlan:
    """A roster and the absences, as they were known from `since` on."""

    since: datetime
    roster: Roster
    absences: Absences


@dataclass(frozen=True, slots=True)
class DutyHistory:
    """The plans of a duty schedule in order; the first one counts before it too."""

    plans: Sequence[DutyPlan]

    def plan_at(self, at: datetime) -> DutyPlan:
        earlier = (plan for plan in reversed(self.plans) if plan.since <= at)
        return next(earlier, self.plans[0])

    def on_duty(self, at: datetime) -> tuple[PersonId, ...]:
        plan = self.plan_at(at)
        return on_duty(plan.roster, at, plan.absences)

    def shifts(self, start: datetime, end: datetime) -> list[Shift]:
        return merge_shifts(self._intervals(start, end))

    def gaps(self, start: datetime, end: datetime) -> list[Gap]:
        return merge_gaps(self._intervals(start, end))

    def _intervals(self, start: datetime, end: datetime) -> Iterator[Interval]:
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        begins = (plan.since.astimezone(UTC) for plan in self.plans)
        for from_, until in pairwise(
            sorted({start, *(at for at in begins if start < at < end), end})
        ):
            plan = self.plan_at(from_)
            yield from intervals(plan.roster, from_, until, plan.absences)


def history_of(
    versions: tuple[DutySchedule, ...],
    changes: Sequence[tuple[datetime, DutyChanges]],
    people: Sequence[tuple[datetime, PersonId, Person]],
    absences: Sequence[tuple[datetime, PersonId, PersonAbsences]],
) -> DutyHistory:
    """Return a plan for each moment at which changes, people or absences were put.

    They come in the order in which they were put; each has its moment. Versions of the schedule
    carry their own.
    """
    moments = {_BEGINNING, *(row[0] for row in changes), *(row[0] for row in (*people, *absences))}
    plans = []
    for since in sorted(moments):
        bodies = [body for at, body in changes if at <= since]
        staff = {person_id: person for at, person_id, person in people if at <= since}
        away = {person_id: body for at, person_id, body in absences if at <= since}
        roster = Roster(versions, bodies[-1] if bodies else NO_CHANGES)
        plans.append(DutyPlan(since, roster, absences_of(staff, away)))
    return DutyHistory(plans)


_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
