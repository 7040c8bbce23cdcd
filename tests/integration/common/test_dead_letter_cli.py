"""Dead letters by command line: what it prints, and the exit codes that scripts go by."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson
import pytest
from typer.testing import CliRunner, Result

from common.service.cli import service_cli
from common.service.settings import ServiceSettings
from common.service.spec import ServiceSpec
from support.dead_letters import REPAIRED, fetch_effects, make_dead_letter
from support.probe import POISON, SUBSCRIPTIONS, Broker, Replica, UnitOfWork

Command = Callable[..., Awaitable[Result]]


@pytest.fixture
def broker() -> Broker:
    """None of these needs Kafka."""
    return Broker("unused", "upstairs")


@pytest.fixture
def command(probe_url: str) -> Command:
    return calling(probe_url, repaired=True)


def calling(url: str, *, repaired: bool) -> Command:
    """Make a caller of the probe's command line, in the version that is repaired or not."""
    parts = ServiceSpec("probe", UnitOfWork, REPAIRED if repaired else SUBSCRIPTIONS, ())
    cli = service_cli("probe", ServiceSettings, lambda _: parts)

    async def call(*words: object) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke,
            cli,
            ["dead-letters", *map(str, words)],
            env={"UPSTAIRS_DATABASE_URL": url, "USER": "olga"},
        )

    return call


async def test_list_prints_a_table(command: Command, replica: Replica) -> None:
    (older_id, contact), (newer_id, _) = [await make_dead_letter(replica) for _ in range(2)]
    listed = await command("list")
    head, first, second = listed.stdout.splitlines()
    assert head.split() == ["ID", "STATE", "SINCE", "ATTEMPTS", "TYPE", "KEY", "REASON"]
    assert first.startswith(str(newer_id))
    assert second.split()[:2] == [str(older_id), "waiting"]
    assert contact in second
    assert second.endswith("PoisonedError: This note cannot be handled.")
    assert POISON not in listed.stdout
    limited = await command("list", "--limit", 1)
    assert len(limited.stdout.splitlines()) == 2
    assert limited.stderr == "There are more than 1; use --limit.\n"
    assert len((await command("list", "--state", "replayed")).stdout.splitlines()) == 1


async def test_json_option_prints_a_document_a_line(command: Command, replica: Replica) -> None:
    ids = [(await make_dead_letter(replica))[0] for _ in range(2)]
    lines = (await command("list", "--json")).stdout.splitlines()
    assert [orjson.loads(line)["id"] for line in lines] == ids[::-1]
    shown = orjson.loads((await command("show", ids[0], "--json")).stdout)
    assert POISON in shown["payload"]
    done = await command("replay", *ids, "--json")
    assert [orjson.loads(line) for line in done.stdout.splitlines()] == [
        {"id": letter_id, "outcome": "replayed", "detail": None} for letter_id in ids
    ]


async def test_show_prints_the_dead_letter_in_full(command: Command, replica: Replica) -> None:
    letter_id, contact_id = await make_dead_letter(replica)
    sheet = (await command("show", letter_id)).stdout
    for part in (contact_id, POISON, "ce_specversion: 1.0", "in take_note", "PoisonedError"):
        assert part in sheet
    assert (await command("show", 7)).exit_code == 4


async def test_second_replay_is_refused(command: Command, replica: Replica) -> None:
    letter_id, _ = await make_dead_letter(replica)
    done = await command("replay", letter_id)
    assert (done.exit_code, done.stdout) == (0, f"{letter_id}: replayed\n")
    again = await command("replay", letter_id)
    assert again.exit_code == 4
    assert f"{letter_id}: cli:olga has replayed it at " in again.stdout
    assert await fetch_effects(replica.database) == ([[POISON]], 1, 1)


async def test_replay_all_replays_every_waiting_dead_letter(
    command: Command, replica: Replica
) -> None:
    ids = [(await make_dead_letter(replica))[0] for _ in range(3)]
    await command("discard", ids[1], "--reason", "nonsense")
    done = await command("replay", "--all", "--by", "night shift")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [f"{ids[0]}: replayed", f"{ids[2]}: replayed"]
    assert (await command("replay", "--all")).stdout == ""
    (line, *_) = (await command("list", "--state", "replayed", "--json")).stdout.splitlines()
    assert orjson.loads(line)["closed_by"] == "cli:night shift"


async def test_failed_replay_prints_the_reason(probe_url: str, replica: Replica) -> None:
    unrepaired = calling(probe_url, repaired=False)
    letter_id, _ = await make_dead_letter(replica)
    failed = await unrepaired("replay", letter_id, 7)
    reason = "PoisonedError: This note cannot be handled."
    assert failed.exit_code == 3
    assert failed.stdout.splitlines() == [
        f"{letter_id}: Attempt 2 failed; it is still waiting: {reason}",
        "7: There is no such dead letter.",
    ]


async def test_discard_records_the_reason(command: Command, replica: Replica) -> None:
    letter_id, _ = await make_dead_letter(replica)
    assert (await command("discard", letter_id)).exit_code == 2
    done = await command("discard", letter_id, "--reason", "a load test")
    assert (done.exit_code, done.stdout) == (0, f"{letter_id}: discarded\n")
    shown = orjson.loads((await command("show", letter_id, "--json")).stdout)
    assert (shown["state"], shown["closed_reason"]) == ("discarded", "a load test")


async def test_wrong_usage_changes_nothing(command: Command, replica: Replica) -> None:
    letter_id, _ = await make_dead_letter(replica)
    for words in (("replay",), ("replay", letter_id, "--all"), ("list", "--state", "lost")):
        assert (await command(*words)).exit_code == 2
    assert await fetch_effects(replica.database) == ([], 0, 0)


async def test_unavailable_database_is_reported(unused_tcp_port: int) -> None:
    away = calling(f"postgresql+asyncpg://a:b@127.0.0.1:{unused_tcp_port}/c", repaired=True)
    result = await away("list")
    assert result.exit_code == 1
    assert result.stderr.startswith("The database is unavailable: ")


async def test_wrong_settings_are_named_without_their_values() -> None:
    missing = await calling("", repaired=True)("list")
    assert missing.exit_code == 2
    assert missing.stderr.startswith("The settings are wrong:\n  UPSTAIRS_DATABASE_URL: ")
    wrong = await calling("postgresql://role:s3cret@:x", repaired=True)("list")
    assert (wrong.exit_code, "s3cret" in wrong.stderr) == (2, False)
