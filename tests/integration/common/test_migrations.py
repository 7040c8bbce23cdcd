"""Migrations: up from nothing, once and again, and before a rollout only what may come before."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from common.service.provision import provision_schema
from common.storage.locks import LockHeldError, advisory_key
from common.storage.migrations import Phase, migrate
from support.databases import EMPTY, PASSWORDS, Postgres

SERVICE = "sample"
VERSIONS = {
    "pre_0001_create.py": (None, "CREATE TABLE one (id int)"),
    "pre_0002_widen.py": ("0001", "ALTER TABLE one ADD COLUMN name text"),
    "post_0003_narrow.py": ("0002", "ALTER TABLE one DROP COLUMN id"),
    "pre_0004_next.py": ("0003", "CREATE TABLE two (id int)"),
}
TEMPLATE = """
from alembic import op
from common.storage.migrations import create_reliability_tables

revision = "{revision}"
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade():
    if down_revision is None:
        create_reliability_tables()
    op.execute("{statement}")
"""


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of migrations of a service that is installed in its source tree."""
    package = tmp_path / "src" / SERVICE
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "src")
    folder = tmp_path / "migrations" / "versions"
    folder.mkdir(parents=True)
    env = folder.parent / "env.py"
    env.write_text("from common.storage.migrations import run_environment\n\nrun_environment()\n")
    return folder


def write(folder: Path, *names: str) -> None:
    for name in names:
        down, statement = VERSIONS[name]
        revision = name.split("_")[1]
        text = TEMPLATE.format(revision=revision, down=down, statement=statement)
        (folder / name).write_text(text)


@pytest.fixture
async def url(postgres: Postgres) -> AsyncIterator[str]:
    async with postgres.clone(EMPTY) as name:
        await provision_schema(postgres.admin_of(name), SERVICE, PASSWORDS)
        yield postgres.owner_url(name, SERVICE)


async def up(url: str, phase: Phase = "all") -> None:
    """Migrations run their own loop, so they get a thread."""
    await asyncio.to_thread(migrate, SERVICE, url, phase)


async def schema_state(url: str) -> tuple[str | None, set[str], list[str]]:
    """Return the revision, the tables beside those of reliability, and the columns of `one`."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        revision = await connection.fetchval("SELECT version_num FROM sample.alembic_version")
        names = await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'sample'"
        )
        columns = await connection.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'one'"
            " ORDER BY ordinal_position"
        )
    finally:
        await connection.close()
    tables = {row[0] for row in names}
    assert {
        "inbox",
        "inbox_default",
        "outbox",
        "timers",
        "published_events",
        "dead_letters",
    } < tables
    return revision, tables & {"one", "two"}, [row[0] for row in columns]


async def test_migration_of_an_empty_schema_can_be_repeated(versions: Path, url: str) -> None:
    write(versions, *VERSIONS)
    for _ in range(2):
        await up(url)
        assert await schema_state(url) == ("0004", {"one", "two"}, ["name"])


async def test_two_migration_jobs_can_run_at_once(versions: Path, url: str) -> None:
    write(versions, *VERSIONS)
    program = f"from common.storage.migrations import migrate; migrate({SERVICE!r}, {url!r})"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(versions.parents[1] / "src"), *sys.path]),
    }
    jobs = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, env=environment)
        for _ in range(2)
    ]
    assert [await job.wait() for job in jobs] == [0, 0]
    assert await schema_state(url) == ("0004", {"one", "two"}, ["name"])


async def test_pre_phase_stops_before_the_first_post_migration(versions: Path, url: str) -> None:
    write(versions, "pre_0001_create.py", "pre_0002_widen.py", "post_0003_narrow.py")
    for _ in range(2):
        await up(url, "pre")
        assert await schema_state(url) == ("0002", {"one"}, ["id", "name"])
    await up(url)
    assert await schema_state(url) == ("0003", {"one"}, ["name"])
    for _ in range(2):
        await up(url, "pre")
        assert await schema_state(url) == ("0003", {"one"}, ["name"])
    write(versions, "pre_0004_next.py")
    await up(url, "pre")
    assert await schema_state(url) == ("0004", {"one", "two"}, ["name"])


async def test_failed_migration_changes_nothing(versions: Path, url: str) -> None:
    write(versions, "pre_0001_create.py")
    await up(url)
    write(versions, "pre_0002_widen.py")
    broken = TEMPLATE.format(revision="0003", down="0002", statement="SELECT no FROM where")
    (versions / "pre_0003_broken.py").write_text(broken)
    with pytest.raises(Exception, match="syntax error"):
        await up(url)
    assert await schema_state(url) == ("0001", {"one"}, ["id"])


async def test_unknown_service_is_refused() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere is not installed"):
        migrate("nowhere", "unused")


async def test_lock_that_another_role_holds_ends_migration_and_provisioning_with_its_reason(
    postgres: Postgres, versions: Path, url: str
) -> None:
    write(versions, "pre_0001_create.py")
    admin = postgres.admin_of(make_url(url).database or "")
    await provision_schema(admin, "other", PASSWORDS)
    holder = await asyncpg.connect(
        postgres.owner_url(make_url(url).database or "", "other").replace("+asyncpg", "")
    )
    try:
        for parts in ((SERVICE, "migrate"), ("roles",)):
            await holder.execute("SELECT pg_advisory_lock($1)", advisory_key(*parts))
        with pytest.raises(LockHeldError, match=r"migrations of sample.*pg_terminate_backend"):
            await asyncio.to_thread(migrate, SERVICE, url, lock_timeout_s=0.1)
        with pytest.raises(LockHeldError, match="provisioning"):
            await provision_schema(admin, SERVICE, PASSWORDS, lock_timeout_s=0.1)
    finally:
        await holder.close()
    await up(url)
