"""The audit trail in the database: nobody changes it, and who does all the same is found out."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import cast

import asyncpg
import httpx
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from typer.testing import CliRunner, Result

from common.contracts.contacts import ContactReceived, SupervisorRequested
from common.contracts.event import Event
from common.core.ids import new_id
from escalation.commands import reading
from escalation.main import cli
from escalation.store.audit_trail import Trails
from integration.escalation.conftest import Desk, assigned, key
from support.databases import Postgres

pytestmark = pytest.mark.usefixtures("configured")

Verify = Callable[..., Awaitable[Result]]


@pytest.fixture
def verify(postgres: Postgres, database_name: str) -> Verify:
    """Call `python -m escalation verify-audit`."""

    async def call(*words: str) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke,
            cli,
            ["verify-audit", *words],
            env={"UPSTAIRS_DATABASE_URL": postgres.url(database_name, "escalation")},
        )

    return call


@pytest.fixture
async def superuser(postgres: Postgres, database_name: str) -> AsyncIterator[asyncpg.Connection]:
    """Return a connection for which no trigger fires and no foreign key holds."""
    url = postgres.admin_of(database_name).replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica; SET search_path = escalation")
    yield connection
    await connection.close()


def asked(contact: ContactReceived) -> Event:
    return SupervisorRequested(
        contact_id=contact.contact_id, occurred_at=contact.occurred_at, quote="Ihr Chef, bitte: “Ü”"
    )


@pytest.fixture
async def escalation_id(desk: Desk, api: httpx.AsyncClient) -> str:
    """Return an escalation of five steps."""
    contact = await desk.received()
    await desk.tell(contact, assigned(contact), asked(contact))
    (shown,) = (await api.get("/v1/escalations")).json()["escalations"]
    place = f"/v1/escalations/{shown['escalation_id']}"
    await desk.after(50.5)
    await api.post(f"{place}/acknowledge")
    await api.post(f"{place}/note", json={"text": "1e5 “quoted”\n\\u0041"}, headers=key("sam"))
    amount = {"outcome": "refund", "note": "ok", "amount": "0.10", "currency": "EUR"}
    answer = await api.post(f"{place}/resolve", json=amount)
    assert answer.status_code == 200, answer.text
    return str(shown["escalation_id"])


async def test_it_shows_who_did_what_when_and_why(
    api: httpx.AsyncClient, escalation_id: str
) -> None:
    trail = (await api.get(f"/v1/escalations/{escalation_id}/trail")).json()
    assert (trail["intact"], trail["length"]) == (True, 5)
    assert trail["head"] == trail["steps"][-1]["hash"]
    told = [(step["who"], step["what"], step["why"]) for step in trail["steps"]]
    assert told == [
        ("event:upstairs.supervisor_requested.v1", "escalation raised", told[0][2]),
        ("timer:AcknowledgementDue", "escalation climbed", "no answer from sam"),
        ("mia", "escalation acknowledged", ""),
        ("sam", "escalation noted", "1e5 “quoted”\n\\u0041"),
        ("mia", "escalation resolved", "ok"),
    ]
    assert trail["steps"][-1]["data"]["amount"] == "0.10"


async def test_all_of_it_is_verified(verify: Verify, desk: Desk, escalation_id: str) -> None:
    contacts = [await desk.received() for _ in range(3)]
    await desk.tell(*contacts, *map(asked, contacts))
    told = await verify()
    assert (told.exit_code, told.stdout) == (0, "4 escalations, 8 steps verified\n")
    one = await verify("--escalation", escalation_id)
    assert (one.exit_code, one.stdout) == (0, "1 escalations, 5 steps verified\n")
    none = await verify("--escalation", new_id())
    assert (none.exit_code, none.stderr) == (1, "There is no such escalation.\n")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trail SET why = 'nothing'",
        "DELETE FROM trail WHERE step = 5",
        "TRUNCATE trail",
        "DELETE FROM escalations",
    ],
)
async def test_the_database_refuses_to_change_it(
    desk: Desk, escalation_id: str, statement: str
) -> None:
    with pytest.raises(DBAPIError, match=r"append-only|violates foreign key"):
        async with desk.database.engine.begin() as connection:
            await connection.exec_driver_sql(statement)
    (steps,) = await desk.rows(
        f"SELECT count(*) n FROM trail WHERE escalation_id='{escalation_id}'"
    )
    assert steps.n == 5


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE trail SET why = 'x' WHERE step = 2", "step 2: its content is not what its hash"),
        (
            """UPDATE trail SET data = jsonb_set(data, '{amount}', '"9.10"') WHERE step = 5""",
            "step 5: its content is not what its hash",
        ),
        (
            "UPDATE trail SET at = at + interval '1 microsecond' WHERE step = 1",
            "step 1: its content is not what its hash",
        ),
        ("DELETE FROM trail WHERE step = 3", "step 4: step 3 was expected here"),
        ("DELETE FROM trail WHERE step = 5", "knows of 5 steps, and 4 are there"),
        (
            "DELETE FROM trail; UPDATE escalations SET trail_length = 0",
            "its hash is not the one that the escalation has kept",
        ),
        ("DELETE FROM escalations", "knows of 0 steps, and 5 are there"),
        (
            "UPDATE trail SET step = 9 - step WHERE step IN (4, 5)",
            "step 4: it does not follow the step before it",
        ),
    ],
)
async def test_who_may_do_anything_is_found_out(
    verify: Verify, superuser: asyncpg.Connection, escalation_id: str, statement: str, told: str
) -> None:
    if "9 - step" in statement:
        await superuser.execute("ALTER TABLE trail DROP CONSTRAINT trail_pkey")
    await superuser.execute(statement)
    found = await verify()
    assert found.exit_code == 1
    assert told in found.stdout
    assert escalation_id in found.stdout
    assert found.stdout.endswith("1 of 1 escalations have a broken trail\n")


async def test_a_trail_of_before_the_upgrade_goes_on_from_nothing(
    verify: Verify, superuser: asyncpg.Connection, desk: Desk, api: httpx.AsyncClient
) -> None:
    contact = await desk.received()
    await desk.tell(contact, asked(contact))
    await superuser.execute("DELETE FROM trail")
    await superuser.execute("UPDATE escalations SET trail_length = 0, trail_hash = ''")
    (shown,) = (await api.get("/v1/escalations")).json()["escalations"]
    await api.post(f"/v1/escalations/{shown['escalation_id']}/acknowledge")
    assert (await verify()).stdout == "1 escalations, 1 steps verified\n"


async def test_where_nothing_was_raised_yet_all_is_well(verify: Verify) -> None:
    told = await verify()
    assert (told.exit_code, told.stdout) == (0, "0 escalations, 0 steps verified\n")


async def test_a_page_of_trails_is_found_without_reading_the_others(
    desk: Desk, superuser: asyncpg.Connection
) -> None:
    await superuser.execute("""
        INSERT INTO trail
            (escalation_id, step, contact_id, at, who, what, why, data, previous, hash)
        SELECT id, step, id, now(), 'sam', 'note', '', '{}', '', ''
        FROM (SELECT uuidv7() AS id FROM generate_series(1, 4000)) AS made,
             generate_series(1, 10) AS step
    """)
    await superuser.execute("ANALYZE trail")
    async with desk.database.engine.connect() as connection:
        async with aclosing(Trails(connection).all_chains()) as pages:
            page = await anext(pages)
        read = await connection.exec_driver_sql(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE relname = 'trail'"
        )
        assert 2000 <= read.scalar_one() < 10_000
    assert [len(chain.steps) for chain in page] == [10] * 200


async def test_it_waits_as_long_as_it_takes(
    monkeypatch: pytest.MonkeyPatch, postgres: Postgres, database_name: str, verify: Verify
) -> None:
    """A page that is read at one go may take longer than what a service waits for."""
    monkeypatch.setenv("UPSTAIRS_DATABASE_URL", postgres.url(database_name, "escalation"))

    async def patience(connection: AsyncConnection) -> float | None:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        # asyncpg tells it nowhere else.
        return cast("float | None", raw._config.command_timeout)

    assert await asyncio.to_thread(reading, patience) is None


async def test_a_reader_who_has_gone_is_not_the_database(
    postgres: Postgres, database_name: str
) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "escalation", "verify-audit"),
        env={**os.environ, "UPSTAIRS_DATABASE_URL": postgres.url(database_name, "escalation")},
        stdout=writes,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writes)
    _, said = await running.communicate()
    assert (running.returncode, said) == (1, b"")


@pytest.mark.usefixtures("verify")
async def test_the_database_away() -> None:
    env = {"UPSTAIRS_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none"}
    told = await asyncio.to_thread(CliRunner().invoke, cli, ["verify-audit"], env=env)
    assert told.exit_code == 3
    assert told.stderr.startswith("the database is away: ")
