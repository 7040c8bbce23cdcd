"""Who is on duty when, and who steps in for whom."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import Field

from common.contracts.event import PersonId
from common.http.access import Principal
from common.http.app import RequestModel, Slug
from common.http.problems import ProblemError
from common.storage.database import Database
from escalation import handlers
from escalation.api.deps import EscalationDatabase, Upstairs, check_length, work
from escalation.api.settings import found
from escalation.domain.duty import changes
from escalation.domain.duty.schedules import (
    Absences,
    DutySchedule,
    Instant,
    Override,
    Swap,
    on_duty,
)
from escalation.domain.duty.shifts import Gap, Shift, gaps, shifts
from escalation.domain.settings.registry import Versioned
from escalation.store.unit_of_work import UnitOfWork

router = APIRouter(prefix="/v1/duty-schedules", tags=["duty"])

_LONGEST = timedelta(days=370)
_USUAL = timedelta(days=28)


class Window(RequestModel):
    """From now and for four weeks, unless it is said."""

    from_: Instant | None = Field(default=None, alias="from")
    until: Instant | None = None

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        start = self.from_ or now
        end = self.until or start + _USUAL
        check_length(start, end, _LONGEST, "query/until", after="from")
        return start, end


class OnDuty(RequestModel):
    at: datetime
    person_ids: tuple[PersonId, ...]


class Shifts(RequestModel):
    shifts: list[Shift]


class Gaps(RequestModel):
    gaps: list[Gap]


@router.get("/{setting_id}/on-duty")
async def show_on_duty(
    setting_id: Slug, database: EscalationDatabase, _caller: Upstairs, at: Instant | None = None
) -> OnDuty:
    """Show who is on duty, now or at an instant past or future, as the schedule is now."""
    schedule, absences, now = await _in_force(setting_id, database)
    return OnDuty(at=at or now, person_ids=on_duty(schedule, at or now, absences))


@router.get("/{setting_id}/shifts")
async def show_shifts(
    setting_id: Slug,
    window: Annotated[Window, Query()],
    database: EscalationDatabase,
    _caller: Upstairs,
) -> Shifts:
    """Show who is on duty from when until when, over 370 days at most."""
    schedule, absences, now = await _in_force(setting_id, database)
    start, end = window.bounds(now)
    return Shifts(shifts=await asyncio.to_thread(shifts, schedule, start, end, absences))


@router.get("/{setting_id}/gaps")
async def show_gaps(
    setting_id: Slug,
    window: Annotated[Window, Query()],
    database: EscalationDatabase,
    _caller: Upstairs,
) -> Gaps:
    """Show when nobody is on duty though somebody should be, over 370 days at most."""
    schedule, absences, now = await _in_force(setting_id, database)
    start, end = window.bounds(now)
    return Gaps(gaps=await asyncio.to_thread(gaps, schedule, start, end, absences))


async def _in_force(
    setting_id: str, database: Database[UnitOfWork]
) -> tuple[DutySchedule, Absences, datetime]:
    async with work(database) as uow:
        schedule = await found(DutySchedule, setting_id, uow)
        return schedule.body, (await uow.configurations.in_force()).absences, uow.now


@router.post("/{setting_id}/overrides")
async def override(
    setting_id: Slug,
    override: Annotated[Override, Body()],
    database: EscalationDatabase,
    caller: Upstairs,
) -> Versioned[DutySchedule]:
    """Put somebody on duty instead of whoever's turn it is, or where there is a gap."""
    check_length(override.from_, override.until, _LONGEST, "body/until", after="from")
    only = _bound_to(caller)
    return await _change(
        setting_id,
        lambda schedule: changes.overridden(schedule, override, only),
        database,
        caller.subject,
    )


@router.post("/{setting_id}/swaps")
async def swap(
    setting_id: Slug,
    swap: Annotated[Swap, Body()],
    database: EscalationDatabase,
    caller: Upstairs,
) -> Versioned[DutySchedule]:
    """Let two people take each other's turns for a time."""
    check_length(swap.from_, swap.until, _LONGEST, "body/until", after="from")
    only = _bound_to(caller)
    return await _change(
        setting_id,
        lambda schedule: changes.swapped(schedule, swap, only),
        database,
        caller.subject,
    )


def _bound_to(caller: Principal) -> PersonId | None:
    """Return whose shifts alone the caller may change, or None for anyone's."""
    return None if caller.role in ("manager", "admin") else PersonId(caller.subject)


async def _change(
    setting_id: str,
    change: Callable[[DutySchedule], DutySchedule],
    database: Database[UnitOfWork],
    by: str,
) -> Versioned[DutySchedule]:
    try:
        async with work(database) as uow:
            await found(DutySchedule, setting_id, uow)
            return await handlers.amend(setting_id, change, by, uow)
    except changes.NotOwnShiftError as error:
        raise ProblemError(403, "forbidden", str(error)) from error
    except changes.UnchangeableError as error:
        raise ProblemError(409, "unchangeable", str(error)) from error
