"""Every table of every service has a retention rule, or a recorded reason for none."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from common.core.metrics import Metrics
from common.service.retention import INBOX, Retention, RetentionWorker, Rule
from common.service.settings import ProcessSettings
from common.storage.database import Database
from common.storage.uow import UnitOfWork
from support.databases import SERVICES, Postgres, open_database, rows

DAYS = 10_000


def rules_of(service: str) -> tuple[Rule, ...]:
    main = import_module(f"{service}.main")
    settings = import_module(f"{service}.settings").Settings
    example = settings.model_validate(
        {"database_url": "postgresql+asyncpg://role@localhost/db", "kafka_bootstrap": "localhost"}
    )
    assert isinstance(example, ProcessSettings)
    rules: tuple[Rule, ...] = main.build(example).retention_rules
    return rules


@asynccontextmanager
async def database_of(service: str, postgres: Postgres, name: str) -> AsyncIterator[Database[Any]]:
    async with open_database(postgres, name, service, UnitOfWork) as database:
        yield database


async def apply(database: Database[Any], service: str) -> None:
    """Apply the rules of a service when everything is old; fails where a rule does."""
    worker = RetentionWorker(database, Metrics(), rules_of(service))
    database.clock.offset = timedelta(days=DAYS)
    for rule in worker.rules:
        await worker.apply_rule(rule, asyncio.Event())


@pytest.mark.parametrize("service", SERVICES)
async def test_table_has_exactly_one_rule(
    service: str, postgres: Postgres, database_name: str
) -> None:
    async with database_of(service, postgres, database_name) as database:
        tables = await rows(
            database,
            f"SELECT relname AS name FROM pg_class WHERE relnamespace = '{service}'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'alembic_version'",
        )
    ruled = Counter(rule.table for rule in rules_of(service))
    assert ruled == Counter(row.name for row in tables)


@pytest.mark.parametrize("service", SERVICES)
async def test_rule_has_an_index_on_its_time_column(
    service: str, postgres: Postgres, database_name: str
) -> None:
    async with database_of(service, postgres, database_name) as database:
        records = await rows(
            database,
            "SELECT c.relname AS table, lower(pg_get_indexdef(indexrelid, 1, false)) AS column"
            " FROM pg_index JOIN pg_class c ON c.oid = indrelid"
            " JOIN pg_class x ON x.oid = indexrelid"
            " JOIN pg_am ON pg_am.oid = x.relam AND amname = 'btree'"
            f" WHERE c.relnamespace = '{service}'::regnamespace",
        )
    indexed = {(row.table, row.column) for row in records}
    timed = {
        (rule.table, rule.time_column)
        for rule in rules_of(service)
        if isinstance(rule, Retention) and rule.table != INBOX.table
    }
    assert timed <= indexed


@pytest.mark.parametrize("service", SERVICES)
async def test_rules_are_valid_statements(
    service: str, postgres: Postgres, database_name: str
) -> None:
    async with database_of(service, postgres, database_name) as database:
        await apply(database, service)


OPEN, ENDED = "00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002"
PUBLISHED = """
    INSERT INTO published_events (id, key, topic, sequence, event_id, type, at, data)
    SELECT row_number() OVER (), CAST(id AS text), topic, 1, uuidv7(), 'any', now(), '{}'
    FROM rows
