"""Each service is killed again and again while contacts come; afterwards nothing is missing."""

import asyncio
from functools import partial
from operator import le
from pathlib import Path
from random import Random

import pytest

from chaos.load import Load, work_escalations
from chaos.system import READY_WITHIN_S, SystemUnderTest, running_system
from common.contracts.services import EVENT_SERVICES
from devstack import Stack
from support.waiting import until

CONTACTS = 600
# More than any machine bears: contacts come as fast as they are accepted.
PER_SECOND = 170
ROUNDS = 2
ACCEPTED_WITHIN_S = 1200


@pytest.mark.timeout(3600)
async def test_no_contact_is_lost_or_handled_twice_through_kills(
    stack: Stack, tmp_path: Path
) -> None:
    async with running_system(stack, tmp_path) as under_test:
        load = Load(under_test.clients, PER_SECOND)
        await _kill_under_load(under_test, load)
        assert len(set(load.accepted.values())) == CONTACTS
        await under_test.settle()
        verdict = await under_test.check_invariants(load.accepted)
        assert not verdict.violations, str(verdict)
        assert all(verdict.checked[number] >= CONTACTS for number in range(1, 6)), str(verdict)


async def _kill_under_load(under_test: SystemUnderTest, load: Load) -> None:
    """Kill each service in turn under load, and once more while timers still fire."""
    done = asyncio.Event()
    async with asyncio.TaskGroup() as people:
        people.create_task(work_escalations(under_test.clients, done))
        people.create_task(_kill_in_turn(under_test, load))
        async with asyncio.TaskGroup() as group:
            await load.play(group, CONTACTS)
        done.set()
    for service in EVENT_SERVICES:
        await _kill(under_test, service)
    await under_test.system.wait_ready(READY_WITHIN_S)


async def _kill_in_turn(under_test: SystemUnderTest, load: Load) -> None:
    """Kill the next service after each equal share of the contacts."""
    random = Random(7)
    victims = EVENT_SERVICES * ROUNDS
    share = CONTACTS // (len(victims) + 1)
    for turn, service in enumerate(victims, 1):
        await until(lambda: len(load.accepted), partial(le, turn * share), within=ACCEPTED_WITHIN_S)
        # The test is about kills at random moments.
        await asyncio.sleep(random.uniform(0, 0.5))
        await _kill(under_test, service)


async def _kill(under_test: SystemUnderTest, service: str) -> None:
    process = under_test.system.processes[service]
    await process.wait_ready(READY_WITHIN_S)
    process.kill()
    process.start()
