"""Calendar feeds of duty, and the links by which calendar programs subscribe to them."""

import asyncio
from collections.abc import Iterable
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from common.http.access import Principal, SupervisorUser, require_role
from common.http.app import PersonPath
from common.http.examples import with_examples
from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from common.http.whole_request import WholeRequest
from escalation.api.deps import EscalationDatabase, refusals, transaction
from escalation.api.examples import SCHEDULE_ID
from escalation.api.settings import SchedulePath, get_or_404
from escalation.calendar_feeds import DutyFeed, FeedSigner, earliest_shift, render
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty_history import DutyHistory
from escalation.domain.errors import SettingNotFoundError
from escalation.store.unit_of_work import UnitOfWork

router = ApiRouter(prefix="/v1", tags=["duty"])

_PATH: Final = f"/v1/duty-schedules/{SCHEDULE_ID}/calendar.ics?token=…"
_NOT_FOUND: Final = refusals(SettingNotFoundError)
_NO_SECRET: Final = (409, "no-feed-secret")


async def _signer(request: Request) -> FeedSigner:
    signer: FeedSigner = request.app.state.feed_signer
    return signer


class _RequireFeedReader(require_role):
    """Also lets in a request with the signed link of its feed."""

    def __init__(self) -> None:
        super().__init__("supervisor", "manager")

    async def __call__(self, request: WholeRequest) -> Principal:  # type: ignore[override]  # as there
        token = request.query_params.get("token")
        signer = await _signer(request)
        if token is not None and signer.verify(request.scope["path"], token):
            return Principal(role="supervisor", subject="calendar")
        return await super().__call__(request)


FeedReader = Annotated[Principal, Depends(_RequireFeedReader())]


class CalendarResponse(Response):
    media_type = "text/calendar"


class CalendarLinkOut(BaseModel):
    model_config = with_examples({"url": f"https://escalation.example.com{_PATH}", "path": _PATH})

    url: str = Field(description="The whole link, to be given to a calendar program.")
    path: str = Field(
        description="Path and token, below this service's address. Anyone who has it can read the "
        "feed; it opens nothing else and does not expire."
    )


@router.head(
    "/duty-schedules/{setting_id}/calendar.ics",
    response_class=CalendarResponse,
    responses=_NOT_FOUND,
)
@router.get(
    "/duty-schedules/{setting_id}/calendar.ics",
    response_class=CalendarResponse,
    responses=_NOT_FOUND,
)
async def schedule_feed(
    setting_id: SchedulePath, database: EscalationDatabase, _reader: FeedReader
) -> CalendarResponse:
    """Return a schedule's shifts of the last 30 and the next 90 days, to subscribe to."""
    async with transaction(database) as uow:
        await get_or_404(DutySchedule, setting_id, uow)
        histories = await _histories([setting_id], uow)
    feed = DutyFeed(f"Duty: {setting_id}", histories)
    return CalendarResponse(await asyncio.to_thread(render, feed, uow.now))


@router.head("/people/{person_id}/duty.ics", response_class=CalendarResponse)
@router.get("/people/{person_id}/duty.ics", response_class=CalendarResponse)
async def person_feed(
    person_id: PersonPath, database: EscalationDatabase, _reader: FeedReader
) -> CalendarResponse:
    """Return a person's shifts of the last 30 and the next 90 days, on all duty schedules."""
    async with transaction(database) as uow:
        rosters = (await uow.settings.in_force()).rosters
        schedules = (each for each, roster in sorted(rosters.items()) if person_id in roster.people)
        histories = await _histories(schedules, uow)
    feed = DutyFeed(f"Duty of {person_id}", histories, person_id)
    return CalendarResponse(await asyncio.to_thread(render, feed, uow.now))


async def _histories(schedule_ids: Iterable[str], uow: UnitOfWork) -> dict[str, DutyHistory]:
    configuration, since = await uow.settings.in_force(), earliest_shift(uow.now)
    return {
        schedule_id: await uow.duty_histories.of_schedule(schedule_id, since, configuration)
        for schedule_id in schedule_ids
    }


@router.get(
    "/duty-schedules/{setting_id}/calendar-link",
    responses=refusals(SettingNotFoundError, others=(_NO_SECRET,)),
)
async def schedule_link(
    setting_id: SchedulePath,
    database: EscalationDatabase,
    request: Request,
    _caller: SupervisorUser,
) -> CalendarLinkOut:
    """Return the link of the schedule's feed."""
    async with transaction(database) as uow:
        await get_or_404(DutySchedule, setting_id, uow)
    return await _link(request, f"/v1/duty-schedules/{setting_id}/calendar.ics")


@router.get("/people/{person_id}/duty-link", responses=refusals(others=(_NO_SECRET,)))
async def person_link(
    person_id: PersonPath, request: Request, _caller: SupervisorUser
) -> CalendarLinkOut:
    """Return the link of a person's feed."""
    return await _link(request, f"/v1/people/{person_id}/duty.ics")


async def _link(request: Request, path: str) -> CalendarLinkOut:
    token = (await _signer(request)).token(path)
    if token is None:
        detail = "There are no links without UPSTAIRS_FEED_SECRET. Send a key as a bearer token."
        raise ProblemError(*_NO_SECRET, detail)
    address: str = request.app.state.public_url or str(request.base_url)
    link = f"{path}?token={token}"
    return CalendarLinkOut(url=f"{address.rstrip('/')}{link}", path=link)
