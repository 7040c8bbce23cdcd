"""All that intake keeps of a customer is written, in parts, and nothing of anybody else."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from common.contracts.event import CustomerId, SystemName
from common.storage.database import Database
from intake.commands.export_customer import write_export
from intake.domain.case_reads import CaseName
from intake.main import cli
from intake.store import UnitOfWork
from integration.intake.customer_harness import email, link, send
from integration.intake.harness import assign
from support.databases import rows

ADA = "channel:shop:ada"


async def export(database: Database[UnitOfWork], customer_id: str) -> tuple[dict[str, Any], int]:
    """Return the export, and the length of its longest part."""
    parts: list[str] = []
    async with database.transaction() as uow:
        await write_export(CustomerId(customer_id), uow, parts.append)
    return json.loads("".join(parts)), max(map(len, parts))


async def test_export_has_every_table_that_knows_the_customer(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact = await send(api, "ada", email("ada@example.com"), text="PRIVATE", subject="PRIVATE")
    await send(api, "other", subject="SECRET", text="SECRET")
    await send(api, "second", text="PRIVATE")
    path = f"/v1/contacts/{contact['contact_id']}"
    file = {"name": "a.pdf", "url": "https://shop.example/a.pdf"}
    await api.post(
        f"{path}/messages",
        json={"author": "customer", "text": "See", "attachments": [file]},
    )
    await api.post(f"{path}/resolve", json={}, headers={"Idempotency-Key": "k"})
    await api.post(f"{path}/surveys", json={"survey_id": "s-1", "kind": "nps"})
    await assign(database, contact["contact_id"])
    await link(api, "channel:shop:second", ADA)
    exported, _ = await export(database, ADA)
    assert "SECRET" not in json.dumps(exported)
    assert [each["customer_id"] for each in exported["customers"]] == [ADA, "channel:shop:second"]
    assert exported["addresses"][0]["address"] == "ada@example.com"
    assert exported["merges"][0]["reason"] == "She says so."
    first, second = exported["contacts"]
    assert first["contact"][0]["subject"] == "PRIVATE"
    assert [message["text"] for message in first["messages"]] == ["PRIVATE", "See"]
    for section in ("attachments", "representatives", "surveys", "stored_answers"):
        assert len(first[section]) == 1, section
    types = [event["type"] for event in first["published_events"]]
    assert types[0] == "upstairs.contact_received.v1"
    assert second["messages"][0]["text"] == "PRIVATE"
    assert set(exported["kept_elsewhere"]) >= {"router", "escalation", "notifier", "console"}


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"title":"Grüße"}'.encode(), '{"title":"Grüße"}'),
        ('{"title":"Grüße"}'.encode("utf-16"), '{"title":"Grüße"}'),
        ('{"title":"Grüße"}'.encode("utf-8-sig"), '{"title":"Grüße"}'),
        (b'{"title":"\xed\xa0\x80"}', '{"title":"?"}'),
    ],
)
async def test_export_has_what_waits_to_be_read_and_not_the_secret_that_it_came_with(
    api: httpx.AsyncClient, database: Database[UnitOfWork], body: bytes, shown: str
) -> None:
    await send(api, "ada")
    case = CaseName("update-1", "case-1")
    named = "UPDATE contacts SET received_from = 'dynamics:acme', external_ref = 'case-1'"
    headers = {"authorization": "SECRET"}
    async with database.transaction() as uow:
        await uow.connection.execute(text(named))
        await uow.case_reads.add(SystemName("dynamics:acme"), headers, body, case)
    exported, _ = await export(database, ADA)
    (read,) = exported["contacts"][0]["case_reads"]
    assert (read["case_ref"], read["body"]) == (case.case_ref, shown)
    assert "SECRET" not in json.dumps(exported)


async def test_export_forgets_no_table_with_words_of_the_customer(
    database: Database[UnitOfWork],
) -> None:
    """A new table has a section here, or stands below with what it is instead."""
    exported = {
        *("customers", "customer_addresses", "customer_merges", "erasures", "contacts"),
        *("messages", "attachments", "contact_history", "contact_representatives", "surveys"),
        *("published_events", "dead_letters", "idempotency_keys", "case_reads"),
    }
    of_no_customer = {
        *("alembic_version", "api_keys", "channel_connections", "known_people", "lock_salt"),
        *("inbox", "outbox", "timers", "mailboxes", "status_sources"),
        *("channel_activity", "listening_periods", "rate_limit_windows", "sign_ins"),
    }
    tables = await rows(
        database,
        "SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT relispartition",
    )
    assert {table.name for table in tables} == exported | of_no_customer


async def test_export_of_many_messages_is_written_row_by_row(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact = await send(api, "ada")
    for number in range(120):
        await api.post(
            f"/v1/contacts/{contact['contact_id']}/messages",
            json={"author": "customer", "text": f"{number} " + "x" * 1000},
        )
    exported, longest = await export(database, ADA)
    assert len(exported["contacts"][0]["messages"]) == 120
    assert longest < 3000


async def test_command_line_exports_a_customer(
    api: httpx.AsyncClient, database: Database[UnitOfWork], monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(api, "ada", text="Grüße")
    url = database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("UPSTAIRS_DATABASE_URL", url)
    runner = CliRunner()
    result = await asyncio.to_thread(runner.invoke, cli, ["export", "--customer", ADA])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["contacts"][0]["messages"][0]["text"] == "Grüße"
    unknown = await asyncio.to_thread(runner.invoke, cli, ["export", "--customer", "channel:x:1"])
    assert unknown.exit_code == 4
