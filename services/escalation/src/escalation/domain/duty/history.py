"""Who was on duty: by the settings as they were at each moment, which no later change alters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from common.contracts.event import PersonId
from escalation.domain.duty.rosters import Roster, on_duty
from escalation.domain.duty.shifts import (
    Gap,
    Interval,
    Shift,
    intervals,
    merge_gaps,
    merge_shifts,
)
from escalation.domain.duty.windows import Absences


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
        known = (plan for plan in reversed(self.plans) if plan.since <= at)
        return next(known, self.plans[0])

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
