"""The viewer's sessions."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from common.contracts.event import UUID_PATTERN
from console.dependencies import CurrentSessions, CurrentViewer
from console.rendering import render_page

router = APIRouter()


@router.get("/sessions")
async def show_sessions(
    request: Request, viewer: CurrentViewer, sessions: CurrentSessions
) -> Response:
    """List the viewer's sessions."""
    return render_page(request, "sessions.html", sessions=await sessions.list_of(viewer.person))


@router.post("/sessions/{session_id}/end")
async def end_session(
    session_id: Annotated[str, Path(pattern=f"^{UUID_PATTERN}$")],
    viewer: CurrentViewer,
    sessions: CurrentSessions,
) -> Response:
    """End a session of the viewer, also this one."""
    await sessions.end(session_id, viewer.person)
    return RedirectResponse("/sessions", HTTPStatus.SEE_OTHER)
