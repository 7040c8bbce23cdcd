"""Puts the app together: its routes, and what surrounds them."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

import httpx
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from common.contracts.services import EventService
from common.core.metrics import Metrics
from common.storage.database import Database
from console import pages
from console.auth.cookies import SessionCookie, SignInCookie
from console.auth.dev_login import DevLogin
from console.auth.provider import Provider
from console.auth.sessions import SessionKeeper
from console.clients.services import Services, open_clients
from console.error_pages import answer_to
from console.live.hub import LiveHub
from console.metrics import ConsoleMetrics
from console.people import People
from console.rendering import asset_url
from console.request_guard import RequestGuard
from console.settings import Settings
from console.store import UnitOfWork
from console.tokens.mint import TokenMint

_SIGN_IN_S: Final = 600
_MIN_GZIP_BYTES: Final = 1000
_FOREVER: Final = "max-age=31536000, immutable"


def make_app(
    settings: Settings,
    database: Database[UnitOfWork],
    metrics: Metrics,
    clients: Mapping[EventService, httpx.AsyncClient] | None = None,
) -> FastAPI:
    """Make the app; `clients` call the services in place of the addresses in `settings`."""
    app = FastAPI(title="Upstairs console", openapi_url=None, redirect_slashes=False)
    state = app.state
    state.database = database
    state.clock = database.clock
    state.console_metrics = ConsoleMetrics(metrics.registry)
    state.session_cookie = SessionCookie(settings.is_https)
    state.sessions = SessionKeeper(database)
    state.tokens = TokenMint(
        settings.token_keys.all, settings.public_url, settings.token_audience, database.clock
    )
    state.services = Services(
        clients or open_clients(settings.service_urls), state.tokens, state.console_metrics
    )
    state.people = People(state.services)
    state.live = LiveHub(state.services, state.people, database.clock)
    state.provider = Provider(settings) if settings.oidc_issuer else None
    state.dev_login = (
        DevLogin(database, settings.console_dev_people, settings.console_dev_simulated)
        if settings.console_dev_login
        else None
    )
    state.help_contact = settings.help_contact
    state.intake_public_url = settings.intake_public_url
    state.guides_url = settings.guides_url
    for router in pages.ROUTERS:
        app.include_router(router)
    app.mount("/static", _StaticFiles(directory=_static_folder()))
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _answer)
    app.add_middleware(GZipMiddleware, minimum_size=_MIN_GZIP_BYTES)
    if settings.oidc_issuer:
        _keep_sign_ins(app, settings)
    app.add_middleware(RequestGuard, settings=settings, metrics=metrics)
    return app


def _keep_sign_ins(app: FastAPI, settings: Settings) -> None:
    """Let a cookie of ten minutes hold the state of a sign-in that is under way."""
    prefix = "__Host-" if settings.is_https else ""
    app.add_middleware(
        SignInCookie,
        secrets=settings.cookie_secret.all,
        session_cookie=f"{prefix}upstairs-sign-in",
        max_age=_SIGN_IN_S,
        same_site="lax",
        https_only=settings.is_https,
    )


async def _answer(request: Request, error: Exception) -> Response:
    return answer_to(request, error)


def _static_folder() -> Path:
    # The package is always installed as files.
    return Path(str(resources.files("console") / "static"))


class _StaticFiles(StaticFiles):
    """Browsers keep a file whose address has its hash; of others they ask whether it is the same.

    Modules are imported by their plain names.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        _, _, query = asset_url(path).partition("?")
        is_same = scope["query_string"] == query.encode()
        response.headers["Cache-Control"] = _FOREVER if is_same else "no-cache"
        return response
