"""The dead-letter API of every service; for admins, since the messages hold customers' words."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, Field, TypeAdapter

from common.http.access import Principal, require_role
from common.http.app import RequestModel, ShortText, get_database
from common.http.examples import CONTACT_ID, EVENT_ID, RECEIVED_AT, with_examples
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.problems import ProblemError, error_responses
from common.http.routes import ApiRouter
from common.messaging.replay import (
    AlreadyClosedError,
    DeadLetterNotFoundError,
    Replay,
    ReplayFailedError,
)
from common.storage.database import Database
from common.storage.dead_letter_store import (
    DeadLetterStore,
    DeadLetterSummary,
    State,
    StoredDeadLetter,
)
from common.storage.dead_letters import Readable, to_readable
from common.storage.uow import UnitOfWork

router = ApiRouter(prefix="/v1/dead-letters", tags=["dead letters"])

_MAX_ID = 2**63 - 1
_ID: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, le=_MAX_ID)])
_EXAMPLE: dict[str, Any] = {
    "id": 17,
    "state": "waiting",
    "at": RECEIVED_AT,
    "origin": "upstairs.contacts.v1/3/4711@1772443800000",
    "type": "upstairs.contact_received.v1",
    "event_id": EVENT_ID,
    "key": CONTACT_ID,
    "reason": "MalformedRecordError: data at channel: Input should be 'call', 'email' or 'chat'",
    "attempts": 1,
    "trusted": True,
    "closed_at": None,
    "closed_by": None,
    "closed_reason": None,
}
_DETAIL_EXAMPLE = {
    **_EXAMPLE,
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "traceback": "Traceback (most recent call last): …",
    "headers": {"ce_type": "upstairs.contact_received.v1", "x-signature": {"base64": "/w=="}},
    "payload": '{"channel": "fax", …}',
}


class DeadLetterDiscardIn(RequestModel):
    model_config = with_examples({"reason": "Sent by a load test."})

    reason: ShortText = Field(description="Why it needs no handling")


class DeadLetterOut(BaseModel):
    """A message that could not be handled, without its content."""

    model_config = with_examples(_EXAMPLE)

    id: int = Field(description="The number that the other requests and the command line take")
    state: State = Field(description="`waiting` until a person replays or discards it")
    at: datetime = Field(description="When it became a dead letter")
    origin: str = Field(
        description="Topic, partition, offset and time; or `timer/` and the row's id; or "
        "`outbox/`, the row's id and the event's; or `webhook/`, the channel's connection and the "
        "digest of the body"
    )
    type: str | None = Field(
        description="The type of the event or timer, or `webhook.` and the kind of channel; null "
        "if unreadable"
    )
    event_id: str | None = Field(
        description="The id of the event; null for timers or if unreadable"
    )
    key: str | None = Field(description="The event's key: the contact or the person it is about")
    reason: str = Field(description="Why the last attempt failed")
    attempts: int = Field(description="How many attempts have failed")
    trusted: bool = Field(
        description="False: nothing proves that the owner of the topic sent it. A replay checks "
        "it again, and fails unless by then it can be proven"
    )
    closed_at: datetime | None = Field(description="When it was replayed or discarded")
    closed_by: str | None = Field(description="Who replayed or discarded it")
    closed_reason: str | None = Field(
        description="Why it was discarded, or why its replay had no effect"
    )


class DeadLetterDetail(DeadLetterOut):
    """A message that could not be handled, with its content."""

    model_config = with_examples(_DETAIL_EXAMPLE)

    traceparent: str | None = Field(description="The W3C trace that it belongs to")
    traceback: str | None = Field(description="The Python traceback of the last attempt")
    headers: dict[str, Readable] = Field(
        description='Each value as text, or as `{"base64": …}` if it is not text'
    )
    payload: Readable = Field(description='As text, or as `{"base64": …}` if it is not text')


async def get_replay(request: Request) -> Any:
    return request.app.state.replay


DatabaseDep = Annotated[Database[UnitOfWork], Depends(get_database)]
ReplayDep = Annotated[Replay[UnitOfWork], Depends(get_replay)]
AdminUser = Annotated[Principal, Depends(require_role())]
LetterPath = Annotated[int, Path(ge=1, le=_MAX_ID, examples=[_EXAMPLE["id"]])]

_PROBLEMS: Mapping[type[Exception], tuple[int, str]] = {
    DeadLetterNotFoundError: (404, "dead-letter-not-found"),
    AlreadyClosedError: (409, "already-closed"),
    ReplayFailedError: (422, "failed-again"),
}
_refusals = partial(error_responses, _PROBLEMS)


@router.get("")
async def list_dead_letters(
    database: DatabaseDep,
    _caller: AdminUser,
    state: Annotated[list[State], Query()] = ["waiting"],  # noqa: B006 - FastAPI copies it
    message_type: Annotated[str | None, Query(alias="type", max_length=300)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeadLetterOut]:
    """List dead letters, newest first, without the content of the messages."""
    filters = {"state": state, "type": message_type}
    before = decode_cursor(cursor, _ID, filters)
    async with database.transaction() as uow:
        letters = DeadLetterStore(uow.connection)
        rows = await letters.newest(state, message_type, before=before, limit=limit + 1)
    return Page[DeadLetterOut].of(
        rows, limit, key=lambda letter: letter.id, show=summary_out, filters=filters
    )


@router.get("/{letter_id}", responses=_refusals(DeadLetterNotFoundError))
async def get_dead_letter(
    letter_id: LetterPath, database: DatabaseDep, _caller: AdminUser
) -> DeadLetterDetail:
    """Return a dead letter in full, with traceback and payload."""
    async with database.transaction() as uow:
        letter = await DeadLetterStore(uow.connection).get(letter_id)
    if letter is None:
        raise _not_found()
    return detail_out(letter)


@router.post("/{letter_id}/replay", responses=_refusals(*_PROBLEMS))
async def replay_dead_letter(
    letter_id: LetterPath, replays: ReplayDep, caller: AdminUser
) -> DeadLetterOut:
    """Handle it now. A dead letter is replayed at most once."""
    async with _raise_problems():
        return summary_out(await replays.replay(letter_id, caller.name))


@router.post(
    "/{letter_id}/discard", responses=_refusals(DeadLetterNotFoundError, AlreadyClosedError)
)
async def discard_dead_letter(
    letter_id: LetterPath, discard: DeadLetterDiscardIn, replays: ReplayDep, caller: AdminUser
) -> DeadLetterOut:
    """Close it without handling, with the reason; it is deleted later (30 days by default)."""
    async with _raise_problems():
        return summary_out(await replays.discard(letter_id, caller.name, discard.reason))


def summary_out(letter: DeadLetterSummary) -> DeadLetterOut:
    return DeadLetterOut.model_validate(letter, from_attributes=True)


def detail_out(letter: StoredDeadLetter) -> DeadLetterDetail:
    fields = {name: getattr(letter, name) for name in DeadLetterDetail.model_fields}
    return DeadLetterDetail(**{**fields, "payload": to_readable(letter.payload)})


@asynccontextmanager
async def _raise_problems() -> AsyncIterator[None]:
    try:
        yield
    except DeadLetterNotFoundError as error:
        raise _not_found() from error
    except AlreadyClosedError as error:
        raise ProblemError(
            *_PROBLEMS[AlreadyClosedError], str(error), state=error.letter.state
        ) from error
    except ReplayFailedError as error:
        letter = error.letter
        raise ProblemError(
            *_PROBLEMS[ReplayFailedError],
            str(error),
            reason=letter.reason,
            attempts=letter.attempts,
        ) from error


def _not_found() -> ProblemError:
    return ProblemError(*_PROBLEMS[DeadLetterNotFoundError], str(DeadLetterNotFoundError.__doc__))
