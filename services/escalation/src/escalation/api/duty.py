"""Who is on duty when, overrides and swaps."""

import asyncio
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Body, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from common.contracts.contract import Instant
from common.http.access import Principal, SupervisorUser
from common.http.app import RequestModel
from common.http.pagination import Page
from common.http.routes import ApiRouter
from common.storage.database import Database
from escalation import duty_use_cases
from escalation.api.deps import EscalationDatabase, check_length, refusals, transaction
from escalation.api.duty_schemas import (
    ChangeRequestOut,
    GapOut,
    OnDutyOut,
    OverrideOut,
    ShiftOut,
    SwapOut,
)
from escalation.api.examples import (
    CHANGE_REQUEST,
    OVERRIDE,
    OVERRIDE_ID,
    SWAP,
    SWAP_ID,
)
from escalation.api.settings import SchedulePath, get_or_404
from escalation.domain import errors
from escalation.domain.change_requests import (
    ChangeRequest,
    ChangeRequestId,
    DutyPlanner,
)
from escalation.domain.duty.rosters import Roster
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty.windows import Override, Swap
from escalation.domain.duty_history import DutyHistory
from escalation.store.unit_of_work import UnitOfWork

router = ApiRouter(prefix="/v1/duty-schedules", tags=["duty"])

C = TypeVar("C", Override, Swap)

OverridePath = Annotated[UUID, Path(examples=[OVERRIDE_ID])]
SwapPath = Annotated[UUID, Path(examples=[SWAP_ID])]
RequestPath = Annotated[UUID, Path(examples=[CHANGE_REQUEST["request_id"]])]
_NOT_FOUND: Final = refusals(errors.SettingNotFoundError)
_ON_CHANGE: Final = (
    errors.SettingNotFoundError,
    errors.NotOwnShiftError,
    errors.InvalidChangeError,
)
_ON_REFUSE: Final = (
    errors.SettingNotFoundError,
    errors.ChangeRequestNotFoundError,
    errors.ChangeRequestClosedError,
)
_ON_ACCEPT: Final = (*_ON_REFUSE, errors.NotOwnShiftError, errors.InvalidChangeError)
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


@router.get("/{setting_id}/on-duty", responses=_NOT_FOUND)
async def show_on_duty(
    setting_id: SchedulePath,
    database: EscalationDatabase,
    _caller: SupervisorUser,
    at: Annotated[Instant | None, Query(description="now if not given")] = None,
) -> OnDutyOut:
    """Show who is on duty, now or at an instant past or future.

    The past is answered by what was in force then: no later change of schedules, overrides, swaps
    or absences alters it. Before the schedule was first put nobody was on duty. One that was
    archived is answered as it last was, since open escalations may go on by it. Where rotations
    overlap there are several people; the first is asked first.
    """
    history, now = await _history(setting_id, database, at)
    return OnDutyOut(at=at or now, person_ids=history.on_duty(at or now))


@router.get("/{setting_id}/shifts", responses=_NOT_FOUND)
async def list_shifts(
    setting_id: SchedulePath,
    period: Annotated[PeriodQuery, Query()],
    database: EscalationDatabase,
    _caller: SupervisorUser,
) -> Page[ShiftOut]:
    """List the shifts of a period of at most 370 days, all on one page; past ones as they were."""
    history, now = await _history(setting_id, database, period.from_)
    listed = await asyncio.to_thread(history.shifts, *period.bounds(now))
    return Page(items=[ShiftOut.model_validate(shift) for shift in listed], next_cursor=None)


@router.get("/{setting_id}/gaps", responses=_NOT_FOUND)
async def list_gaps(
    setting_id: SchedulePath,
    period: Annotated[PeriodQuery, Query()],
    database: EscalationDatabase,
    _caller: SupervisorUser,
) -> Page[GapOut]:
    """List when nobody is on duty though somebody should be, over at most 370 days."""
    history, now = await _history(setting_id, database, period.from_)
    listed = await asyncio.to_thread(history.gaps, *period.bounds(now))
    return Page(items=[GapOut.model_validate(gap) for gap in listed], next_cursor=None)


