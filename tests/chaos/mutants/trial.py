"""Lets mutants work, each in its turn, and asks the checker what it finds."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from chaos.mutants.registry import MARKS, Mutant, marked
from chaos.system import LONG_S, READY_WITHIN_S, SystemUnderTest, asked, running_system
from devstack import Process, Stack
from devstack.errors import StackError
from stage.invariants import Verdict, check, count_receipts, read_snapshot
from stage.invariants.findings import Violation
from support.waiting import until

TESTS = Path(__file__).parents[2]
# For a machine that is busy with something else.
PATIENCE_S = 300
WINDOW_S = 0.5


@dataclass(frozen=True)
class Outcome:
    """What the checker found once this one had worked, and had not found before.

    In `trouble` it did not come to that.
    """

    mutant: Mutant
    found: Sequence[Violation] = ()
    trouble: str = ""

    @property
    def kinds(self) -> list[tuple[int, str]]:
        return sorted({(one.invariant, one.message) for one in self.found})

    @property
    def is_right(self) -> bool:
        if self.trouble:
            return False
        wanted = self.mutant.seen_as
        return wanted in self.kinds if wanted else not self.found

    @property
    def verdict(self) -> str:
        """What it says of the checker; a mutant that could not be tried says nothing."""
        if self.trouble:
            return "UNTRIED"
        if self.mutant.seen_as is None:
            return "sound" if self.is_right else "BLAMED"
        return "caught" if self.is_right else "MISSED"

    @property
    def summary(self) -> str:
        expected = self.mutant.seen_as
        text = "{}: {}".format(*expected) if expected else "control"
        return f"{self.verdict:<8}{self.mutant.name:<46}{text}"

    def __str__(self) -> str:
        shown = "\n".join(str(one) for one in self.found[:10])
        return f"{self.mutant.name}: found {self.kinds} {self.trouble}\n{shown}"


@dataclass
class Trial:
    """One system and those who take turns in it."""

    under_test: SystemUnderTest
    logs: Path
    accepted: dict[str, str] = field(default_factory=dict)
    known: set[Violation] = field(default_factory=set)
    sound: dict[str, Process] = field(default_factory=dict)

    async def outcome(self, mutant: Mutant) -> Outcome:
        try:
            await self._take_the_place(mutant)
            await self._play(mutant)
            await self.under_test.settle()
        except (AssertionError, ExceptionGroup, StackError) as trouble:
            return Outcome(mutant, trouble=repr(trouble))
        found = [one for one in (await self._verdict()).violations if not self._is_known(one)]
        self.known.update(found)
        return Outcome(mutant, found)

    def _is_known(self, one: Violation) -> bool:
        """The audit tells of a timer that an earlier mutant lost once that one's turn is over."""
        lost = one.message.endswith("has no live timer")
        contacts = {it.evidence[:1] for it in self.known if it.message == one.message}
        return one in self.known or (lost and one.evidence[:1] in contacts)

    async def _take_the_place(self, mutant: Mutant) -> None:
        """Put it where the sound service was, and that one back where another mutant was."""
        processes = self.under_test.system.processes
        for service, process in self.sound.items():
            if service != mutant.service and processes[service] is not process:
                await self._swap(service, process)
        sound = self.sound.setdefault(mutant.service, processes[mutant.service])
        await self._swap(mutant.service, _launched_as(mutant, sound, self._marks(mutant)))

    async def _swap(self, service: str, by: Process) -> None:
        # Nothing moves, so there is nothing that a kill could cut off.
        self.under_test.system.processes[service].kill()
        self.under_test.system.processes[service] = by
        by.start()
        await by.wait_ready(READY_WITHIN_S)

    async def _play(self, mutant: Mutant) -> None:
        async with asyncio.TaskGroup() as group:
            if mutant.dies:
                group.create_task(self._revive(mutant))
            self.accepted |= await mutant.scenario.play(self.under_test.clients, mutant.name)

    async def _revive(self, mutant: Mutant) -> None:
        """Start it again once it has killed itself; every other end is a failure."""
        process = self.under_test.system.processes[mutant.service]
        await until(lambda: not process.running, within=PATIENCE_S)
        assert marked(self._marks(mutant)).exists(), process.log_tail()
        process.start()
        await process.wait_ready(READY_WITHIN_S)

    async def _verdict(self) -> Verdict:
        slack, mail = self.under_test.system.receivers.slack, self.under_test.system.receivers.mail
        received = count_receipts((post.body for post in slack.accepted), mail.messages)
        sources, accepted = self.under_test.sources, self.accepted.values()
        return check(await read_snapshot(sources, accepted=accepted, receipts=received))

    def _marks(self, mutant: Mutant) -> Path:
        marks = self.logs / mutant.name
        marks.mkdir(exist_ok=True)
        return marks


async def run_all(
    stack: Stack, logs: Path, groups: Sequence[Sequence[Mutant]]
) -> AsyncIterator[Outcome]:
    """Yield what is found of each mutant as it is found; every group has a system of its own."""
    found: asyncio.Queue[Outcome] = asyncio.Queue()
    starting = asyncio.Lock()
    async with asyncio.TaskGroup() as together:
        for number, group in enumerate(groups):
            together.create_task(_try(stack, logs / str(number), group, starting, found))
        for _ in range(sum(map(len, groups))):
            yield await found.get()


async def _try(
    stack: Stack,
    logs: Path,
    group: Sequence[Mutant],
    starting: asyncio.Lock,
    found: asyncio.Queue[Outcome],
) -> None:
    left = deque(group)
    while left:
        async with _system(stack, logs / left[0].name, starting) as trial:
            while left:
                outcome = await trial.outcome(left.popleft())
                await found.put(outcome)
                if outcome.trouble:
                    break  # what still moves is not to be laid to the next one


@asynccontextmanager
async def _system(stack: Stack, logs: Path, starting: asyncio.Lock) -> AsyncIterator[Trial]:
    logs.mkdir(parents=True)  # noqa: ASYNC240 - once, and nobody waits for it
    async with AsyncExitStack() as held:
        async with starting:  # Alembic has one context a process
            under_test = await held.enter_async_context(running_system(stack, logs))
        await _set_up(under_test)
        yield Trial(under_test, logs)


async def _set_up(under_test: SystemUnderTest) -> None:
    """Let nobody wait for long upstairs, and make places for returns scarce."""
    levels = [("supervisors", WINDOW_S), ("managers", WINDOW_S), ("directors", LONG_S)]
    ladder: dict[str, Any] = {
        "lease_s": LONG_S,
        "working_lease_s": LONG_S,
        "levels": [
            {
                "name": duty,
                "acknowledge_within_s": within_s,
                "who": asked(duty),
            }
            for duty, within_s in levels
        ],
    }
    await under_test.clients.require("ops", "escalation", "PUT", "/ladders/default", ladder)
    for who in ("few-0", "few-1"):
        body = {
            "name": who,
            "team_id": "care",
            "skills": ["returns"],
            "languages": ["en", "es"],
            "capacity": 1,
        }
        await under_test.clients.require("ops", "router", "PUT", f"/representatives/{who}", body)


def _launched_as(mutant: Mutant, sound: Process, marks: Path) -> Process:
    python, *_, service, command = sound.argv
    return replace(
        sound,
        argv=(python, "-m", "chaos.mutants", mutant.name, service, command),
        env={**sound.env, "PYTHONPATH": str(TESTS), MARKS: str(marks)},
    )
