"""All requests and answers of the guides are true on a system that starts empty."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import devstack
from stage.actors import running_system
from stage.environment import write_environment
from stage.inbox import Inbox
from support.guides import Replay, Shell, read_steps

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
async def replay(stack: devstack.Stack, tmp_path: Path) -> AsyncIterator[Replay]:
    async with (
        running_system(stack, tmp_path, empty=True) as (system, actors),
        Inbox(system.receivers, system.url("notifier"), system.slack_signing_secret) as inbox,
    ):
        yield Replay(Shell(write_environment(system, actors, inbox)), inbox)


@pytest.mark.parametrize("name", ["configuration.md", "channels.md"])
async def test_guide_is_true_on_an_empty_system(name: str, replay: Replay) -> None:
    for step in read_steps((DOCS / name).read_text()):
        await replay.take(step)
