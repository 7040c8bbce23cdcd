"""The promises made to one contact, explained."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from common.contracts.contacts import Priority
from common.contracts.escalations import ClockName, ThresholdAction
from common.contracts.event import ContactId
from common.http.app import ContactPath
from escalation.api.deps import EscalationDatabase, Staff, work
from escalation.domain.clocks import timeline
from escalation.domain.clocks.timeline import Line
from escalation.domain.duty.calendars import Calendar
from escalation.domain.model import Clock, ClockState

router = APIRouter(prefix="/v1/contacts", tags=["clocks"])


class ShownThreshold(BaseModel):
    """100 percent without an `offset_s` is the deadline itself.

    While the clock is paused, `due_at` of what has not fired is nil: nobody knows.
    """

    percent: int
    offset_s: float | None
    action: ThresholdAction
    priority: Priority | None
    due_at: datetime | None
    fired_at: datetime | None
    lateness_ms: float | None


class ShownRef(BaseModel):
    id: str
    version: int


class ShownLine(BaseModel):
    """`at` is from when it counts, `run` which of the clock's runs it is about."""

    at: datetime
    run: int
    what: str


class ShownClock(BaseModel):
    """`words` tells how it stands, `history` how it came to that.

    `elapsed_s` and `left_business_s` count in the calendar's business time, `left_s` on the wall:
    until the deadline, below nothing if late. `due_at` is nil while it is paused.
    """

    clock: ClockName
    run: int
    state: ClockState
    words: str
    policy: ShownRef
    calendar: ShownRef | None
    target_s: float
    started_at: datetime
    due_at: datetime | None
    thresholds: list[ShownThreshold]
    met_at: datetime | None
    cancelled_at: datetime | None
    paused_at: datetime | None
    paused_because: str | None
    elapsed_s: float
    left_s: float | None
    left_business_s: float | None
    history: list[ShownLine]


class ShownClocks(BaseModel):
    contact_id: ContactId
    at: datetime
    clocks: list[ShownClock]


@router.get("/{contact_id}/clocks")
async def show_clocks(
    contact_id: ContactPath, database: EscalationDatabase, _caller: Staff
) -> ShownClocks:
    """Show each promise to a contact: what, by which policy, until when, and what became of it."""
    async with work(database) as uow:
        told = await uow.watches.clock_story(contact_id)
        configuration = await uow.configurations.in_force()
    lines = timeline.tell(told.events)
    return ShownClocks(
        contact_id=contact_id,
        at=uow.now,
        clocks=[
            _shown(
                clock,
                configuration.calendar_at(clock.calendar),
                [line for line in lines if line.clock == clock.name],
                uow.now,
            )
            for clock in told.watch.clocks
        ],
    )


def _shown(
    clock: Clock, calendar: Calendar | None, lines: Sequence[Line], at: datetime
) -> ShownClock:
    elapsed_s = timeline.spent_s(calendar, clock, at)
    stands_still = clock.paused_at is not None and not clock.ended
    runs_on = not clock.ended and not stands_still
    return ShownClock(
        clock=clock.name,
        run=clock.run,
        state=clock.state,
        words=timeline.summary(clock, at),
        policy=ShownRef(id=clock.policy.id, version=clock.policy.version),
        calendar=ShownRef.model_validate(clock.calendar, from_attributes=True)
        if clock.calendar
        else None,
        target_s=clock.target_s,
        started_at=clock.started_at,
        due_at=None if stands_still and not clock.breached else clock.due_at,
        thresholds=_thresholds(clock, stands_still=stands_still),
        met_at=clock.met_at,
        cancelled_at=clock.cancelled_at,
        paused_at=clock.paused_at if stands_still else None,
        paused_because=timeline.why_paused(lines) if stands_still else None,
        elapsed_s=elapsed_s,
        left_s=(clock.due_at - at).total_seconds() if runs_on else None,
        left_business_s=None if clock.ended else clock.target_s - elapsed_s,
        history=[ShownLine(at=line.at, run=line.run, what=line.what) for line in lines],
    )


def _thresholds(clock: Clock, *, stands_still: bool) -> list[ShownThreshold]:
    return [
        ShownThreshold(
            percent=each.percent,
            offset_s=each.offset_s,
            action=each.action,
            priority=each.priority,
            due_at=None if stands_still and each.fired_at is None else each.due_at,
            fired_at=each.fired_at,
            lateness_ms=each.lateness_ms,
        )
        for each in clock.thresholds
    ]
