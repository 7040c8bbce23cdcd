"""The checker sees what it is for: each mutant is named, and its sound control is not."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from chaos.load import Load
from chaos.mutants import MARKS, MUTANTS, Mutant
from chaos.world import World, launched
from devstack import Stack
from support.waiting import until

CONTACTS = 120
PER_SECOND = 60
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
async def test_the_checker_names_what_is_broken(
    stack: Stack, tmp_path: Path, mutant: Mutant
) -> None:
    changes = {"PYTHONPATH": str(TESTS), MARKS: str(tmp_path)}
    launcher = ("-m", "chaos.mutants", mutant.name)
    async with launched(stack, tmp_path, launcher, changes) as world:
        load = Load(world.callers, CONTACTS, PER_SECOND)
        async with asyncio.TaskGroup() as group:
            group.create_task(_revive(world, mutant, tmp_path))
            await load.play()
        assert len(load.accepted) == CONTACTS
        await world.settle(within=timedelta(seconds=60))
        verdict = await world.verdict(load.accepted)
    seen = {(one.number, one.told) for one in verdict.broken}
    if mutant.seen_as is None:
        assert not seen, str(verdict)
    else:
        assert mutant.seen_as in seen, str(verdict)


async def _revive(world: World, mutant: Mutant, marks: Path) -> None:
    """Start the service again once it has killed itself; every other end is a failure."""
    process = world.system.processes[mutant.service]
    await until(lambda: process.running, lambda running: not running, within=60)
    assert mutant.has_died(marks), process.log_tail()
    process.start()
    await process.wait_ready(60)
