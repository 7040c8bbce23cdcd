"""The list of escalations, and the stream of events that keeps a screen up to date."""

from collections.abc import Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import Field, TypeAdapter
from sse_starlette import EventSourceResponse

from common.contracts.event import ContactId, EscalationId
from common.http.access import StaffUser, is_still_valid
from common.http.pagination import Cursor, Limit, Page, cut_page, decode_cursor
from common.http.problems import ProblemError, invalid
from common.http.routes import ApiRouter
from common.storage.database import Database
from escalation.api.deps import EscalationDatabase, StaffViewer, refusals, transaction
from escalation.api.schemas import EscalationOut
from escalation.api.stream_response import StreamResponse, StreamTerms
from escalation.domain import errors
from escalation.domain.queries import EscalationFilter, EscalationQuery, PageKey, page_key
from escalation.domain.visibility import Viewer
from escalation.store.unit_of_work import UnitOfWork
from escalation.stream.broadcaster import Broadcaster
from escalation.stream.limit import StreamLimit, TooManyStreamsError
from escalation.stream.offsets import (
    EVENT_ID_PATTERN,
    OffsetGoneError,
    format_event_id,
    parse_event_id,
)
from escalation.stream.records import StreamEvent
from escalation.stream.selection import refinement
from escalation.views import view_all

router = ApiRouter(prefix="/v1/escalations", tags=["live"])

_PAGE_KEY = TypeAdapter(PageKey)


async def _broadcaster(request: Request) -> Broadcaster:
    broadcaster: Broadcaster = request.app.state.broadcaster
    return broadcaster


async def _stream_terms(request: Request, caller: StaffUser) -> StreamTerms:
    app = request.app
    return StreamTerms(app.state.stream_heartbeat_s, partial(is_still_valid, app, caller))


async def _stream_limit(request: Request) -> StreamLimit:
    limit: StreamLimit = request.app.state.stream_limit
    return limit


StreamLimitDep = Annotated[StreamLimit, Depends(_stream_limit)]
BroadcasterDep = Annotated[Broadcaster, Depends(_broadcaster)]
StreamTermsDep = Annotated[StreamTerms, Depends(_stream_terms)]


class EscalationListQuery(EscalationQuery):
    limit: Limit = 50
    cursor: Cursor = None


class StreamQuery(EscalationFilter):
    escalation_id: UUID | None = Field(None, description="only events of this escalation")
    types: str | None = Field(
        None,
        max_length=100,
        description="only events whose type begins so, such as `upstairs.escalation_`",
    )
    last_event_id: str | None = Field(
        None,
        pattern=EVENT_ID_PATTERN,
        max_length=2000,
        description="for clients that can't set the header `Last-Event-ID`; the header wins",
    )


