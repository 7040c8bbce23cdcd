"""Connections come from files, and their secrets are encrypted again when the key is changed."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from common.core.sealed_secrets import SecretBox
from common.storage.database import Database
from intake.channels.registry import CHANNELS
from intake.commands.apply_connections import (
    Difference,
    WrongFilesError,
    apply_changes,
    read_changes,
)
from intake.commands.rotate_key import rotate_secrets
from intake.connection_secrets import ConnectionSecrets, SecretPlaces
from intake.connections import changes
from intake.connections.changes import ConnectionChange
from intake.domain.connections import SecretSource
from intake.main import cli
from intake.store import UnitOfWork
from support.databases import Postgres, rows
from support.service_harness import ENCRYPTION_KEY

SECRET = "a-secret-of-this-test"
FILES = {
    "acme.yaml": """
        kind: zendesk
        connection: acme
        secrets: [{from_env: CHANNEL_ACME}]
        options: {topic: billing}
        expected:
          every_minutes: 60
          time_zone: Europe/Madrid
          hours: [{days: [monday], starts: "08:00", ends: "18:00"}]
    """,
    "calls.yml": """
        kind: twilio
        connection: calls
        state: paused
        secrets: [{from_env: CHANNEL_CALLS}]
    """,
    "notes.txt": "not a connection",
}


def written(directory: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (directory / name).write_text(dedent(content), encoding="utf-8")
    return directory


def database_with(database: Database[UnitOfWork], *keys: str) -> Database[UnitOfWork]:
    """Return the database for a process with these keys and two allowed variables."""
    environment = {"CHANNEL_ACME": SECRET, "CHANNEL_CALLS": "weak"}
    places = SecretPlaces(("CHANNEL_*",), (), environment)
    secrets = ConnectionSecrets(SecretBox(*keys), places)
    return Database(
        database.engine,
        lambda connection, now: UnitOfWork(connection, now, secrets),
        database.clock,
    )


async def apply(directory: Path, database: Database[UnitOfWork], **how: Any) -> list[Difference]:
    changes = read_changes(directory, CHANNELS)
    how = {"dry_run": False, "allow_weak_secrets": True, **how}
    return await apply_changes(changes, database_with(database, ENCRYPTION_KEY), **how)


async def states(database: Database[UnitOfWork]) -> dict[str, tuple[str, int]]:
    stored = await rows(database, "SELECT * FROM channel_connections")
    return {f"{row.kind}/{row.connection}": (row.state, row.version) for row in stored}


async def test_files_are_applied_together_and_again_change_nothing(
    database: Database[UnitOfWork], tmp_path: Path
) -> None:
    directory = written(tmp_path, FILES)
    planned = await apply(directory, database, dry_run=True)
    assert await states(database) == {}
    lines = [line for difference in planned for line in difference.lines()]
    assert lines[:2] == ["+ twilio/calls", "    expected: null"]
    assert "+ zendesk/acme" in lines
    assert "    secrets: from_env CHANNEL_ACME" in lines
    assert SECRET not in "\n".join(lines)
    await apply(directory, database)
    assert await states(database) == {"twilio/calls": ("paused", 1), "zendesk/acme": ("active", 1)}
    again = await apply(directory, database)
    assert [line for each in again for line in each.lines()] == ["= twilio/calls", "= zendesk/acme"]
    (tmp_path / "calls.yml").write_text("kind: twilio\nconnection: calls\nstate: archived\n")
    (tmp_path / "acme.yaml").write_text("kind: zendesk\nconnection: acme\noptions: {topic: sales}")
    calls, acme = await apply(directory, database)
    assert list(calls.lines())[:2] == [
        "~ twilio/calls",
        "    secrets: from_env CHANNEL_CALLS -> none",
    ]
    assert '    options.topic: "billing" -> "sales"' in list(acme.lines())
    assert await states(database) == {
        "twilio/calls": ("archived", 2),
        "zendesk/acme": ("active", 2),
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            "kind: zendesk\nconnection: x\nsecrets: [{value: a-secret-in-a-file}]",
            "holds none",
        ),
        ("kind: zendesk\nconnection: x\nsecrets: [{present: 1}]", "a file holds none"),
        ("kind: zendesk\nconnection: x\nsecrets: [{from_env: OTHER}]", "UPSTAIRS_SECRET_VARIABLES"),
        ("kind: zendesk\nconnection: x\nsecrets: [{from_env: CHANNEL_NONE}]", "is not set"),
        ("kind: zendesk\nconnection: x", "secret: A new connection needs one."),
        ("kind: fax\nconnection: x", "There is no kind fax."),
        ("kind: zendesk\nconnection: acme", "the same connection as in acme.yaml"),
        ("kind: zendesk\nconnection: x\noptions: {topic: 5}", "topic: "),
        ("kind: zendesk\nconnection: x\ncolour: red", "colour: "),
        ("kind: [", "it is no YAML file"),
        ("just words", "the file: "),
    ],
)
async def test_wrong_file_is_named_and_nothing_is_changed(
    database: Database[UnitOfWork], tmp_path: Path, content: str, reason: str
) -> None:
    directory = written(tmp_path, {**FILES, "wrong.yaml": content})
    with pytest.raises(WrongFilesError) as caught:
        await apply(directory, database)
    (line,) = caught.value.lines
    assert line.startswith("wrong.yaml: ")
    assert reason in line
    assert "a-secret-in-a-file" not in line
    assert await states(database) == {}


async def test_weak_secret_of_a_variable_is_refused(
    database: Database[UnitOfWork], tmp_path: Path
) -> None:
    with pytest.raises(WrongFilesError) as caught:
        await apply(written(tmp_path, FILES), database, allow_weak_secrets=False)
    assert caught.value.lines == ["calls.yml: secret: it is shorter than 16 characters."]
    assert await states(database) == {}


async def put(database: Database[UnitOfWork], name: str, *secrets: SecretSource) -> None:
    change = ConnectionChange("zendesk", name, {}, secrets)
    async with database.transaction() as uow:
        await changes.put(change, "ops", uow, allow_weak_secrets=True)


async def test_rotation_makes_the_old_key_useless_and_keeps_versions(
    database: Database[UnitOfWork],
) -> None:
    old, new = ENCRYPTION_KEY, Fernet.generate_key().decode()
    before = database_with(database, old)
    await put(before, "a", SecretSource("request", "a-secret-1"), SecretSource("request", "b-2"))
    await put(before, "b", SecretSource("variable", "CHANNEL_ACME"))
    await put(before, "c", SecretSource("request", "a-secret-3"))
    rotation = await rotate_secrets(database_with(database, new, old), batch_connections=2)
    assert (rotation.connections, rotation.secrets, rotation.unreadable) == (2, 3, [])
    assert {version for _, version in (await states(database)).values()} == {1}
    async with database_with(database, new).transaction() as uow:
        read = [await uow.channel_connections.get("zendesk", name) for name in "abc"]
    assert [each and each.secret for each in read] == ["a-secret-1,b-2", SECRET, "a-secret-3"]


async def test_secret_that_no_key_decrypts_is_named_and_holds_up_no_other(
    database: Database[UnitOfWork],
) -> None:
    lost, old, new = (Fernet.generate_key().decode() for _ in range(3))
    await put(database_with(database, lost), "a", SecretSource("request", "a-secret-1"))
    await put(database_with(database, old), "b", SecretSource("request", "a-secret-2"))
    rotation = await rotate_secrets(database_with(database, new, old))
    assert (rotation.connections, rotation.unreadable) == (1, ["zendesk:a"])


async def test_commands_exit_as_documented_and_print_no_secret(
    database: Database[UnitOfWork],
    postgres: Postgres,
    database_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory = written(tmp_path, {"acme.yaml": FILES["acme.yaml"]})
    monkeypatch.setenv("UPSTAIRS_DATABASE_URL", postgres.url(database_name, "intake"))
    monkeypatch.setenv("UPSTAIRS_ENCRYPTION_KEYS", ENCRYPTION_KEY)
    monkeypatch.setenv("UPSTAIRS_SECRET_VARIABLES", "CHANNEL_*")
    monkeypatch.setenv("CHANNEL_ACME", SECRET)

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, cli, list(arguments))
        assert SECRET not in result.output
        return result.exit_code, result.output

    planned, output = await run("apply", str(directory), "--dry-run")
    assert (planned, "+ zendesk/acme" in output) == (4, True)
    assert output.endswith("would change: 1 of 1\n")
    assert await states(database) == {}
    applied, output = await run("apply", str(directory))
    assert (applied, output.splitlines()[-1]) == (0, "changed: 1 of 1")
    assert (await run("apply", str(directory), "--dry-run"))[0] == 0
    written(tmp_path, {"acme.yaml": "kind: fax"})
    wrong, output = await run("apply", str(directory))
    assert (wrong, output.splitlines()[-1]) == (3, "nothing is changed")
    await put(database_with(database, ENCRYPTION_KEY), "b", SecretSource("request", SECRET))
    rotated, output = await run("rotate-key")
    assert (rotated, output) == (
        0,
        "encrypted with the first key; connections: 1; secrets: 1\n",
    )
    monkeypatch.setenv("UPSTAIRS_ENCRYPTION_KEYS", Fernet.generate_key().decode())
    lost, output = await run("rotate-key")
    assert (lost, "zendesk:b" in output) == (3, True)
