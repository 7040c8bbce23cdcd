"""The audit trail in the database: it is append-only, and verification finds any change."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, cast

import asyncpg
import httpx
import orjson
import pytest
import structlog
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from common.contracts.contacts import ContactReceived, SupervisorRequested
from common.contracts.event import Event
from common.core.ids import new_id
from common.storage.connection import Connection
from escalation.commands.connection import run_query
from escalation.domain.audit_trail import TrailEntry
from escalation.main import cli
from escalation.store.audit_trail import AuditTrail
from integration.escalation.conftest import EscalationHarness, assigned, key
from support.databases import Postgres, async_engine

pytestmark = pytest.mark.usefixtures("configured")

Verify = Callable[..., Awaitable[Result]]


@pytest.fixture
def run(postgres: Postgres, database_name: str) -> Verify:
    """Call `python -m escalation`."""

    async def call(*words: str) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke,
            cli,
            list(words),
            env={"UPSTAIRS_DATABASE_URL": postgres.url(database_name, "escalation")},
        )

    return call


@pytest.fixture
def verify(run: Verify) -> Verify:
    """Call `python -m escalation verify-audit-trail`."""
    return partial(run, "verify-audit-trail")


@pytest.fixture
async def superuser(postgres: Postgres, database_name: str) -> AsyncIterator[asyncpg.Connection]:
    """Return a connection that fires no triggers and checks no foreign keys."""
    url = postgres.admin_of(database_name).replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica; SET search_path = escalation")
    yield connection
    await connection.close()


def supervisor_request(contact: ContactReceived) -> Event:
    return SupervisorRequested(
        contact_id=contact.contact_id, occurred_at=contact.occurred_at, quote="Ihr Chef, bitte: “Ü”"
    )


@pytest.fixture
async def escalation_id(service: EscalationHarness, api: httpx.AsyncClient) -> str:
    """Return an escalation with five entries in its trail."""
    contact = await service.received()
    await service.handle_events(contact, assigned(contact), supervisor_request(contact))
    (shown,) = (await api.get("/v1/escalations")).json()["items"]
    place = f"/v1/escalations/{shown['escalation_id']}"
    await service.advance_time(50.5)
    await api.post(f"{place}/acknowledge")
    await api.post(f"{place}/note", json={"text": "1e5 “quoted”\n\\u0041"}, headers=key("sam"))
    unlimited = await api.put(
        "/v1/approval-limits/manager", json={"unlimited": True}, headers=key("ops")
    )
    assert unlimited.status_code == 200, unlimited.text
    amount = {"outcome": "refund", "note": "ok", "amount": "0.10", "currency": "EUR"}
    answer = await api.post(f"{place}/resolve", json=amount)
    assert answer.status_code == 200, answer.text
    return str(shown["escalation_id"])


async def test_audit_trail_shows_actor_action_and_reason(
    api: httpx.AsyncClient, escalation_id: str
) -> None:
    trail = (await api.get(f"/v1/escalations/{escalation_id}/audit-trail")).json()
    assert (trail["intact"], trail["length"]) == (True, 5)
    assert trail["head"] == trail["entries"][-1]["hash"]
    entries = [(entry["actor"], entry["action"], entry["reason"]) for entry in trail["entries"]]
    assert entries == [
        ("event:upstairs.supervisor_requested.v1", "escalation raised", entries[0][2]),
        ("timer:AcknowledgementDue", "escalation climbed", "no answer from sam"),
        ("mia", "escalation acknowledged", ""),
        ("sam", "escalation noted", "1e5 “quoted”\n\\u0041"),
        ("mia", "escalation resolved", "ok"),
    ]
    assert trail["entries"][-1]["data"]["amount"] == "0.10"


async def test_pages_of_an_audit_trail_are_checked_as_one_chain(
    api: httpx.AsyncClient, superuser: asyncpg.Connection, escalation_id: str
) -> None:
    async def pages() -> list[dict[str, Any]]:
        place = f"/v1/escalations/{escalation_id}/audit-trail?limit=2"
        read = [(await api.get(place)).json()]
        while cursor := read[-1]["next_cursor"]:
            read.append((await api.get(f"{place}&cursor={cursor}")).json())
        return read

    read = await pages()
    numbers = [[entry["number"] for entry in page["entries"]] for page in read]
    assert numbers == [[1, 2], [3, 4], [5]]
    assert all(page["intact"] for page in read)
    other = f"/v1/escalations/{escalation_id}?cursor={read[0]['next_cursor']}"
    assert (await api.get(other)).status_code == 422
    await superuser.execute("UPDATE audit_trail SET reason = 'x' WHERE number = 3")
    assert [page["intact"] for page in await pages()] == [True, False, True]


async def test_events_of_an_escalation_come_in_pages(
    api: httpx.AsyncClient, escalation_id: str
) -> None:
    place = f"/v1/escalations/{escalation_id}"
    whole = (await api.get(place)).json()
    assert whole["next_cursor"] is None
    first = (await api.get(f"{place}?limit=3")).json()
    second = (await api.get(f"{place}?limit=200&cursor={first['next_cursor']}")).json()
    assert len(first["events"]) == 3
    assert first["events"] + second["events"] == whole["events"]


async def test_verify_audit_trail_counts_verified_entries(
    verify: Verify, service: EscalationHarness, escalation_id: str
) -> None:
    contacts = [await service.received() for _ in range(3)]
    await service.handle_events(*contacts, *map(supervisor_request, contacts))
    result = await verify()
    assert (result.exit_code, result.stdout) == (0, "4 escalations, 8 entries verified\n")
    single = await verify("--escalation", escalation_id)
    assert (single.exit_code, single.stdout) == (0, "1 escalations, 5 entries verified\n")
    unknown = await verify("--escalation", new_id())
    assert (unknown.exit_code, unknown.stderr) == (1, "There is no such escalation.\n")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_trail SET reason = 'nothing'",
        "DELETE FROM audit_trail WHERE number = 5",
        "TRUNCATE audit_trail",
        "DELETE FROM escalations",
    ],
)
async def test_database_refuses_changes_of_audit_trail(
    service: EscalationHarness, postgres: Postgres, escalation_id: str, statement: str
) -> None:
    with pytest.raises(DBAPIError, match=r"append-only|permission denied"):
        async with async_engine(service.database).begin() as connection:
            await connection.exec_driver_sql(statement)
    name = str(service.database.engine.url.database)
    owner = await asyncpg.connect(postgres.owner_url(name, "escalation").replace("+asyncpg", ""))
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await owner.execute(statement)
    await owner.close()
    (count,) = await service.rows(
        f"SELECT count(*) n FROM audit_trail WHERE escalation_id='{escalation_id}'"
    )
    assert count.n == 5


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (
            "UPDATE audit_trail SET reason = 'x' WHERE number = 2",
            "entry 2: its content does not match its hash",
        ),
        (
            """UPDATE audit_trail SET data = jsonb_set(data, '{amount}', '"9.10"')
               WHERE number = 5""",
            "entry 5: its content does not match its hash",
        ),
        (
            "UPDATE audit_trail SET at = at + interval '1 microsecond' WHERE number = 1",
            "entry 1: its content does not match its hash",
        ),
        (
            "UPDATE audit_trail SET at = 'infinity' WHERE number = 2",
            "entry 2: its content does not match its hash",
        ),
        (
            "UPDATE audit_trail SET at = '0044-03-15 BC' WHERE number = 2",
            "entry 2: its content does not match its hash",
        ),
        (
            "UPDATE audit_trail SET data = jsonb_build_object('n', 1e30) WHERE number = 2",
            "entry 2: its content does not match its hash",
        ),
        ("DELETE FROM audit_trail WHERE number = 3", "entry 4: entry 3 was expected here"),
        ("DELETE FROM audit_trail WHERE number = 5", "has 5 entries, but 4 are there"),
        (
            "DELETE FROM audit_trail; UPDATE escalations SET trail = trail || '{\"length\": 0}'",
            "its hash differs from the hash that the escalation stores",
        ),
        ("DELETE FROM escalations", "has 0 entries, but 5 are there"),
        (
            "UPDATE audit_trail SET number = 9 - number WHERE number IN (4, 5)",
            "entry 4: it does not follow the entry before it",
        ),
    ],
)
async def test_verify_audit_trail_finds_changes_by_superuser(
    verify: Verify, superuser: asyncpg.Connection, escalation_id: str, statement: str, finding: str
) -> None:
    if "9 - number" in statement:
        await superuser.execute("ALTER TABLE audit_trail DROP CONSTRAINT audit_trail_pkey")
    await superuser.execute(statement)
    result = await verify()
    assert result.exit_code == 1
    assert finding in result.stdout
    assert escalation_id in result.stdout
    assert result.stdout.endswith("1 of 1 escalations have a broken audit trail\n")


async def rewrite_chain(superuser: asyncpg.Connection, escalation_id: str) -> None:
    """Change the last entry and make all hashes right again, as who knows the code can."""
    row = await superuser.fetchrow(
        "SELECT * FROM audit_trail WHERE escalation_id = $1 AND number = 5", escalation_id
    )
    assert row is not None
    fields = {**row, "escalation_id": escalation_id, "contact_id": str(row["contact_id"])}
    changed = {"data": orjson.loads(fields["data"]), "reason": "nothing happened"}
    entry = TrailEntry(**{**fields, **changed}).sealed()
    await superuser.execute(
        "UPDATE audit_trail SET reason = $1, hash = $2 WHERE escalation_id = $3 AND number = 5",
        *(entry.reason, entry.hash, escalation_id),
    )
    await superuser.execute(
        "UPDATE escalations SET trail = trail || jsonb_build_object('hash', $1::text)"
        " WHERE escalation_id = $2",
        *(entry.hash, escalation_id),
    )


async def test_kept_heads_show_a_chain_that_was_rewritten_whole(
    verify: Verify,
    run: Verify,
    superuser: asyncpg.Connection,
    escalation_id: str,
    tmp_path: Path,
) -> None:
    kept = tmp_path / "heads"
    kept.write_text((await run("audit-trail-heads")).stdout)
    assert (await verify("--heads", str(kept))).exit_code == 0
    await rewrite_chain(superuser, escalation_id)
    assert (await verify()).exit_code == 0
    result = await verify("--heads", str(kept))
    assert result.exit_code == 1
    assert f"{escalation_id} entry 5: it differs from the head" in result.stdout


async def test_kept_heads_show_a_trail_that_was_deleted_whole(
    verify: Verify,
    run: Verify,
    superuser: asyncpg.Connection,
    escalation_id: str,
    tmp_path: Path,
) -> None:
    kept = tmp_path / "heads"
    kept.write_text((await run("audit-trail-heads")).stdout)
    await superuser.execute("DELETE FROM audit_trail; DELETE FROM escalations")
    assert (await verify()).exit_code == 0
    result = await verify("--heads", str(kept))
    assert result.exit_code == 1
    assert f"{escalation_id}: its head was kept" in result.stdout


async def test_head_of_each_change_is_logged_for_the_comparison(
    verify: Verify,
    superuser: asyncpg.Connection,
    api: httpx.AsyncClient,
    escalation_id: str,
    tmp_path: Path,
) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    with capture_logs() as logs:
        body = {"reason": "The refund never arrived."}
        answer = await api.post(f"/v1/escalations/{escalation_id}/reopen", json=body)
        assert answer.status_code == 200
    kept = tmp_path / "logs"
    kept.write_bytes(b"\n".join([b"no JSON", b"1", *map(orjson.dumps, logs)]))
    assert (await verify("--heads", str(kept))).exit_code == 0
    await superuser.execute(
        "UPDATE escalations SET trail = trail || '{\"length\": 5}'; DELETE FROM audit_trail"
        " WHERE number = 6"
    )
    assert "entry 6: it differs" in (await verify("--heads", str(kept))).stdout


async def test_trail_without_earlier_entries_starts_at_one(
    verify: Verify,
    superuser: asyncpg.Connection,
    service: EscalationHarness,
    api: httpx.AsyncClient,
) -> None:
    contact = await service.received()
    await service.handle_events(contact, supervisor_request(contact))
    await superuser.execute("DELETE FROM audit_trail")
    await superuser.execute(
        "UPDATE escalations SET trail = jsonb_build_object('length', 0, 'hash', '')"
    )
    (shown,) = (await api.get("/v1/escalations")).json()["items"]
    await api.post(f"/v1/escalations/{shown['escalation_id']}/acknowledge")
    assert (await verify()).stdout == "1 escalations, 1 entries verified\n"


async def test_verify_audit_trail_succeeds_without_escalations(verify: Verify) -> None:
    result = await verify()
    assert (result.exit_code, result.stdout) == (0, "0 escalations, 0 entries verified\n")


async def test_page_of_chains_reads_no_other_rows(
    service: EscalationHarness, superuser: asyncpg.Connection
) -> None:
    await superuser.execute("""
        INSERT INTO audit_trail
            (escalation_id, number, contact_id, at, actor, action, reason, data, previous, hash)
        SELECT id, number, id, now(), 'sam', 'note', '', '{}', '', ''
        FROM (SELECT uuidv7() AS id FROM generate_series(1, 4000)) AS made,
             generate_series(1, 10) AS number
    """)
    await superuser.execute("ANALYZE audit_trail")
    async with service.database.transaction() as uow:
        async with aclosing(AuditTrail(uow.connection).all_chains()) as pages:
            page = await anext(pages)
        read = await uow.connection.driver.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE relname = 'audit_trail'"
        )
        assert 2000 <= read < 10_000
    assert [len(chain.entries) for chain in page] == [10] * 200


async def test_command_connection_has_no_statement_timeout(
    monkeypatch: pytest.MonkeyPatch, postgres: Postgres, database_name: str, verify: Verify
) -> None:
    """One page may take longer to read than a service's statement timeout."""
    monkeypatch.setenv("UPSTAIRS_DATABASE_URL", postgres.url(database_name, "escalation"))

    async def command_timeout(connection: Connection) -> float | None:
        # asyncpg exposes it nowhere else.
        return cast("float | None", cast("Any", connection.driver)._config.command_timeout)

    assert await asyncio.to_thread(run_query, command_timeout) is None


async def test_closed_output_pipe_is_not_reported_as_database_error(
    postgres: Postgres, database_name: str
) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "escalation", "verify-audit-trail"),
        env={**os.environ, "UPSTAIRS_DATABASE_URL": postgres.url(database_name, "escalation")},
        stdout=writes,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writes)
    _, errors = await running.communicate()
    assert (running.returncode, errors) == (1, b"")


@pytest.mark.usefixtures("verify")
async def test_unavailable_database_exits_with_three() -> None:
    env = {"UPSTAIRS_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none"}
    result = await asyncio.to_thread(CliRunner().invoke, cli, ["verify-audit-trail"], env=env)
    assert result.exit_code == 3
    assert result.stderr.startswith("The database is unavailable: ")
