from collections.abc import AsyncIterator

import httpx
import pytest

from common.database import Database
from common.health import Health
from common.metrics import Metrics
from common.service import application
from intake.main import parts
from intake.settings import Settings
from intake.store import UnitOfWork
from support.databases import Postgres, opened

KEYS = {role: f"{role}-key" for role in ("channel", "representative", "admin")}


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    async with opened(postgres, database_name, "intake", UnitOfWork) as database:
        yield database


@pytest.fixture
async def api(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """Intake's HTTP API, called by a channel."""
    settings = Settings(
        database_url="postgresql+asyncpg://unused@localhost/unused",
        kafka_bootstrap="unused",
        api_keys=",".join(f"{role}:{role}-1:{key}" for role, key in KEYS.items()),
    )
    app = application(parts(settings), settings, database, Metrics(), Health())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport,
        base_url="http://intake",
        headers={"Authorization": f"Bearer {KEYS['channel']}"},
    ) as client:
        yield client
