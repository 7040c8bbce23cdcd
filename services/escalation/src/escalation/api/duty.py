"""Who is on duty when, overrides and swaps."""

import asyncio
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Body, Query, Response
from pydantic import Field

from common.contracts.event import Instant, PersonId
from common.http.access import Principal, SupervisorUser
from common.http.app import RequestModel, Slug
from common.http.pagination import Page
from common.storage.database import Database
from escalation import use_cases
from escalation.api.deps import EscalationDatabase, check_length, transaction
from escalation.api.schemas import Out, SettingOut
from escalation.api.settings import get_or_404
from escalation.domain.change_requests import (
    ChangeRequest,
    ChangeRequestId,
    ChangeRequestState,
    DutyPlanner,
)
from escalation.domain.duty.schedules import (
    Absences,
    DutySchedule,
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


class ChangeRequestOut(Out):
    request_id: ChangeRequestId = Field(description="The request's id.")
    schedule_id: str = Field(description="The schedule to change.")
    change: Override | Swap = Field(description="The change that applies once it is accepted.")
    asked_by: PersonId = Field(description="Who wants the change.")
    person_id: PersonId = Field(description="Who must agree.")
    asked_at: datetime = Field(description="When it was asked for.")
    expires_at: datetime = Field(description="Until when it may be accepted.")
    state: ChangeRequestState = Field(description="Its state.")

    @classmethod
    def of(cls, request: ChangeRequest, at: datetime) -> "ChangeRequestOut":
        return cls(
            request_id=request.request_id,
            schedule_id=request.schedule_id,
            change=request.change,
            asked_by=request.asked_by,
            person_id=request.person_id,
            asked_at=request.asked_at,
            expires_at=request.expires_at,
            state=request.state_at(at),
        )


_ASKED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "The other person is asked to agree.", "model": ChangeRequestOut}
}


@router.post("/{setting_id}/overrides", responses=_ASKED)
async def add_override(
    setting_id: Slug,
    override: Annotated[Override, Body()],
    database: EscalationDatabase,
    caller: SupervisorUser,
    response: Response,
) -> SettingOut[DutySchedule] | ChangeRequestOut:
    """Put a person on duty in place of the scheduled one, or in a gap.

    Your own shift goes to another person once that person agrees. Managers change any shifts,
    supervisors those of the people who report to them. Nobody changes the past.
    """
    return await _change(setting_id, override, database, caller, response)


@router.post("/{setting_id}/swaps", responses=_ASKED)
async def add_swap(
    setting_id: Slug,
    swap: Annotated[Swap, Body()],
    database: EscalationDatabase,
    caller: SupervisorUser,
    response: Response,
) -> SettingOut[DutySchedule] | ChangeRequestOut:
    """Let two people who have turns in a period take each other's, once the other one agrees."""
    return await _change(setting_id, swap, database, caller, response)


@router.get("/{setting_id}/change-requests")
async def list_change_requests(
    setting_id: Slug, database: EscalationDatabase, _caller: SupervisorUser
) -> Page[ChangeRequestOut]:
    """List the requests that may still be answered, the oldest first, at most 1,000."""
    async with transaction(database) as uow:
        requests = await uow.change_requests.open_ones(setting_id, uow.now)
    return Page(
        items=[ChangeRequestOut.of(request, uow.now) for request in requests], next_cursor=None
    )


@router.post("/{setting_id}/change-requests/{request_id}/accept")
async def accept(
    setting_id: Slug, request_id: UUID, database: EscalationDatabase, caller: SupervisorUser
) -> ChangeRequestOut:
    """Agree to the change of your shifts; it applies at once."""
    return await _answer(setting_id, request_id, database, caller, agrees=True)


@router.post("/{setting_id}/change-requests/{request_id}/refuse")
async def refuse(
    setting_id: Slug, request_id: UUID, database: EscalationDatabase, caller: SupervisorUser
) -> ChangeRequestOut:
    """Refuse the change of your shifts."""
    return await _answer(setting_id, request_id, database, caller, agrees=False)


async def _change(
    setting_id: str,
    change: Override | Swap,
    database: Database[UnitOfWork],
    caller: Principal,
    response: Response,
) -> SettingOut[DutySchedule] | ChangeRequestOut:
    check_length(change.from_, change.until, _LONGEST_PERIOD, "body/until", after="from")
    planner = DutyPlanner(PersonId(caller.subject), caller.role)
    async with transaction(database) as uow:
        await get_or_404(DutySchedule, setting_id, uow)
        result = await use_cases.change_duty(setting_id, change, planner, uow)
    if isinstance(result, ChangeRequest):
        response.status_code = HTTPStatus.ACCEPTED
        return ChangeRequestOut.of(result, uow.now)
    return SettingOut[DutySchedule].model_validate(result)


async def _answer(
    setting_id: str,
    request_id: UUID,
    database: Database[UnitOfWork],
    caller: Principal,
    *,
    agrees: bool,
) -> ChangeRequestOut:
    async with transaction(database) as uow:
        await get_or_404(DutySchedule, setting_id, uow)
        answered = await use_cases.answer_change_request(
            setting_id,
            ChangeRequestId(str(request_id)),
            PersonId(caller.subject),
            uow,
            agrees=agrees,
        )
    return ChangeRequestOut.of(answered, uow.now)
