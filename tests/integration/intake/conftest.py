from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest

from common.core.clock import TimeSource
from common.core.sealed_secrets import SecretBox
from common.storage.database import Database
from intake.connection_secrets import ConnectionSecrets
from intake.main import build
from intake.settings import Settings
from intake.store import UnitOfWork
from integration.intake.case_reading_harness import CASE, INCIDENT, connect
from integration.intake.harness import ZENDESK_SECRET, key
from support.case_systems import DynamicsStandIn
from support.databases import Postgres, open_database
from support.service_harness import ENCRYPTION_KEY, open_client


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    secrets = ConnectionSecrets(SecretBox(ENCRYPTION_KEY))
    unit_of_work = partial(UnitOfWork, secrets=secrets)
    async with open_database(postgres, database_name, "intake", unit_of_work) as database:
        yield database


@pytest.fixture
async def api(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """Intake's HTTP API, called by a channel."""
    async with open_client(build, Settings, database, key) as api:
        api.headers.update(key("channel"))
        yield api


@pytest.fixture
async def zendesk(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """The API with the Zendesk connection `acme` set up, called without an API key."""
    options = {
        "topic_by_tag": {"invoice": "billing"},
        "language_by_tag": {"es": "es"},
        "campaign_by_tag": {"invoice": "invoices-of-march"},
    }
    answer = await api.put(
        "/v1/channels/zendesk/acme",
        json={"secret": ZENDESK_SECRET, "options": options},
        headers=key("admin"),
    )
    assert answer.status_code == 204
    del api.headers["Authorization"]
    return api


@pytest.fixture
async def dynamics() -> AsyncIterator[DynamicsStandIn]:
    async with DynamicsStandIn() as dynamics:
        dynamics.incidents[CASE] = dict(INCIDENT)
        yield dynamics


@pytest.fixture
async def channel(
    api: httpx.AsyncClient, database: Database[UnitOfWork], dynamics: DynamicsStandIn
) -> httpx.AsyncClient:
    """The API with the connection `acme`, which may read cases."""
    database.clock = TimeSource()
    await connect(api, dynamics.url)
    return api
