from collections.abc import AsyncIterator

import httpx
import pytest

from common.storage.database import Database
from intake.main import build
from intake.settings import Settings
from intake.store import UnitOfWork
from support.databases import Postgres, opened
from support.service_harness import Keys, client

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
    async with client(build, Settings, database, key) as api:
        api.headers.update(key("channel"))
        yield api
