"""A service without Kafka and HTTP server: events go to the dispatcher, timers to their loop."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic

import httpx

from common.contracts.event import ContactId, Event
from common.core.health import Health
from common.core.ids import EventId, new_id
from common.core.metrics import Metrics
from common.messaging.dispatcher import Dispatcher, Message
from common.messaging.subscriptions import HandlerRegistry
from common.messaging.timer_loop import TimerLoop
from common.service.settings import ServiceSettings
from common.service.spec import ServiceSpec, application
from common.storage.database import Database, U
from common.storage.dead_letters import DeadLetter
from support.databases import rows
from support.documented_problems import require_documented

# Of the services that store secrets of outside systems.
ENCRYPTION_KEY: Final = f"{'E' * 43}="
_sequences = itertools.count(1)


@dataclass(frozen=True)
class ServiceHarness(Generic[U]):
    database: Database[U]
    dispatcher: Dispatcher[U]

    async def handle_events(self, *events: Event) -> list[EventId]:
        """Handle these events as one batch, and return their ids."""
        ids = [EventId(new_id()) for _ in events]
        await self.dispatcher.handle(
            [
                Message(
                    body=event,
                    to_dead_letter=_fail,
                    event_id=event_id,
                    # Not without gaps, as of one key, but growing.
                    sequence=next(_sequences),
                )
                for event, event_id in zip(events, ids, strict=True)
            ]
        )
        return ids

    async def advance_time(self, seconds: float) -> None:
        """Let time pass, and fire the timers that are due then."""
        self.database.clock.offset += timedelta(seconds=seconds)
        await TimerLoop(self.dispatcher, Metrics(), Health()).fire(500)

    async def fetch_event_types(self, contact_id: ContactId) -> list[str]:
        """Return the short types of the events published about the contact."""
        published = await self.rows(
            f"SELECT type FROM published_events WHERE key = '{contact_id}' ORDER BY id"
        )
        return [row.type.removeprefix("upstairs.").removesuffix(".v1") for row in published]

    async def rows(self, statement: str) -> list[Any]:
        return await rows(self.database, statement)


def make_dispatcher(database: Database[U], subscriptions: HandlerRegistry[U]) -> Dispatcher[U]:
    return Dispatcher(database, subscriptions, Metrics())


def _fail(error: BaseException) -> DeadLetter:
    raise AssertionError("a message of a test must not become a dead letter") from error


class Keys:
    """API keys by the caller's name: `role:subject:key`."""

    def __init__(self, **entries: str) -> None:
        self.setting_value = ",".join(entries.values())
        self._keys = {caller: entry.rpartition(":")[2] for caller, entry in entries.items()}

    def __call__(self, caller: str) -> dict[str, str]:
        """Return the headers that `caller` sends."""
        return {"Authorization": f"Bearer {self._keys[caller]}"}


@asynccontextmanager
async def open_client(
    build: Callable[[Any], ServiceSpec[U]],
    settings: type[ServiceSettings],
    database: Database[U],
    keys: Keys,
    *,
    metrics: Metrics | None = None,
    **changes: Any,
) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of a service's HTTP API in this process; it sends no credentials.

    A problem that OpenAPI does not list fails the test.
    """
    service_settings = settings.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
            "trial": True,
            "encryption_keys": ENCRYPTION_KEY,
            "api_keys": keys.setting_value,
            **changes,
        }
    )
    service = build(service_settings)
    app = application(service, service_settings, database, metrics or Metrics())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{service.name}") as http:
        http.event_hooks["response"].append(require_documented(app))
        yield http
