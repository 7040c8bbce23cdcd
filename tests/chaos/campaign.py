"""A run: faults in a seeded order under a steady load, their recovery times, and the verdict."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from random import Random
from typing import assert_never

from sqlalchemy import make_url

import devstack
from chaos.breakpoints import DIRECTORY, Breakpoints
from chaos.context import Context, Restarter, SkippedFaultError
from chaos.disk import move_to, small_disk
from chaos.faults import Fault
from chaos.load import Load, work_escalations
from chaos.pace import Pace, measure_pace
from chaos.proxies import Proxies
from chaos.system import CALL_TIMEOUT_S, READY_WITHIN_S, STALLED_AFTER_S, running_system
from chaos.throughput import Progress, Throughput, measured_throughput
from stage.invariants import Verdict
from stage.system import Proxies as ProxyPorts
from stage.system import System
from support.progress import Report
from support.waiting import comes_true

REPLICAS = 2
UNLIMITED = sys.maxsize
LINGER_S = 20
LEARN_WITHIN_S = 60
# How long to wait for an effect that must come, on a machine that bears the full load.
PATIENCE_S = 300
# Recovery may take this much longer than the outage.
GRACE_S = 5
TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Servers:
    """The stack, the proxies in front of it, and a small disk or the reason why there is none."""

    stack: devstack.Stack
    proxies: Proxies
    disk: Path | str


@dataclass(frozen=True)
class Plan:
    """`faults` come in `rounds`, each in another order, until `seconds` have passed.

    At most `per_second` contacts are offered; fewer on a machine that does not bear three times as
    many. Throughput has recovered when nothing was late for `steady_s`. After `patience_s` the next
    fault follows anyway, as soon as a contact is placed. Both are longer on a slow machine.
    """

    faults: Sequence[Fault]
    seed: int
    per_second: float
    rounds: int = UNLIMITED
    seconds: float = inf
    steady_s: float = 3
    patience_s: float = 60

    def in_order(self) -> Iterator[Fault]:
        random = Random(self.seed)
        for _ in range(self.rounds):
            yield from random.sample(self.faults, len(self.faults))


@dataclass(frozen=True)
class FaultResult:
    """Seconds. `recovery` lasts from the start of the fault until throughput was as offered."""

    fault: str
    outage: float
    recovery: float
    progress: Progress
    grace: float
    note: str

    @property
    def is_in_time(self) -> bool:
        return self.progress is Progress.RECOVERED and self.beyond_outage <= self.grace

    @property
    def beyond_outage(self) -> float:
        return self.recovery - self.outage

    def __str__(self) -> str:
        match self.progress:
            case Progress.RECOVERED:
                end = f"recovered {self.beyond_outage:4.1f} s later"
            case Progress.SLOW:
                end = f"still slow {self.beyond_outage:4.1f} s later"
            case Progress.STALLED:
                end = f"NOTHING WAS PLACED for {self.beyond_outage:4.1f} s"
            case _:
                assert_never(self.progress)
        goal = "in time" if self.is_in_time else "LATE"
        return f"lasted {self.outage:4.1f} s, {end}  {goal}  {self.note}".rstrip()


@dataclass
class Outcome:
    results: list[FaultResult] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    unexpected_exits: list[str] = field(default_factory=list)
    contacts: int = 0
    verdict: Verdict | None = None

    @property
    def failures(self) -> list[str]:
        """Messages that prove a defect; being slow is no defect."""
        messages = [
            f"{result.fault}: {result}"
            for result in self.results
            if result.progress is Progress.STALLED
        ]
        if self.verdict is None or self.verdict.violations:
            messages.append(str(self.verdict))
        return messages + self.unexpected_exits

    def slowest(self) -> dict[str, FaultResult]:
        """Return for each fault the result with the longest recovery beyond the outage."""
        slowest: dict[str, FaultResult] = {}
        for result in self.results:
            if result.progress is Progress.RECOVERED:
                before = slowest.get(result.fault, result)
                slowest[result.fault] = max(before, result, key=lambda item: item.beyond_outage)
        return slowest


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Start durable servers; they end with the calling thread."""
    proxies = Proxies()
    with ExitStack() as running:
        disk = running.enter_context(small_disk())
        stack = running.enter_context(
            devstack.start(
                devstack.Backend.EMBEDDED, durable=True, kafka_proxy_port=proxies.ports["kafka"]
            )
        )
        yield Servers(stack, proxies, disk)


