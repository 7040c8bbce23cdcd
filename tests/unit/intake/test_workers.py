"""Which workers intake has, by its settings."""

from typing import Any

import pytest

from common.core.clock import TimeSource
from common.core.health import Health
from common.core.metrics import Metrics
from common.storage.database import Database
from common.storage.engine import make_engine
from intake.main import build
from intake.settings import Settings
from intake.store import UnitOfWork
from support.service_harness import ENCRYPTION_KEY

URL = "postgresql+asyncpg://role@localhost/db"


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["case reading", "mailboxes"]),
        ({"kafka_inbound": True}, ["case reading", "inbound", "mailboxes"]),
        ({"mailbox_poll_seconds": 0}, ["case reading"]),
        ({"parts": "workers"}, ["connection activity", "case reading", "mailboxes"]),
    ],
)
async def test_workers_follow_the_settings(settings: dict[str, Any], names: list[str]) -> None:
    service = build(
        Settings.model_validate(
            {
                **settings,
                "database_url": URL,
                "kafka_bootstrap": "k",
                "encryption_keys": ENCRYPTION_KEY,
            }
        )
    )
    engine = make_engine(URL)
    database = Database(engine, UnitOfWork, TimeSource())
    workers = service.workers(database, Metrics(), Health())
    assert [worker.name for worker in workers] == names
    await engine.dispose()
