"""What an earlier version wrote is read as it was meant."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

import escalation
from common.contracts.event import ContactId
from common.core.ids import new_id
from common.service.provision import provision_schema
from common.storage.migrations import migrate
from escalation.commands.explain import explain
from escalation.domain.settings.policies import ThresholdRule
from escalation.store.unit_of_work import UnitOfWork
from support.databases import PASSWORD, Postgres, opened

CONTACT = ContactId("018f0000-0000-7000-8000-000000000001")
POLICY = """{"targets": [
    {"clock": "first_response", "target_s": 100, "warn_at_percent": 80},
    {"clock": "resolution", "target_s": 1000, "warn_at_percent": null}
], "ladder_id": "default", "severity": "medium"}"""
CLOCK = """[{"name": "first_response", "policy": {"id": "gold", "version": 1}, "calendar": null,
    "started_at": "2026-03-02T09:00:00Z", "target_s": 100, "met_at": null, "cancelled_at": null,
    "thresholds": [
        {"percent": 80, "due_at": "2026-03-02T09:01:20Z", "fired_at": null},
        {"percent": 100, "due_at": "2026-03-02T09:01:40Z", "fired_at": null}]}]"""
STARTED = """{"contact_id": "018f0000-0000-7000-8000-000000000001",
    "occurred_at": "2026-03-02T09:00:00Z", "policy_id": "gold", "policy_version": 1,
    "clocks": [{"clock": "first_response", "due_at": "2026-03-02T09:01:40Z"}]}"""


@pytest.fixture
async def before(postgres: Postgres) -> AsyncIterator[str]:
    """A database as the version before pauses left it."""
    name = f"test_{new_id().replace('-', '')}"
    await postgres.execute(f"CREATE DATABASE {name}")
    await provision_schema(postgres.admin_of(name), "escalation", PASSWORD)
    config = Config()
    folder = Path(escalation.__file__).parents[2] / "migrations"
    config.set_main_option("script_location", str(folder))
    config.attributes.update(url=postgres.url(name, "escalation"), schema="escalation")
    await asyncio.to_thread(command.upgrade, config, "0003")
    yield name
    await postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_warning_that_was_a_percentage_is_a_threshold(
    postgres: Postgres, before: str
) -> None:
    async with opened(postgres, before, "escalation", UnitOfWork) as database:
        async with database.engine.begin() as connection:
            await connection.execute(
                text("""
                    INSERT INTO configuration (kind, id, version, body, at, by)
                    VALUES ('sla-policies', 'gold', 1, CAST(:body AS jsonb), now(), 'mia')
                """),
                {"body": POLICY},
            )
            await connection.execute(
                text("""
                    INSERT INTO watches (contact_id, opened_at, clocks)
                    VALUES (:contact, now(), CAST(:clocks AS jsonb))
                """),
                {"contact": CONTACT, "clocks": CLOCK},
            )
            await connection.execute(
                text("""
                    INSERT INTO published_events
                        (id, key, topic, sequence, event_id, type, at, data)
                    VALUES (1, CAST(CAST(:contact AS uuid) AS text), 'escalations', 1,
                            CAST(:contact AS uuid), 'upstairs.clocks_started.v1', now(),
                            CAST(:data AS jsonb))
                """),
                {"contact": CONTACT, "data": STARTED},
            )
        await database.engine.dispose()
        await asyncio.to_thread(migrate, "escalation", postgres.url(before, "escalation"))
        async with database.transaction() as uow:
            configuration = await uow.configurations.in_force()
            told = await uow.watches.clock_story(CONTACT)
    first, resolution = configuration.policies["gold"].body.targets
    assert first.thresholds == (ThresholdRule("warn_representative", at_percent=80),)
    assert resolution.thresholds == ()
    (clock,) = told.watch.clocks
    assert [each.action for each in clock.thresholds] == ["warn_representative", "raise"]
    explained = explain(told, configuration, uow.now, None)
    assert explained.agrees
    assert any("can't be recounted" in line for line in explained.lines)
