"""Runs mutants one after another, and checks the invariants after each."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from chaos.mutants.registry import MARKS, Mutant, death_mark
from chaos.system import (
    ONE_HOUR_S,
    READY_WITHIN_S,
    SystemUnderTest,
    page_targets,
    running_system,
)
from devstack import Process, Stack
from devstack.errors import StackError
from stage.invariants import Verdict, check, count_receipts, read_snapshot
from stage.invariants.findings import Violation
from support.waiting import until

TESTS = Path(__file__).parents[2]
# Generous, for a busy machine.
PATIENCE_S = 300
ACKNOWLEDGE_WITHIN_S = 0.5


@dataclass(frozen=True)
class Outcome:
    """The violations that are new after this mutant; `trouble` says why there is no result."""

    mutant: Mutant
    violations: Sequence[Violation] = ()
    trouble: str = ""

    @property
    def kinds(self) -> list[tuple[int, str]]:
        return sorted({(item.invariant, item.message) for item in self.violations})

    @property
    def is_right(self) -> bool:
        if self.trouble:
            return False
        expected = self.mutant.expected_violation
        return expected in self.kinds if expected else not self.violations

    @property
    def verdict(self) -> str:
        """Whether the checker was right; UNTRIED if the mutant did not get that far."""
        if self.trouble:
            return "UNTRIED"
        if self.mutant.is_control:
            return "sound" if self.is_right else "BLAMED"
        return "caught" if self.is_right else "MISSED"

    @property
    def summary(self) -> str:
        expected = self.mutant.expected_violation
        text = "{}: {}".format(*expected) if expected else "control"
        return f"{self.verdict:<8}{self.mutant.name:<46}{text}"

    def __str__(self) -> str:
        shown = "\n".join(map(str, self.violations[:10]))
        return f"{self.mutant.name}: violations {self.kinds} {self.trouble}\n{shown}"


@dataclass
class Trial:
    """One system, in which mutants run one after another.

    `unbroken` are the processes that mutants have replaced, by service.
    """

    under_test: SystemUnderTest
    logs: Path
    accepted: dict[str, str] = field(default_factory=dict)
    earlier_violations: set[Violation] = field(default_factory=set)
    unbroken: dict[str, Process] = field(default_factory=dict)

    async def try_mutant(self, mutant: Mutant) -> Outcome:
        try:
            await self._install(mutant)
            await self._play_scenario(mutant)
            await self.under_test.settle()
        except (AssertionError, ExceptionGroup, StackError) as trouble:
            return Outcome(mutant, trouble=repr(trouble))
        violations = [
            violation
            for violation in (await self._check_invariants()).violations
            if not self._is_from_earlier_mutant(violation)
        ]
        self.earlier_violations.update(violations)
        return Outcome(mutant, violations)

    def _is_from_earlier_mutant(self, violation: Violation) -> bool:
        """The timer check may report a lost timer when a later mutant runs."""
        lost = violation.message.endswith("has no live timer")
        contacts = {
            earlier.evidence[:1]
            for earlier in self.earlier_violations
            if earlier.message == violation.message
        }
        return violation in self.earlier_violations or (lost and violation.evidence[:1] in contacts)

    async def _install(self, mutant: Mutant) -> None:
        """Replace the service by the mutant, and undo the mutants of other services."""
        processes = self.under_test.system.processes
        for service, process in self.unbroken.items():
            if service != mutant.service and processes[service] is not process:
                await self._replace_process(service, process)
        unbroken = self.unbroken.setdefault(mutant.service, processes[mutant.service])
        await self._replace_process(
            mutant.service, _with_mutant(mutant, unbroken, self._marks(mutant))
        )

    async def _replace_process(self, service: str, by: Process) -> None:
        # The system is settled, so the kill interrupts nothing.
        self.under_test.system.processes[service].kill()
        self.under_test.system.processes[service] = by
        by.start()
        await by.wait_ready(READY_WITHIN_S)

    async def _play_scenario(self, mutant: Mutant) -> None:
        async with asyncio.TaskGroup() as group:
            if mutant.dies:
                group.create_task(self._restart_after_death(mutant))
            self.accepted |= await mutant.scenario.play(self.under_test.clients, mutant.name)

    async def _restart_after_death(self, mutant: Mutant) -> None:
        """Restart the mutant after it has killed itself; any other exit is a failure."""
        process = self.under_test.system.processes[mutant.service]
        await until(lambda: not process.running, within=PATIENCE_S)
        assert death_mark(self._marks(mutant)).exists(), process.log_tail()
        process.start()
        await process.wait_ready(READY_WITHIN_S)

    async def _check_invariants(self) -> Verdict:
        slack, mail = self.under_test.system.receivers.slack, self.under_test.system.receivers.mail
        received = count_receipts(slack.accepted, mail.messages)
        sources, accepted = self.under_test.sources, self.accepted.values()
        return check(await read_snapshot(sources, accepted=accepted, receipts=received))

    def _marks(self, mutant: Mutant) -> Path:
        marks = self.logs / mutant.name
        marks.mkdir(exist_ok=True)
        return marks


async def run_all(
    stack: Stack, logs: Path, groups: Sequence[Sequence[Mutant]]
) -> AsyncIterator[Outcome]:
    """Yield each outcome as soon as it is there; every group has a system of its own."""
    outcomes: asyncio.Queue[Outcome] = asyncio.Queue()
    starting = asyncio.Lock()
    async with asyncio.TaskGroup() as tasks:
        for number, group in enumerate(groups):
            tasks.create_task(_try_group(stack, logs / str(number), group, starting, outcomes))
        for _ in range(sum(map(len, groups))):
            yield await outcomes.get()


async def _try_group(
    stack: Stack,
    logs: Path,
    group: Sequence[Mutant],
    starting: asyncio.Lock,
    outcomes: asyncio.Queue[Outcome],
) -> None:
    remaining = deque(group)
    while remaining:
        async with _system(stack, logs / remaining[0].name, starting) as trial:
            while remaining:
                outcome = await trial.try_mutant(remaining.popleft())
                await outcomes.put(outcome)
                if outcome.trouble:
                    break  # what still moves must not be blamed on the next mutant


@asynccontextmanager
async def _system(stack: Stack, logs: Path, starting: asyncio.Lock) -> AsyncIterator[Trial]:
    logs.mkdir(parents=True)  # noqa: ASYNC240 - once, and no other task waits
    async with AsyncExitStack() as exit_stack:
        async with starting:  # Alembic has one context per process
            under_test = await exit_stack.enter_async_context(running_system(stack, logs))
        await _set_up(under_test)
        yield Trial(under_test, logs)


async def _set_up(under_test: SystemUnderTest) -> None:
    """Make the ladder climb fast and representatives for returns scarce."""
    levels = [
        ("supervisors", ACKNOWLEDGE_WITHIN_S),
        ("managers", ACKNOWLEDGE_WITHIN_S),
        ("directors", ONE_HOUR_S),
    ]
    ladder: dict[str, Any] = {
        "lease_s": ONE_HOUR_S,
        "working_lease_s": ONE_HOUR_S,
        "levels": [
            {
                "name": duty,
                "acknowledge_within_s": within_s,
                "who": page_targets(duty),
            }
            for duty, within_s in levels
        ],
    }
    await under_test.clients.require("ops", "escalation", "PUT", "/ladders/default", ladder)
    for representative_id in ("few-0", "few-1"):
        path = f"/representatives/{representative_id}"
        await under_test.clients.require("ops", "router", "PUT", path, {"capacity": 1})


def _with_mutant(mutant: Mutant, unbroken: Process, marks: Path) -> Process:
    python, *_, service, command = unbroken.argv
    return replace(
        unbroken,
        argv=(python, "-m", "chaos.mutants", mutant.name, service, command),
        env={**unbroken.env, "PYTHONPATH": str(TESTS), MARKS: str(marks)},
    )
