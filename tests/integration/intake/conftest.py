from collections.abc import AsyncIterator

import httpx
import pytest

from common.database import Database
from intake.main import parts
from intake.settings import Settings
from intake.store import UnitOfWork
from support.databases import Postgres, opened
from support.service_harness import Keys, client

SECRET = "a-signing-secret"
key = Keys(
    channel="channel:shop:channel-key",
    representative="representative:rita:representative-key",
    admin="admin:ops:admin-key",
)


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with opened(postgres, database_name, "intake", UnitOfWork) as database:
        yield database


@pytest.fixture
async def api(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """Intake's HTTP API, called by a channel."""
    async with client(parts, Settings, database, key) as api:
        api.headers.update(key("channel"))
        yield api


@pytest.fixture
async def webhook(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """The API with the Zendesk connection `acme` set up."""
    options = {
        "topic_by_tag": {"invoice": "billing"},
        "language_by_tag": {"es": "es"},
        "campaign_by_tag": {"invoice": "invoices-of-march"},
    }
    answer = await api.put(
        "/v1/channels/zendesk/acme",
        json={"secret": SECRET, "options": options},
        headers=key("admin"),
    )
    assert answer.status_code == 204
    del api.headers["Authorization"]
    return api