async def run(servers: Servers, plan: Plan, logs: Path, report: Report = lambda _: None) -> Outcome:
    outcome = Outcome()
    report("starting the services …")
    async with _prepared(servers, plan, logs) as context:
        sources, load = context.under_test.sources, context.load
        async with measured_throughput(load, sources) as throughput:
            await _inflict_under_load(context, throughput, plan, outcome, report)
        report("the load has stopped; waiting until no work is left …")
        await context.under_test.system.wait_ready(READY_WITHIN_S)
        await context.under_test.settle()
        report("checking the invariants …")
        outcome.verdict = await context.under_test.check_invariants(load.accepted, context.poison)
        outcome.contacts = len(load.accepted)
        outcome.unexpected_exits = context.restarter.unexpected_exits
    return outcome


@asynccontextmanager
async def _prepared(servers: Servers, plan: Plan, logs: Path) -> AsyncIterator[Context]:
    async def prepare(system: System) -> None:
        if isinstance(servers.disk, Path):
            await move_to(servers.disk, system)

    breakpoints = Breakpoints(logs / "breakpoints")
    breakpoints.directory.mkdir(parents=True)
    proxies = ProxyPorts(servers.proxies.ports["postgres"], servers.proxies.ports["kafka"])
    changes = {
        "PYTHONPATH": str(TESTS),
        DIRECTORY: str(breakpoints.directory),
        "UPSTAIRS_LOG_LEVEL": "warning",
    }
    assert servers.stack.kafka_proxy_target is not None
    postgres_port = make_url(servers.stack.postgres_admin_url).port
    assert postgres_port is not None
    async with (
        servers.proxies.running(
            {"postgres": postgres_port, "kafka": servers.stack.kafka_proxy_target}
        ),
        running_system(
            servers.stack,
            logs,
            ("-m", "chaos.breakpoints"),
            changes,
            replicas=REPLICAS,
            proxies=proxies,
            prepare=prepare,
        ) as under_test,
    ):
        load = Load(
            under_test.clients, plan.per_second, plan.seed, linger_s=LINGER_S, is_measured=True
        )
        yield Context(
            under_test, servers.proxies, breakpoints, Restarter(under_test), load, servers.disk
        )


async def _inflict_under_load(
    context: Context, throughput: Throughput, plan: Plan, outcome: Outcome, report: Report
) -> None:
    load, done = context.load, asyncio.Event()
    async with asyncio.TaskGroup() as people:
        people.create_task(work_escalations(context.under_test.clients, done))
        restarting = people.create_task(context.restarter.run())
        async with asyncio.TaskGroup() as group:
            report("measuring this machine's pace …")
            pace = await measure_pace(load, throughput, group, plan.per_second)
            report(str(pace))
            load.per_second = pace.offered
            context.under_test.clients.set_call_timeout(CALL_TIMEOUT_S * pace.slowness)
            await comes_true(lambda: not load.waiting, within=LEARN_WITHIN_S * pace.slowness)
            group.create_task(load.play(group))
            await throughput.learn_usual_latency(LEARN_WITHIN_S * pace.slowness)
            report(f"a contact that is placed within {throughput.in_time_s:.1f} s is in time")
            await _inflict_all(context, throughput, pace, plan, outcome, report)
            load.stopping.set()
        restarting.cancel()
        done.set()


async def _inflict_all(
    context: Context,
    throughput: Throughput,
    pace: Pace,
    plan: Plan,
    outcome: Outcome,
    report: Report,
) -> None:
    clock = asyncio.get_running_loop().time
    begun = clock()
    for turn, fault in enumerate(plan.in_order()):
        if clock() - begun > plan.seconds:
            return
        report(f"{clock() - begun:6.1f} s  {fault.name} …")
        fault_context = replace(
            context,
            random=Random(f"{plan.seed}/{turn}/{fault.name}"),
            notes=[],
            patience_s=PATIENCE_S * pace.slowness,
        )
        try:
            result = await _inflict(fault_context, throughput, fault, pace, plan)
        except SkippedFaultError as reason:
            outcome.skipped[fault.name] = str(reason)
            report(f"          skipped: {reason}")
            continue
        outcome.results.append(result)
        report(f"{clock() - begun:6.1f} s  {fault.name}: {result}")
        # A pause of random length, so that faults meet timers at all stages.
        await asyncio.sleep(fault_context.random.uniform(0, 2))


async def _inflict(
    context: Context, throughput: Throughput, fault: Fault, pace: Pace, plan: Plan
) -> FaultResult:
    clock = asyncio.get_running_loop().time
    begun = clock()
    await fault.inflict(context)
    ended = clock()
    progress, at = await throughput.wait_for_recovery(
        ended,
        steady_s=plan.steady_s * pace.slowness,
        patience_s=plan.patience_s * pace.slowness,
        stalled_after_s=STALLED_AFTER_S * pace.slowness,
    )
    if progress is not Progress.RECOVERED:
        context.note(throughput.longest_waiting())
    grace = GRACE_S * pace.slowness
    note = ", ".join(context.notes)
    return FaultResult(fault.name, ended - begun, at - begun, progress, grace, note)
