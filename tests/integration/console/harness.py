"""The console in this process, with the real router behind it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, get_args

import httpx
from fastapi import FastAPI

from common.contracts.services import EventService
from common.core.metrics import Metrics
from common.http.tokens import TokenVerifier
from common.messaging.signatures import SigningKey
from common.service.spec import application
from common.storage.database import Database
from console.application import make_app
from console.settings import Settings
from console.store import UnitOfWork
from router.main import build as build_router
from router.settings import Settings as RouterSettings
from support.databases import Postgres, SteppedClock, open_database
from support.service_harness import Keys

URL: Final = "http://127.0.0.1:8005"
PEOPLE: Final = {"sara": "supervisor", "rita": "representative", "mia": "manager"}
KEYS: Final = Keys(ops="admin:ops:ops-key-of-the-console-tests")
# As a browser sends them with a form of the console.
SAME_ORIGIN: Final = {"Sec-Fetch-Site": "same-origin"}
_UNUSED: Final = "postgresql+asyncpg://unused@localhost/unused"


def token_issuer(key: SigningKey, issuer: str = URL) -> dict[str, Any]:
    """Describe the console to a service that takes its tokens."""
    return {
        "issuer": issuer,
        "audience": "upstairs",
        "public_keys": [key.public],
        "roles": {role: role for role in PEOPLE.values()},
    }


class Unreachable(httpx.AsyncBaseTransport):
    """A service that is down."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)


@dataclass
class ConsoleHarness:
    app: FastAPI
    database: Database[UnitOfWork]
    router: httpx.AsyncClient
    key: SigningKey
    clients: dict[EventService, httpx.AsyncClient]
    tokens_of_router: TokenVerifier
    router_database: Database[Any]
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def browser(self, **headers: str) -> httpx.AsyncClient:
        """Open a browser that keeps cookies and follows no redirection."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=URL, headers=headers)
        return await self._stack.enter_async_context(client)

    async def enter(self, person: str, **headers: str) -> httpx.AsyncClient:
        """Return the browser of a person who has signed in."""
        browser = await self.browser(**headers)
        answer = await browser.post("/enter", data={"person": person}, headers=SAME_ORIGIN)
        assert answer.status_code == 303, answer.text
        return browser

    def wait(self, duration: timedelta) -> None:
        self.database.clock.offset += duration

    async def put_person(self, person: str, **changes: Any) -> None:
        role = PEOPLE.get(person, "representative")
        entry = {
            "name": person.title(),
            "roles": [role],
            "team_id": "care",
            "skills": ["billing"],
            "languages": ["en"],
            **changes,
        }
        answer = await self.router.put(f"/v1/people/{person}", json=entry, headers=KEYS("ops"))
        assert answer.is_success, answer.text

    async def close(self) -> None:
        await self._stack.aclose()


@asynccontextmanager
async def open_console(
    postgres: Postgres, database_name: str, **changes: Any
) -> AsyncIterator[ConsoleHarness]:
    """Open the console and router on one database, with the people of this module."""
    key = SigningKey.generate()
    settings = Settings.model_validate(
        {
            "database_url": _UNUSED,
            "public_url": URL,
            "token_keys": key.seed,
            "console_dev_login": True,
            "console_dev_people": {**PEOPLE, "stranger": "manager"},
            **changes,
        }
    )
    clock = SteppedClock()
    async with AsyncExitStack() as stack:
        router, tokens, router_database = await stack.enter_async_context(
            _open_router(postgres, database_name, key, settings.public_url)
        )
        database = await stack.enter_async_context(
            open_database(postgres, database_name, "console", UnitOfWork, clock)
        )
        clients = {
            service: await stack.enter_async_context(
                httpx.AsyncClient(transport=Unreachable(), base_url=f"http://{service}")
            )
            for service in get_args(EventService)
        }
        clients["router"] = router
        app = make_app(settings, database, Metrics(), clients)
        harness = ConsoleHarness(app, database, router, key, clients, tokens, router_database)
        stack.push_async_callback(harness.close)
        for person in PEOPLE:
            await harness.put_person(person)
        yield harness


@asynccontextmanager
async def _open_router(
    postgres: Postgres, database_name: str, key: SigningKey, issuer: str
) -> AsyncIterator[tuple[httpx.AsyncClient, TokenVerifier, Database[Any]]]:
    settings = RouterSettings.model_validate(
        {
            "database_url": _UNUSED,
            "kafka_bootstrap": "unused",
            "api_keys": KEYS.setting_value,
            "token_issuers": [token_issuer(key, issuer)],
        }
    )
    spec = build_router(settings)
    async with open_database(postgres, database_name, "router", spec.unit_of_work) as database:
        app = application(spec, settings, database, Metrics())
        # A worker of the service reads them from its table.
        tokens: TokenVerifier = app.state.tokens
        tokens.admit(PEOPLE)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://router") as client:
            yield client, tokens, database