async def _history(
    setting_id: str, database: Database[UnitOfWork], since: datetime | None
) -> tuple[DutyHistory, datetime]:
    async with transaction(database) as uow:
        # An archived one has a past.
        await get_or_404(DutySchedule, setting_id, uow, archived=True)
        configuration = await uow.settings.in_force()
        history = await uow.duty_histories.of_schedule(setting_id, since or uow.now, configuration)
        return history, uow.now


_ASKED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"description": "The other person is asked to agree.", "model": ChangeRequestOut}
}
_PUT: Final = _ASKED | refusals(*_ON_CHANGE)


@router.post("/{setting_id}/overrides", responses=_PUT)
async def add_override(
    setting_id: SchedulePath,
    override: Annotated[Override, Body(examples=[OVERRIDE])],
    database: EscalationDatabase,
    caller: SupervisorUser,
    response: Response,
) -> OverrideOut | ChangeRequestOut:
    """Put a person on duty in place of the scheduled one, or in a gap.

    With `instead_of` the person covers that colleague's shifts only. One that starts in the past,
    or is for somebody who is absent then, is refused (409 `invalid-change`). Should the person be
    absent after all, whose turn it is stays on duty. Your own shift goes to another person once
    that person agrees. Managers change any shifts, supervisors those of the people who report to
    them.
    """
    result = await _change(setting_id, override, database, caller)
    if isinstance(result, Override):
        return OverrideOut.of(setting_id, result)
    response.status_code = HTTPStatus.ACCEPTED
    return result


@router.post("/{setting_id}/swaps", responses=_PUT)
async def add_swap(
    setting_id: SchedulePath,
    swap: Annotated[Swap, Body(examples=[SWAP])],
    database: EscalationDatabase,
    caller: SupervisorUser,
    response: Response,
) -> SwapOut | ChangeRequestOut:
    """Let two people who have turns in a period take each other's, once the other one agrees.

    As with overrides, the past stays, and nobody who is absent gets a shift.
    """
    result = await _change(setting_id, swap, database, caller)
    if isinstance(result, Swap):
        return SwapOut.of(setting_id, result)
    response.status_code = HTTPStatus.ACCEPTED
    return result


@router.get("/{setting_id}/overrides", responses=_NOT_FOUND)
async def list_overrides(
    setting_id: SchedulePath, database: EscalationDatabase, _caller: SupervisorUser
) -> Page[OverrideOut]:
    """List the overrides that are not over, at most 1,000; of several at once the last counts."""
    roster, now = await _roster(setting_id, database)
    listed = [override for override in roster.changes.overrides if override.until > now]
    items = [OverrideOut.of(setting_id, override) for override in listed]
    return Page(items=items, next_cursor=None)


@router.get("/{setting_id}/swaps", responses=_NOT_FOUND)
async def list_swaps(
    setting_id: SchedulePath, database: EscalationDatabase, _caller: SupervisorUser
) -> Page[SwapOut]:
    """List the swaps that are not over, at most 1,000."""
    roster, now = await _roster(setting_id, database)
    items = [SwapOut.of(setting_id, swap) for swap in roster.changes.swaps if swap.until > now]
    return Page(items=items, next_cursor=None)


_TAKEN_BACK: Final[dict[int | str, dict[str, Any]]] = {
    **_ASKED,
    **refusals(*_ON_CHANGE, errors.ChangeNotFoundError),
    204: {"description": "It is taken back; what is past of it stays."},
}


@router.delete(
    "/{setting_id}/overrides/{override_id}",
    status_code=204,
    response_model=None,
    responses=_TAKEN_BACK,
)
async def take_override_back(
    setting_id: SchedulePath,
    override_id: OverridePath,
    database: EscalationDatabase,
    caller: SupervisorUser,
) -> Response:
    """Take an override back from now on; who was on duty until now stays.

    You take back your own turns yourself. Who gives a shift back asks the colleague whose turn it
    is (202). Managers take back any, supervisors those of the people who report to them.
    """
    return await _take_back(setting_id, override_id, Override, database, caller)