@router.get("")
async def list_escalations(
    query: Annotated[EscalationListQuery, Query()],
    database: EscalationDatabase,
    broadcaster: BroadcasterDep,
    viewer: StaffViewer,
    response: Response,
) -> Page[EscalationOut]:
    """List escalations, by default those first that have the least time left.

    Start the stream with the header `Last-Event-ID` of this answer to miss no event after it. The
    header is absent while Kafka is unavailable. Those that have ended are listed by their `state`
    (`resolved`, `handed_back`, `closed`), with `sort=newest` or a `contact_id`.
    """
    after = decode_cursor(query.cursor, _PAGE_KEY, query.filters)
    # Read before the list: an event in between is in both, and none is missed.
    position = await broadcaster.position()
    if position is not None:
        response.headers["Last-Event-ID"] = format_event_id(position)
    async with transaction(database) as uow:
        scope = viewer.scope_in(await uow.settings.in_force())
        escalations = await uow.queries.escalations(
            query, uow.now, after, query.limit + 1, viewer, scope
        )
        page, next_cursor = cut_page(escalations, query.limit, key=page_key, filters=query.filters)
        views = await view_all(page, viewer, uow)
    return Page[EscalationOut](items=list(map(EscalationOut.of, views)), next_cursor=next_cursor)


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses={
        200: {"content": {"text/event-stream": {}}},
        **refusals(
            errors.EscalationNotFoundError,
            errors.ContactNotFoundError,
            others=((410, "events-gone"), (429, "too-many-streams")),
        ),
    },
)
async def stream_events(
    query: Annotated[StreamQuery, Query()],
    broadcaster: BroadcasterDep,
    limit: StreamLimitDep,
    terms: StreamTermsDep,
    database: EscalationDatabase,
    viewer: StaffViewer,
    last_event_id: Annotated[str | None, Header(pattern=EVENT_ID_PATTERN, max_length=2000)] = None,
) -> EventSourceResponse:
    """Stream the events of escalations, and clocks' warnings and breaches, as they are published.

    `event` is the type; `data` has contact_id, escalation_id, sequence, at, and in `data` the
    event's own fields, without those that have their default. Load the list first and start with
    its `Last-Event-ID`; reconnect with the last id received, at any replica. An event that a relay
    published twice has the same contact_id and `sequence` both times. Representatives name a
    contact or an escalation that they may see.

    After `upstairs.pages_erased.v1` read again what you show of the contact: the words of and about
    its customer are erased. Only `contact_id`, `escalation_id` and `types` leave it out. If you may
    not see the contact now, its ids are null: then read again all that you show.

    The filters are those of the list. With any but `contact_id` the stream has the events of
    escalations only that match as they are now. Of one that does not, or that you may not see, it
    has `upstairs.escalation_unlisted` once, whose `data` has the `escalation_id`: remove it.
    """
    hidden, contact_id = await _read_subject(query, viewer, database)
    start = last_event_id or query.last_event_id
    try:
        limit.acquire(viewer.person)
    except TooManyStreamsError as error:
        raise ProblemError(
            429, "too-many-streams", str(error), headers={"Retry-After": "10"}
        ) from error
    try:
        subscriber = await broadcaster.subscribe(
            None if start is None else parse_event_id(start),
            event_filter(query, viewer, hidden, contact_id),
            viewer.person,
            refinement(query, viewer),
        )
    except BaseException as error:
        limit.release(viewer.person)
        if isinstance(error, OffsetGoneError):
            detail = f"{error} Reload the list, and stream from its Last-Event-ID."
            raise ProblemError(410, "events-gone", detail) from error
        raise

    def close() -> None:
        broadcaster.unsubscribe(subscriber)
        limit.release(viewer.person)

    return StreamResponse(subscriber, close, terms)


async def _read_subject(
    query: StreamQuery, viewer: Viewer, database: Database[UnitOfWork]
) -> tuple[set[str], str | None]:
    """Return the escalations of the contact that name the viewer, and of which contact it is.

    Refuses what they may not see.
    """
    sees_all = not viewer.is_representative and not viewer.is_scoped
    if sees_all and query.escalation_id is None:
        return set(), query.contact_id
    async with transaction(database) as uow:
        if query.escalation_id is not None:
            return set(), await _contact_of(query.escalation_id, uow, None if sees_all else viewer)
        if query.contact_id is not None:
            contact_id = ContactId(query.contact_id)
            await uow.visible_contact(contact_id, viewer)
            return {*await uow.escalations.hidden_from(viewer, contact_id)}, contact_id
        if viewer.is_representative:
            place = "query/contact_id"
            raise invalid((place, "Representatives name a contact or an escalation."))
    return set(), None


async def _contact_of(
    escalation_id: UUID, uow: UnitOfWork, viewer: Viewer | None
) -> ContactId | None:
    """Return the contact of the escalation; refuse one that `viewer` may not see."""
    if viewer is not None:
        escalation, _ = await uow.visible_escalation(escalation_id, viewer)
        return escalation.contact_id
    stored = await uow.escalations.get(EscalationId(str(escalation_id)))
    return None if stored is None else stored.contact_id


def event_filter(
    query: StreamQuery, viewer: Viewer, hidden: set[str], subject: str | None = None
) -> Callable[[StreamEvent], bool]:
    """Return which events the stream has: none of the escalations that are `hidden`.

    `subject` is the contact that the query is about, None if it is about many.
    """
    # A string, since this runs for each event and client.
    contact_id = query.contact_id
    escalation_id = None if query.escalation_id is None else str(query.escalation_id)
    types = query.types or ""

    def matches(event: StreamEvent) -> bool:
        if event.is_erasure:
            return subject in (None, event.contact_id) and event.type.startswith(types)
        if contact_id not in (None, event.contact_id) or escalation_id not in (
            None,
            event.escalation_id,
        ):
            return False
        # A complaint may name the viewer while the stream is open.
        if viewer.is_representative and event.complaint_about == viewer.person:
            hidden.add(event.escalation_id or "")
        if hidden and event.is_of_escalation and event.escalation_id in (None, *hidden):
            return False
        return viewer.sees_event(event.type) and event.type.startswith(types)

    return matches
