"""Duty as calendar feeds, and the links by which calendar programs subscribe to them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from common.contracts.event import PersonId
from common.http.access import Principal, require_role
from common.http.app import RequestModel, Slug
from common.http.problems import ProblemError
from escalation import calendar_feeds
from escalation.api.deps import EscalationDatabase, Upstairs, work
from escalation.api.settings import found
from escalation.calendar_feeds import Feeds
from escalation.domain.duty.schedules import DutySchedule

router = APIRouter(prefix="/v1", tags=["duty"])


class reads_feed(require_role):  # noqa: N801 - reads as a verb where it is used
    """Lets in whoever has the link of this feed, too."""

    def __init__(self) -> None:
        super().__init__("supervisor", "manager")

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]  # as allow
        token = request.query_params.get("token")
        signed = await get_feeds(request)
        if token is not None and signed.opens(request.scope["path"], token):
            return Principal(role="supervisor", subject="calendar")
        return await super().__call__(request)


async def get_feeds(request: Request) -> Feeds:
    signed: Feeds = request.app.state.feeds
    return signed


Reader = Annotated[Principal, Depends(reads_feed())]
Signed = Annotated[Feeds, Depends(get_feeds)]


class ICalendar(Response):
    media_type = "text/calendar"


class CalendarLink(RequestModel):
    """What a calendar program subscribes to, below this service's address. Who has it can read."""

    path: str


@router.get("/duty-schedules/{setting_id}/calendar.ics", response_class=ICalendar)
async def schedule_feed(
    setting_id: Slug, database: EscalationDatabase, _reader: Reader
) -> ICalendar:
    """Show the shifts of the last 30 and the next 90 days, for a calendar to subscribe to."""
    async with work(database) as uow:
        schedule = await found(DutySchedule, setting_id, uow)
        configuration = await uow.configurations.in_force()
    duties = calendar_feeds.Duties(f"Duty: {setting_id}", [schedule], configuration.absences)
    return ICalendar(await asyncio.to_thread(calendar_feeds.calendar, duties, uow.now))


@router.get("/people/{person_id}/duty.ics", response_class=ICalendar)
async def person_feed(person_id: Slug, database: EscalationDatabase, _reader: Reader) -> ICalendar:
    """Show a person's shifts of the last 30 and the next 90 days, by all duty schedules."""
    async with work(database) as uow:
        configuration = await uow.configurations.in_force()
    person = PersonId(person_id)
    schedules = [one for one in configuration.all_of(DutySchedule) if person in one.body.people]
    duties = calendar_feeds.Duties(f"Duty of {person}", schedules, configuration.absences, person)
    return ICalendar(await asyncio.to_thread(calendar_feeds.calendar, duties, uow.now))


@router.get("/duty-schedules/{setting_id}/calendar-link")
async def schedule_link(
    setting_id: Slug, database: EscalationDatabase, signed: Signed, _caller: Upstairs
) -> CalendarLink:
    """Show the link of the schedule's feed; it opens nothing else, and does not expire."""
    async with work(database) as uow:
        await found(DutySchedule, setting_id, uow)
    return _link(signed, f"/v1/duty-schedules/{setting_id}/calendar.ics")


@router.get("/people/{person_id}/duty-link")
async def person_link(person_id: Slug, signed: Signed, _caller: Upstairs) -> CalendarLink:
    """Show the link of a person's feed; it opens nothing else, and does not expire."""
    return _link(signed, f"/v1/people/{person_id}/duty.ics")


def _link(signed: Feeds, path: str) -> CalendarLink:
    token = signed.token(path)
    if token is None:
        detail = "There are no links without UPSTAIRS_FEED_SECRET. Send a key as a bearer token."
        raise ProblemError(409, "no-feed-secret", detail)
    return CalendarLink(path=f"{path}?token={token}")
