"""What routes of pages need: who looks, and whom to ask."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from common.contracts.event import PersonRole
from common.core.clock import TimeSource
from common.storage.database import Database
from console.auth.cookies import SessionCookie
from console.auth.sessions import SessionKeeper
from console.clients.services import Services
from console.domain.session import ends_soon
from console.errors import PageError, SignInRequiredError
from console.rendering import language_of
from console.store import UnitOfWork
from console.viewer import Viewer


async def require_viewer(request: Request) -> Viewer:
    """Return who is signed in; raises SignInRequiredError."""
    cookie: SessionCookie = request.app.state.session_cookie
    sessions: SessionKeeper = request.app.state.sessions
    token = cookie.read(request)
    session = await sessions.find(token) if token else None
    if session is None:
        raise SignInRequiredError
    viewer = Viewer(
        person=session.person_id,
        role=session.role,
        name=session.name,
        language=language_of(request),
        zone=session.zone,
        session_id=session.session_id,
        session_ends_at=session.ends_at,
    )
    # For the layout of all pages, also those of errors.
    request.state.viewer = viewer
    clock: TimeSource = request.app.state.clock
    request.state.session_ends_soon = ends_soon(session.ends_at, clock.utc_now())
    return viewer


CurrentViewer = Annotated[Viewer, Depends(require_viewer)]


def require_role(*roles: PersonRole) -> Callable[[Viewer], Awaitable[Viewer]]:
    """Return a dependency that gives the viewer if they have one of the roles."""

    async def require(viewer: CurrentViewer) -> Viewer:
        if viewer.role not in roles:
            raise PageError(403, "role", role=viewer.role)
        return viewer

    return require


async def _get_services(request: Request) -> Any:
    return request.app.state.services


async def _get_sessions(request: Request) -> Any:
    return request.app.state.sessions


async def _get_database(request: Request) -> Any:
    return request.app.state.database


CurrentServices = Annotated[Services, Depends(_get_services)]
CurrentSessions = Annotated[SessionKeeper, Depends(_get_sessions)]
ConsoleDatabase = Annotated[Database[UnitOfWork], Depends(_get_database)]