"""
FILL = {
    "intake": f"""
        INSERT INTO customers (customer_id, tier) VALUES ('ada', 'vip'), ('bo', 'vip');
        INSERT INTO contacts (contact_id, state, channel, received_from, customer_id, subject,
            topic, language, priority, received_at, changed_at, resolved_at, resolution_no)
        VALUES ('{OPEN}', 'open', 'chat', 'r', 'ada', 's', 't', 'en', 'low', now(), now(), NULL,
                0),
            ('{ENDED}', 'resolved', 'chat', 'r', 'bo', 's', 't', 'en', 'low', now(), now(), now(),
                1),
            (gen_random_uuid(), 'abandoned', 'chat', 'r', 'bo', 's', 't', 'en', 'low', now(), now(),
                NULL, 0),
            (gen_random_uuid(), 'discarded', 'chat', 'r', 'bo', 's', 't', 'en', 'low', now(), now(),
                NULL, 0);
        INSERT INTO messages (message_id, contact_id, author, text, at, automatic)
        SELECT gen_random_uuid(), contact_id, 'customer', 'hello', now(), false FROM contacts;
        INSERT INTO attachments (contact_id, message_ref, attachment_id, name, url)
        SELECT contact_id, 'm', '1', 'photo', 'https://shop.example/1' FROM contacts;
        INSERT INTO contact_history (contact_id, event_id, field, value, at, applied)
        SELECT contact_id, 'e', 'state', 'open', now(), true FROM contacts;
        INSERT INTO contact_representatives (contact_id, person_id, sequence, at)
        SELECT contact_id, 'rita', 1, now() FROM contacts;
        INSERT INTO surveys (contact_id, survey_id, kind, sent_at)
        SELECT contact_id, 's', 'csat', now() FROM contacts;
    """,
    "router": f"""
        INSERT INTO assignments (contact_id, state, since, skill, language, priority_rank,
            waiting_since, reason, offer, declined_by, ended_at)
        VALUES ('{OPEN}', 'queued', now(), 's', 'en', 1, now(), 'r', 0, '{{}}', NULL),
            ('{ENDED}', 'completed', now(), 's', 'en', 1, now(), 'r', 1, '{{}}', now());
    """,
    "escalation": f"""
        INSERT INTO tracked_contacts (contact_id, opened_at, resolved_at)
        VALUES ('{OPEN}', now(), NULL), ('{ENDED}', now(), now());
        INSERT INTO escalations (escalation_id, contact_id, state, severity, causes, cause_count,
            raised_at, level, round, repeats, awaited, lease_no, snoozes, closed_at, version, trail)
        SELECT contact_id, contact_id,
            CASE WHEN resolved_at IS NULL THEN 'raised' ELSE 'closed' END, 'low', '[]', 0,
            now(), 0, 1, 0, '[]', 0, 0, resolved_at, 1, '{{}}' FROM tracked_contacts;
        INSERT INTO audit_trail (escalation_id, number, contact_id, at, actor, action, reason, data,
            previous, hash)
        SELECT escalation_id, 1, contact_id, now() - interval '8 years', 'a', 'b', 'c', '{{}}',
            'd', 'e' FROM escalations;
        INSERT INTO consumed_events (contact_id, at, type, event_id, data)
        SELECT contact_id, now(), 'any', gen_random_uuid(), '{{}}' FROM tracked_contacts;
        INSERT INTO announced_gaps (schedule_id, starts_at, ends_at, ahead, announced_at)
        VALUES ('s', now(), now(), 'day', now());
    """,
    "notifier": f"""
        INSERT INTO escalations (escalation_id, contact_id, state, at)
        VALUES ('{OPEN}', '{OPEN}', 'raised', now()), ('{ENDED}', '{ENDED}', 'closed', now());
        INSERT INTO notifications (notification_id, idempotency_key, kind, state, page_id,
            contact_id, escalation_id, person_id, content, requested_at, attempts, ambiguous,
            editable, link_epoch, time_zone)
        SELECT escalation_id, CAST(escalation_id AS text), 'page', 'sent', escalation_id,
            contact_id, escalation_id, 'sara', '{{}}', now(), 1, false, true, 1, 'UTC'
        FROM escalations;
        INSERT INTO recipient_changes
            (change_id, person_id, changed_at, changed_by, after, refused_media)
        VALUES (gen_random_uuid(), 'sara', now() - interval '2 years', 'sara', '{{}}', '[]');
        INSERT INTO budgets (key, sent_at, changed_at) VALUES ('channel/chat', '[]', now());
        INSERT INTO delivery_attempts (notification_id, attempt, started_at)
        SELECT notification_id, 1, now() FROM notifications;
    """,
}
TOPICS = {
    "intake": "contacts",
    "router": "assignments",
    "escalation": "clocks",
    "notifier": "notifications",
}
LEFT = {
    "intake": {
        "contacts": 1,
        "customers": 1,
        "messages": 1,
        "attachments": 1,
        "contact_history": 1,
        "contact_representatives": 1,
        "surveys": 1,
    },
    "router": {"assignments": 1},
    "escalation": {
        "tracked_contacts": 1,
        "escalations": 1,
        "audit_trail": 1,
        "consumed_events": 1,
        "announced_gaps": 0,
    },
    "notifier": {
        "escalations": 1,
        "notifications": 1,
        "delivery_attempts": 1,
        "recipient_changes": 0,
        "budgets": 0,
    },
}


@pytest.mark.parametrize("service", FILL)
async def test_all_rows_of_an_ended_contact_go_and_those_of_an_open_one_stay(
    service: str, postgres: Postgres, database_name: str
) -> None:
    contacts = f"(VALUES (CAST('{OPEN}' AS uuid)), (CAST('{ENDED}' AS uuid))) AS contacts(id)"
    source = f"(SELECT id, '{TOPICS[service]}' AS topic FROM {contacts}) AS rows"
    async with database_of(service, postgres, database_name) as database:
        async with database.transaction() as uow:
            for statement in (
                FILL[service] + PUBLISHED.replace("FROM rows", f"FROM {source}")
            ).split(";"):
                if statement.strip():
                    await uow.connection.driver.execute(statement)
        await apply(database, service)
        left = {
            table: (await rows(database, f"SELECT count(*) AS n FROM {table}"))[0].n
            for table in (*LEFT[service], "published_events")
        }
        keys = await rows(database, "SELECT key FROM published_events")
    assert left == {**LEFT[service], "published_events": 1}
    assert [row.key for row in keys] == [OPEN]


async def test_newest_event_of_a_person_stays(postgres: Postgres, database_name: str) -> None:
    async with database_of("router", postgres, database_name) as database:
        async with database.transaction() as uow:
            await uow.connection.driver.execute(
                "INSERT INTO published_events (id, key, topic, sequence, event_id, type, at, data)"
                " SELECT n, 'rita', 'people', n, uuidv7(), 'any', now(), '{}'"
                " FROM generate_series(1, 3) AS n"
            )
        await apply(database, "router")
        left = await rows(database, "SELECT sequence FROM published_events")
    assert [row.sequence for row in left] == [3]
