"""Who is on duty when, overrides and swaps."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Body, Query
from pydantic import Field

from common.contracts.event import PersonId
from common.http.access import Principal, SupervisorUser
from common.http.app import RequestModel, Slug
from common.http.pagination import Page
from common.http.problems import ProblemError
from common.storage.database import Database
from escalation import use_cases
from escalation.api.deps import EscalationDatabase, check_length, transaction
from escalation.api.schemas import Out, SettingOut
from escalation.api.settings import get_or_404
from escalation.domain import errors
from escalation.domain.duty import changes
from escalation.domain.duty.schedules import (
    Absences,
    DutySchedule,
    Instant,
    Override,
    Swap,
    on_duty,
)
from escalation.domain.duty.shifts import gaps, shifts
from escalation.store.unit_of_work import UnitOfWork

router = APIRouter(prefix="/v1/duty-schedules", tags=["duty"])

_LONGEST_PERIOD = timedelta(days=370)
_DEFAULT_PERIOD = timedelta(days=28)


class PeriodQuery(RequestModel):
    from_: Instant | None = Field(None, alias="from", description="now if not given")
    until: Instant | None = Field(None, description="four weeks after `from` if not given")

    def bounds(self, now: datetime) -> tuple[datetime, datetime]:
        start = self.from_ or now
        end = self.until or start + _DEFAULT_PERIOD
        check_length(start, end, _LONGEST_PERIOD, "query/until", after="from")
        return start, end


class OnDutyOut(Out):
    at: datetime = Field(description="The instant of the answer.")
    person_ids: tuple[PersonId, ...] = Field(description="Who is on duty then.")


class ShiftOut(Out):
    person_id: PersonId = Field(description="Who is on duty.")
    start: datetime = Field(description="When the shift begins.")
    end: datetime = Field(description="When it ends.")


class GapOut(Out):
    start: datetime = Field(description="From when nobody is on duty.")
    end: datetime = Field(description="Until when.")


@router.get("/{setting_id}/on-duty")
async def show_on_duty(
    setting_id: Slug,
    database: EscalationDatabase,
    _caller: SupervisorUser,
    at: Instant | None = None,
) -> OnDutyOut:
    """Show who is on duty, now or at an instant past or future, by the schedule in force."""
    schedule, absences, now = await _in_force(setting_id, database)
    return OnDutyOut(at=at or now, person_ids=on_duty(schedule, at or now, absences))


@router.get("/{setting_id}/shifts")
async def list_shifts(
    setting_id: Slug,
    period: Annotated[PeriodQuery, Query()],
    database: EscalationDatabase,
    _caller: SupervisorUser,
) -> Page[ShiftOut]:
    """List the shifts of a period of at most 370 days, all on one page."""
    schedule, absences, now = await _in_force(setting_id, database)
    start, end = period.bounds(now)
    listed = await asyncio.to_thread(shifts, schedule, start, end, absences)
    return Page(items=[ShiftOut.model_validate(shift) for shift in listed], next_cursor=None)


@router.get("/{setting_id}/gaps")
async def list_gaps(
    setting_id: Slug,
    period: Annotated[PeriodQuery, Query()],
    database: EscalationDatabase,
    _caller: SupervisorUser,
) -> Page[GapOut]:
    """List when nobody is on duty though somebody should be, over at most 370 days."""
    schedule, absences, now = await _in_force(setting_id, database)
    start, end = period.bounds(now)
    listed = await asyncio.to_thread(gaps, schedule, start, end, absences)
    return Page(items=[GapOut.model_validate(gap) for gap in listed], next_cursor=None)


async def _in_force(
    setting_id: str, database: Database[UnitOfWork]
) -> tuple[DutySchedule, Absences, datetime]:
    async with transaction(database) as uow:
        schedule = await get_or_404(DutySchedule, setting_id, uow)
        return schedule.body, (await uow.settings.in_force()).absences, uow.now


@router.post("/{setting_id}/overrides")
async def add_override(
    setting_id: Slug,
    override: Annotated[Override, Body()],
    database: EscalationDatabase,
    caller: SupervisorUser,
) -> SettingOut[DutySchedule]:
    """Put a person on duty in place of the scheduled one, or in a gap."""
    check_length(override.from_, override.until, _LONGEST_PERIOD, "body/until", after="from")
    only = _own_shifts_only(caller)
    return await _change(
        setting_id,
        lambda schedule: changes.apply_override(schedule, override, only),
        database,
        caller.subject,
    )


@router.post("/{setting_id}/swaps")
async def add_swap(
    setting_id: Slug,
    swap: Annotated[Swap, Body()],
    database: EscalationDatabase,
    caller: SupervisorUser,
) -> SettingOut[DutySchedule]:
    """Let two people take each other's turns for a period."""
    check_length(swap.from_, swap.until, _LONGEST_PERIOD, "body/until", after="from")
    only = _own_shifts_only(caller)
    return await _change(
        setting_id,
        lambda schedule: changes.apply_swap(schedule, swap, only),
        database,
        caller.subject,
    )


def _own_shifts_only(caller: Principal) -> PersonId | None:
    """Return the only person whose shifts the caller may change, or None for anyone's."""
    return None if caller.role in ("manager", "admin") else PersonId(caller.subject)


async def _change(
    setting_id: str,
    change: Callable[[DutySchedule], DutySchedule],
    database: Database[UnitOfWork],
    by: str,
) -> SettingOut[DutySchedule]:
    try:
        async with transaction(database) as uow:
            await get_or_404(DutySchedule, setting_id, uow)
            changed = await use_cases.update_schedule(setting_id, change, by, uow)
    except errors.NotOwnShiftError as error:
        raise ProblemError(403, "forbidden", str(error)) from error
    except errors.InvalidChangeError as error:
        raise ProblemError(409, "invalid-change", str(error)) from error
    return SettingOut.model_validate(changed)
