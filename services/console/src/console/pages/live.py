"""The stream that keeps the pages of a browser up to date."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Query, Request
from sse_starlette import EventSourceResponse

from common.core.clock import monotonic
from common.core.errors import is_transient
from console.auth.sessions import SessionKeeper
from console.dependencies import CurrentViewer
from console.live.boards import Board, Message, encode, message
from console.live.hub import LiveHub

router = APIRouter()

_BEAT_S: Final = 2.0
_PING_S: Final = 30
_MAX_VIEW_LENGTH: Final = 4000

log = structlog.get_logger()


@router.get("/live")
async def stream_changes(
    request: Request,
    viewer: CurrentViewer,
    view: Annotated[list[str] | None, Query(max_length=50)] = None,
) -> EventSourceResponse:
    """Stream the rows that change, for each `view` that a tab shows."""
    hub: LiveHub = request.app.state.live
    shown = [each[:_MAX_VIEW_LENGTH] for each in view or ("",)]
    board = await hub.open(viewer, shown)
    return EventSourceResponse(_events(request, hub, board), sep="\n", ping=_PING_S)


async def _events(request: Request, hub: LiveHub, board: Board) -> AsyncIterator[bytes]:
    try:
        beat_at = monotonic()
        check_at = beat_at + hub.check_every_s
        while not board.is_over:
            now = monotonic()
            if now >= check_at:
                if not await _may_stay(request, hub, board):
                    yield encode(message("session-over"))
                    return
                check_at = now + hub.check_every_s
            if now >= beat_at:
                beat_at = now + _BEAT_S
                yield encode(_beat(request, hub, board))
            change = await board.next_message(max(0.0, beat_at - monotonic()))
            if change is not None:
                yield b"".join(map(encode, (change, *board.take_waiting())))
    finally:
        hub.close(board)


async def _may_stay(request: Request, hub: LiveHub, board: Board) -> bool:
    """Count the open page as use; return whether the session is valid and the person works here."""
    return await _is_session_valid(request, board) and await hub.is_admitted(board.viewer)


async def _is_session_valid(request: Request, board: Board) -> bool:
    """Mark the session as seen; while the database does not answer, it lasts as it was begun."""
    sessions: SessionKeeper = request.app.state.sessions
    try:
        return await sessions.keep_alive(board.viewer.session_id)
    except Exception as error:
        # It is there to alarm: it must not fall silent with a database that it does not show.
        if not is_transient(error):
            raise
        log.warning("session_not_checked", error=repr(error))
        now: datetime = request.app.state.clock.utc_now()
        return now < board.viewer.session_ends_at


def _beat(request: Request, hub: LiveHub, board: Board) -> Message:
    now = request.app.state.clock.utc_now()
    ages = hub.screen_ages()
    return message("beat", now=now.timestamp(), live=hub.is_live(board), ages=ages)
