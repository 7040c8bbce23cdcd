"""What is upstairs now: the list, and the stream that keeps a screen true to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Message, Receive, Scope, Send

from common.http.problems import ProblemError
from escalation.api.cursor import cursor_after, place_after
from escalation.api.deps import EscalationDatabase, Staff, work
from escalation.api.schemas import ShownEscalation, shown
from escalation.domain.queries import Wanted, place_of
from escalation.stream.broadcaster import Hub
from escalation.stream.offsets import PATTERN, OffsetGoneError, parse, spell
from escalation.stream.records import News
from escalation.stream.subscriber import Following

router = APIRouter(prefix="/v1/escalations", tags=["live"])

_HEARTBEAT_S = 15
_COME_AGAIN_MS = 1000
# A client that does not even read the end is cut off after this long.
_GRACE_S = 1.0


async def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


TheHub = Annotated[Hub, Depends(_hub)]


class AskedList(Wanted):
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=400, description="`next` of the page before")


class ShownPage(BaseModel):
    """`next` is the cursor of the next page, nil on the last one."""

    escalations: list[ShownEscalation]
    next: str | None


class AskedStream(BaseModel, extra="forbid"):
    contact_id: UUID | None = None
    escalation_id: UUID | None = None
    types: str | None = Field(
        None,
        max_length=100,
        description="how the events' type begins, such as `upstairs.escalation_`",
    )
    last_event_id: str | None = Field(
        None,
        pattern=PATTERN,
        max_length=2000,
        description="for the first connection of a client that can't set the header, which wins",
    )


@router.get("")
async def show_all(
    asked: Annotated[AskedList, Query()],
    database: EscalationDatabase,
    hub: TheHub,
    _caller: Staff,
    response: Response,
) -> ShownPage:
    """List escalations, those first that have the least time left.

    The header `Last-Event-ID` says where to begin the stream so that nothing is missed after this
    list; it is left out if Kafka has not been reached yet. Closed ones are listed by `sort=newest`.
    """
    after = None if asked.cursor is None else place_after(asked.cursor, asked)
    # Before the list is read: what is committed in between is in both, and not in neither.
    position = await hub.position()
    if position is not None:
        response.headers["Last-Event-ID"] = spell(position)
    async with work(database) as uow:
        found = await uow.reading.escalations(asked, uow.now, after, asked.limit + 1)
        page = found[: asked.limit]
        watches = await uow.watches.look([escalation.contact_id for escalation in page])
    return ShownPage(
        escalations=[shown(one, watches[one.contact_id], uow.now) for one in page],
        next=cursor_after(place_of(page[-1]), asked) if len(found) > asked.limit else None,
    )


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {}}},
        410: {"description": "The events from there on are gone: load the list anew."},
    },
)
async def stream(
    asked: Annotated[AskedStream, Query()],
    hub: TheHub,
    _caller: Staff,
    last_event_id: Annotated[str | None, Header(pattern=PATTERN, max_length=2000)] = None,
) -> EventSourceResponse:
    """Stream the events of escalations, and of clocks that warn or breach, as they are published.

    `event` is the type; `data` has contact_id, escalation_id, sequence, at, and in `data` the
    event's own. Load the list first and begin with its `Last-Event-ID`; later go on with the id
    that came last, at whichever replica. A relay that died may have published an event twice: it
    has its contact's same `sequence` then.
    """
    begin = last_event_id or asked.last_event_id
    try:
        following = await hub.follow(None if begin is None else parse(begin), _wants(asked))
    except OffsetGoneError as error:
        detail = f"{error} Load the list anew, and stream from its Last-Event-ID."
        raise ProblemError(410, "events-gone", detail) from error
    return Streamed(hub, following)


def _wants(asked: AskedStream) -> Callable[[News], bool]:
    # Of each event each client asks this.
    contact_id = None if asked.contact_id is None else str(asked.contact_id)
    escalation_id = None if asked.escalation_id is None else str(asked.escalation_id)
    types = asked.types or ""

    def wants(news: News) -> bool:
        return (
            contact_id in (None, news.contact_id)
            and escalation_id in (None, news.escalation_id)
            and news.type.startswith(types)
        )

    return wants


class Streamed(EventSourceResponse):
    """Ends with its following, whether its client reads on or not."""

    def __init__(self, hub: Hub, following: Following) -> None:
        self._hub = hub
        self._following = following
        super().__init__(
            self._told(), ping=_HEARTBEAT_S, ping_message_factory=self._heartbeat, sep="\n"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def heard() -> Message:
            hearing = asyncio.ensure_future(receive())
            over = asyncio.ensure_future(self._following.over.wait())
            try:
                await asyncio.wait({hearing, over}, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.wait({hearing}, timeout=_GRACE_S)
                return hearing.result() if hearing.done() else {"type": "http.disconnect"}
            finally:
                hearing.cancel()
                over.cancel()

        try:
            await super().__call__(scope, heard, send)
        finally:
            self._hub.leave(self._following)

    async def _told(self) -> AsyncIterator[ServerSentEvent]:
        # At once, so that a client that is cut off before the first event knows where it was.
        begin = self._following.position
        yield ServerSentEvent(id=begin, comment="connected", retry=_COME_AGAIN_MS, sep="\n")
        async for event_id, news in self._following.news():
            yield ServerSentEvent(news.data, id=event_id, event=news.type, sep="\n")

    def _heartbeat(self) -> ServerSentEvent:
        # With the id: a client whose filters let little through need not catch up on the rest.
        return ServerSentEvent(id=self._following.position, comment="heartbeat", sep="\n")
