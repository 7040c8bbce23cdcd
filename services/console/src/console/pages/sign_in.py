"""Signing in and out."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from console.auth.cookies import SessionCookie
from console.auth.dev_login import DevLogin
from console.auth.device_cookie import DeviceCookie
from console.auth.people import Identity, find_person
from console.auth.provider import Provider
from console.auth.sessions import Browser, SessionKeeper
from console.clients.services import ServiceProblemError, Services, ServiceUnavailableError
from console.dependencies import CurrentServices, CurrentSessions, CurrentViewer
from console.errors import PageError
from console.metrics import ConsoleMetrics
from console.rendering import render_page
from console.viewer import Viewer

router = APIRouter()
log = structlog.get_logger()

_HOME: Final = "/"
# A path of the console: not `//host` or `/\host`, which browsers take for another site, and short
# enough for the cookie of a sign-in that is under way.
_LOCAL_PATH: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,1000}")
_MAX_BROWSER: Final = 300

NextPath = Annotated[str, Query(alias="next")]


@router.get("/sign-in")
async def show_sign_in(request: Request, next_path: NextPath = _HOME) -> Response:
    """Lead to the provider at once, unless there is something to choose."""
    provider, dev_login = _ways_of(request)
    path = _local(next_path)
    if provider is not None and dev_login is None:
        return await provider.begin(request, path)
    return render_page(
        request,
        "sign_in.html",
        next_path=path,
        people=dev_login.offered(is_simulated=False) if dev_login else {},
        simulated=dev_login.offered(is_simulated=True) if dev_login else {},
        has_provider=provider is not None,
    )


@router.get("/sign-in/provider")
async def begin_sign_in(request: Request, next_path: NextPath = _HOME) -> Response:
    provider, _ = _ways_of(request)
    if provider is None:
        raise PageError(404, "not-found")
    return await provider.begin(request, _local(next_path))


@router.get("/sign-in/return")
async def finish_sign_in(request: Request, services: CurrentServices) -> Response:
    """Take the browser back from the provider."""
    provider, _ = _ways_of(request)
    if provider is None:
        raise PageError(404, "not-found")
    with _counted(request):
        identity, next_path = await provider.finish(request)
        return await _enter(request, identity, services, _local(next_path))


@router.get("/enter")
async def enter_by_link(request: Request, services: CurrentServices, once: str) -> Response:
    """Sign in by a link that counts once, for development."""
    dev_login = _dev_login_of(request)
    with _counted(request):
        identity = await dev_login.take_link(once)
        return await _enter(request, identity, services, _HOME)


@router.post("/enter")
async def enter_as(
    request: Request,
    services: CurrentServices,
    person: Annotated[str, Form()],
    next_path: Annotated[str, Form(alias="next")] = _HOME,
) -> Response:
    """Sign in as one of the people of the development sign-in."""
    dev_login = _dev_login_of(request)
    with _counted(request):
        identity = dev_login.choose(person)
        return await _enter(request, identity, services, _local(next_path))


@router.post("/sign-out")
async def sign_out(
    request: Request,
    viewer: CurrentViewer,
    sessions: CurrentSessions,
    services: CurrentServices,
) -> Response:
    """End the session here, then at the provider; this device is notified no longer."""
    device_cookie = DeviceCookie(_cookie_of(request).is_secure)
    if device_id := device_cookie.read(request):
        await _forget_device(device_id, viewer, services)
    session = await sessions.get(viewer.session_id)
    await sessions.end(viewer.session_id, viewer.person)
    provider, _ = _ways_of(request)
    elsewhere = None
    if provider is not None:
        elsewhere = await provider.sign_out_url(session.id_token if session else None)
    request.state.viewer = None
    response = render_page(request, "signed_out.html", elsewhere=elsewhere)
    if elsewhere:
        # Not a redirection: the policy lets forms lead to the console only.
        response.headers["Refresh"] = f"0; url={elsewhere}"
    _cookie_of(request).clear(response)
    device_cookie.clear(response)
    return response


async def _forget_device(device_id: str, viewer: Viewer, services: Services) -> None:
    """Remove it at notifier; without an answer, the browser ends the subscription itself."""
    path = f"/v1/recipients/{viewer.person}/devices/{device_id}"
    try:
        await services.send("notifier", "DELETE", path, viewer)
    except (ServiceProblemError, ServiceUnavailableError) as error:
        log.info("device_not_removed", person_id=viewer.person, error=str(error))


@router.get("/signed-out")
async def show_signed_out(request: Request) -> Response:
    return render_page(request, "signed_out.html", elsewhere=None)


@contextmanager
def _counted(request: Request) -> Iterator[None]:
    metrics: ConsoleMetrics = request.app.state.console_metrics
    outcome = "unavailable"
    try:
        yield
        outcome = "done"
    except PageError as error:
        outcome = error.code
        raise
    finally:
        metrics.sign_ins.labels(outcome).inc()


async def _enter(
    request: Request, identity: Identity, services: CurrentServices, path: str
) -> Response:
    """Begin a session; that which the browser had before ends."""
    sessions: SessionKeeper = request.app.state.sessions
    cookie = _cookie_of(request)
    person = await find_person(identity, services)
    if (old_token := cookie.read(request)) and (old := await sessions.find(old_token)):
        await sessions.end(old.session_id, old.person_id)
    token = await sessions.begin(person, _browser_of(request))
    response = RedirectResponse(path, HTTPStatus.SEE_OTHER)
    cookie.write(response, token)
    return response


def _local(path: str) -> str:
    """Return the path if it leads to the console, else its first page."""
    return path if _LOCAL_PATH.fullmatch(path) else _HOME


def _browser_of(request: Request) -> Browser:
    address = request.client.host if request.client else ""
    return Browser(request.headers.get("user-agent", "")[:_MAX_BROWSER], address)


def _ways_of(request: Request) -> tuple[Provider | None, DevLogin | None]:
    return request.app.state.provider, request.app.state.dev_login


def _dev_login_of(request: Request) -> DevLogin:
    dev_login: DevLogin | None = request.app.state.dev_login
    if dev_login is None:
        raise PageError(404, "not-found")
    return dev_login


def _cookie_of(request: Request) -> SessionCookie:
    cookie: SessionCookie = request.app.state.session_cookie
    return cookie
