"""The screens of outside systems, with the real intake and the real notifier behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
from fastapi import FastAPI

from common.contracts.services import EventService
from common.core.metrics import Metrics
from common.core.sealed_secrets import SecretBox
from common.service.spec import application
from intake.connection_secrets import ConnectionSecrets
from intake.main import build as build_intake
from intake.settings import Settings as IntakeSettings
from intake.store import UnitOfWork as IntakeUnitOfWork
from integration.console.harness import KEYS, PEOPLE, ConsoleHarness, token_issuer
from integration.console.settings_harness import Manager
from notifier.handlers import SUBSCRIPTIONS
from notifier.main import build as build_notifier
from notifier.settings import Settings as NotifierSettings
from notifier.store.unit_of_work import UnitOfWork as NotifierUnitOfWork
from support.databases import Postgres, async_engine, open_database
from support.service_harness import ENCRYPTION_KEY, ServiceHarness, make_dispatcher

_UNUSED = "postgresql+asyncpg://unused@localhost/unused"
SECRET = "8a4e0f1c7b2d9365"
NEWER_SECRET = "5d1f7c3e9a0b2846"
ZENDESK = "/settings/connections/zendesk/acme"
SHOP = "/settings/status-webhooks/channel:shop"
WRITE_BACK = "/settings/write-backs/zendesk/acme"


@dataclass
class Systems:
    """`mia` is a manager; the clients call the services as an operator.

    `of_notifier` handles events as notifier does.
    """

    console: ConsoleHarness
    mia: Manager
    intake: httpx.AsyncClient
    notifier: httpx.AsyncClient
    of_notifier: ServiceHarness[NotifierUnitOfWork]

    async def connect(self, kind: str = "zendesk", name: str = "acme", **changes: Any) -> None:
        body = {"secret": SECRET, **changes}
        answer = await self.intake.put(f"/v1/channels/{kind}/{name}", json=body)
        assert answer.is_success, answer.text

    async def connection(self, kind: str = "zendesk", name: str = "acme") -> Any:
        return (await self.intake.get(f"/v1/channels/{kind}/{name}")).json()

    async def change_row(self, statement: str) -> None:
        """Change what notifier has stored, as its workers do."""
        async with async_engine(self.of_notifier.database).begin() as connection:
            await connection.exec_driver_sql(statement)

    async def put_webhook(self, url: str, **changes: Any) -> Any:
        body = {"url": url, **changes}
        answer = await self.notifier.put("/v1/status-webhooks/channel:shop", json=body)
        assert answer.is_success, answer.text
        return answer.json()


@asynccontextmanager
async def open_systems(
    console: ConsoleHarness, postgres: Postgres, database_name: str, **of_notifier: Any
) -> AsyncIterator[Systems]:
    shared = {
        "database_url": _UNUSED,
        "kafka_bootstrap": "unused",
        "api_keys": KEYS.setting_value,
        "encryption_keys": ENCRYPTION_KEY,
        "token_issuers": [token_issuer(console.key)],
    }
    intake_settings = IntakeSettings.model_validate(shared)
    notifier_settings = NotifierSettings.model_validate(
        {
            **shared,
            "trial": True,
            "link_secret": "a secret of tests",
            "status_webhook_trusted_hosts": ("127.0.0.1",),
            **of_notifier,
        }
    )
    secrets = ConnectionSecrets(SecretBox(ENCRYPTION_KEY))
    intake_work = partial(IntakeUnitOfWork, secrets=secrets)
    clock = console.database.clock
    async with (
        open_database(postgres, database_name, "intake", intake_work, clock) as intake_database,
        open_database(postgres, database_name, "notifier", NotifierUnitOfWork, clock) as database,
    ):
        intake = application(
            build_intake(intake_settings), intake_settings, intake_database, Metrics()
        )
        notifier = application(
            build_notifier(notifier_settings), notifier_settings, database, Metrics()
        )
        async with (
            _open_service(console, "intake", intake) as intake_client,
            _open_service(console, "notifier", notifier) as notifier_client,
        ):
            mia = Manager(await console.enter("mia"))
            dispatcher = make_dispatcher(database, SUBSCRIPTIONS)
            harness = ServiceHarness(database, dispatcher)
            yield Systems(console, mia, intake_client, notifier_client, harness)


@asynccontextmanager
async def _open_service(
    console: ConsoleHarness, name: EventService, app: FastAPI
) -> AsyncIterator[httpx.AsyncClient]:
    """Let the console call the service, and return a client of an operator."""
    app.state.tokens.admit({*PEOPLE})
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    url = f"http://{name}"
    async with (
        httpx.AsyncClient(transport=transport, base_url=url) as client,
        httpx.AsyncClient(transport=transport, base_url=url, headers=KEYS("ops")) as operator,
    ):
        console.clients[name] = client
        yield operator