@router.delete(
    "/{setting_id}/swaps/{swap_id}",
    status_code=204,
    response_model=None,
    responses=_TAKEN_BACK,
)
async def take_swap_back(
    setting_id: SchedulePath,
    swap_id: SwapPath,
    database: EscalationDatabase,
    caller: SupervisorUser,
) -> Response:
    """Take a swap back from now on, once the other one agrees (202); managers need no consent."""
    return await _take_back(setting_id, swap_id, Swap, database, caller)


@router.get("/{setting_id}/change-requests")
async def list_change_requests(
    setting_id: SchedulePath, database: EscalationDatabase, _caller: SupervisorUser
) -> Page[ChangeRequestOut]:
    """List the requests that may still be answered, the oldest first, at most 1,000."""
    async with transaction(database) as uow:
        requests = await uow.change_requests.open_ones(setting_id, uow.now)
    return Page(
        items=[ChangeRequestOut.of(request, uow.now) for request in requests], next_cursor=None
    )


@router.post("/{setting_id}/change-requests/{request_id}/accept", responses=refusals(*_ON_ACCEPT))
async def accept(
    setting_id: SchedulePath,
    request_id: RequestPath,
    database: EscalationDatabase,
    caller: SupervisorUser,
) -> ChangeRequestOut:
    """Agree to the change of your shifts; it applies at once."""
    return await _answer(setting_id, request_id, database, caller, agrees=True)


@router.post("/{setting_id}/change-requests/{request_id}/refuse", responses=refusals(*_ON_REFUSE))
async def refuse(
    setting_id: SchedulePath,
    request_id: RequestPath,
    database: EscalationDatabase,
    caller: SupervisorUser,
) -> ChangeRequestOut:
    """Refuse the change of your shifts."""
    return await _answer(setting_id, request_id, database, caller, agrees=False)


@router.post("/{setting_id}/change-requests/{request_id}/withdraw", responses=refusals(*_ON_REFUSE))
async def withdraw(
    setting_id: SchedulePath,
    request_id: RequestPath,
    database: EscalationDatabase,
    caller: SupervisorUser,
) -> ChangeRequestOut:
    """Take back your request, as long as nobody has answered it."""
    async with transaction(database) as uow:
        await get_or_404(DutySchedule, setting_id, uow)
        withdrawn = await duty_use_cases.withdraw_change_request(
            setting_id, ChangeRequestId(str(request_id)), caller.actor, uow
        )
    return ChangeRequestOut.of(withdrawn, uow.now)


async def _roster(setting_id: str, database: Database[UnitOfWork]) -> tuple[Roster, datetime]:
    async with transaction(database) as uow:
        await get_or_404(DutySchedule, setting_id, uow)
        return (await uow.settings.in_force()).rosters[setting_id], uow.now


async def _change(
    setting_id: str,
    change: C,
    database: Database[UnitOfWork],
    caller: Principal,
) -> C | ChangeRequestOut:
    check_length(change.from_, change.until, _LONGEST_PERIOD, "body/until", after="from")
    planner = DutyPlanner(caller.actor, caller.role)
    async with transaction(database) as uow:
        await get_or_404(DutySchedule, setting_id, uow)
        result = await duty_use_cases.change_duty(setting_id, change, planner, uow)
    return ChangeRequestOut.of(result, uow.now) if isinstance(result, ChangeRequest) else result


async def _take_back(
    setting_id: str,
    change: UUID,
    kind: type[Override | Swap],
    database: Database[UnitOfWork],
    caller: Principal,
) -> Response:
    planner = DutyPlanner(caller.actor, caller.role)
    async with transaction(database) as uow:
        await get_or_404(DutySchedule, setting_id, uow)
        request = await duty_use_cases.take_back(setting_id, str(change), kind, planner, uow)
    if request is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    content = ChangeRequestOut.of(request, uow.now).model_dump(mode="json", by_alias=True)
    return JSONResponse(content, HTTPStatus.ACCEPTED)


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
        answered = await duty_use_cases.answer_change_request(
            setting_id,
            ChangeRequestId(str(request_id)),
            caller.actor,
            uow,
            agrees=agrees,
        )
    return ChangeRequestOut.of(answered, uow.now)
