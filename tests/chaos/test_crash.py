"""Each service is killed again and again while contacts come; afterwards nothing is missing."""

import asyncio
from datetime import timedelta
from functools import partial
from operator import le
from pathlib import Path
from random import Random

from chaos.load import Load, work_the_desk
from chaos.world import World, launched
from devstack import Stack
from stage.system import SERVICES
from support.waiting import until

CONTACTS = 1200
PER_SECOND = 170
ROUNDS = 2


async def test_no_contact_is_lost_or_handled_twice_through_kills(
    stack: Stack, tmp_path: Path
) -> None:
    async with launched(stack, tmp_path) as world:
        load = Load(world.callers, CONTACTS, PER_SECOND)
        await _under_fire(world, load)
        assert len(set(load.accepted.values())) == CONTACTS
        await world.settle(within=timedelta(seconds=60))
        verdict = await world.verdict(load.accepted)
        assert not verdict.violations, str(verdict)
        assert all(verdict.checked[number] >= CONTACTS for number in range(1, 6)), str(verdict)


async def _under_fire(world: World, load: Load) -> None:
    """Play the load while each service dies in turn, and once more while timers still fire."""
    said = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(work_the_desk(world.callers, said))
        group.create_task(_kill_in_turn(world, load))
        await load.play()
        said.set()
    for service in SERVICES:
        await _kill(world, service)
    await world.system.wait_ready()


async def _kill_in_turn(world: World, load: Load) -> None:
    """Let a service die whenever so many more contacts have been accepted, whatever it is at."""
    random = Random(7)  # noqa: S311 - moments that can be repeated
    victims = SERVICES * ROUNDS
    share = CONTACTS // (len(victims) + 1)
    for turn, service in enumerate(victims, 1):
        await until(lambda: len(load.accepted), partial(le, turn * share), within=60)
        # At no moment in particular: that is what is tried here.
        await asyncio.sleep(random.uniform(0, 0.5))
        await _kill(world, service)


async def _kill(world: World, service: str) -> None:
    process = world.system.processes[service]
    await process.wait_ready(60)
    process.kill()
    process.start()
