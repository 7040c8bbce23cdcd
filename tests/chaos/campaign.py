"""A run: faults in a seeded order under a steady load, what each of them cost, and the verdict."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from math import inf
from pathlib import Path
from random import Random

from sqlalchemy import make_url

import devstack
from chaos.disk import move_to, small_disk
from chaos.faults import Fault
from chaos.gates import Gates
from chaos.gauge import Gauge, gauging
from chaos.load import Load, work_the_desk
from chaos.scene import Keeper, Scene, SkippedFault
from chaos.steps import ORDERS, Orders
from chaos.world import launched
from stage.invariants import Verdict
from stage.system import Proxies, System

REPLICAS = 2
FOR_EVER = sys.maxsize
LINGER_S = 20
WARM_WITHIN_S = 60
# What may come on top of the outage.
GRACE_S = 5
TESTS = Path(__file__).parents[1]


class OverloadedError(Exception):
    """This machine does not bear the load even without faults: offer less."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True)
class Ground:
    """The servers, and the ports of the gates that are to stand before them."""

    stack: devstack.Stack
    gates: Gates
    disk: Path | str


@dataclass(frozen=True)
class Plan:
    """`faults` come in `rounds`, each in another order, until `seconds` are over.

    Throughput is back when it holds for `steady_s`; after `patience_s` it is not waited for.
    """

    faults: Sequence[Fault]
    seed: int
    per_second: float
    rounds: int = FOR_EVER
    seconds: float = inf
    steady_s: float = 3
    patience_s: float = 60

    def in_order(self) -> Iterator[Fault]:
        random = Random(self.seed)  # noqa: S311 - to be repeated
        for _ in range(self.rounds):
            yield from random.sample(self.faults, len(self.faults))


@dataclass(frozen=True)
class Suffered:
    """Seconds. `recovery` is from the fault's beginning to throughput as offered."""

    fault: str
    outage: float
    recovery: float | None
    said: str

    @property
    def is_in_time(self) -> bool:
        return self.recovery is not None and self.recovery <= self.outage + GRACE_S

    def __str__(self) -> str:
        goal = "reached" if self.is_in_time else "MISSED"
        if self.recovery is None:
            after = "no recovery"
        else:
            after = f"recovered {self.recovery - self.outage:4.1f} s later"
        return f"lasted {self.outage:4.1f} s, {after}  {goal}  {self.said}".rstrip()


@dataclass
class Outcome:
    suffered: list[Suffered] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    contacts: int = 0
    verdict: Verdict | None = None

    @property
    def is_sound(self) -> bool:
        recovered = all(one.recovery is not None for one in self.suffered)
        unbroken = self.verdict is not None and not self.verdict.violations
        return recovered and unbroken and not self.surprises

    def worst(self) -> dict[str, Suffered]:
        """Of each fault the time that took longest beyond the outage."""
        found: dict[str, Suffered] = {}
        for one in self.suffered:
            if one.recovery is not None:
                found[one.fault] = max(found.get(one.fault, one), one, key=_beyond)
        return found


def _beyond(one: Suffered) -> float:
    return (one.recovery or 0) - one.outage


@contextmanager
def ground() -> Iterator[Ground]:
    """Start durable servers; the calling thread must live on."""
    gates = Gates()
    with ExitStack() as held:
        disk = held.enter_context(small_disk())
        stack = held.enter_context(
            devstack.start(
                devstack.Backend.EMBEDDED, durable=True, kafka_proxy_port=gates.ports["kafka"]
            )
        )
        yield Ground(stack, gates, disk)


async def run(
    ground: Ground, plan: Plan, logs: Path, tell: Callable[[str], None] = lambda _: None
) -> Outcome:
    outcome = Outcome()
    async with _staged(ground, plan, logs) as scene:
        sources, load = scene.world.sources, scene.load
        async with gauging(load, sources.kafka_bootstrap, sources.namespace) as gauge:
            await _under_fire(scene, gauge, plan, outcome, tell)
        tell("the load has stopped; waiting until nothing moves …")
        await scene.world.system.wait_ready()
        await scene.world.settle(within=timedelta(seconds=120))
        outcome.verdict = await scene.world.verdict(load.accepted, scene.poison)
        outcome.contacts = len(load.accepted)
        outcome.surprises = scene.keeper.surprises
    return outcome


@asynccontextmanager
async def _staged(ground: Ground, plan: Plan, logs: Path) -> AsyncIterator[Scene]:
    async def prepare(system: System) -> None:
        if isinstance(ground.disk, Path):
            await move_to(ground.disk, system)

    orders = Orders(logs / "orders")
    orders.directory.mkdir(parents=True)
    fronts = Proxies(ground.gates.ports["postgres"], ground.gates.ports["kafka"])
    changes = {
        "PYTHONPATH": str(TESTS),
        ORDERS: str(orders.directory),
        "UPSTAIRS_LOG_LEVEL": "warning",
    }
    assert ground.stack.kafka_proxy_target is not None
    behind_postgres = make_url(ground.stack.postgres_admin_url).port
    assert behind_postgres is not None
    async with (
        ground.gates.standing(
            {"postgres": behind_postgres, "kafka": ground.stack.kafka_proxy_target}
        ),
        launched(
            ground.stack,
            logs,
            ("-m", "chaos.steps"),
            changes,
            replicas=REPLICAS,
            fronts=fronts,
            prepare=prepare,
        ) as world,
    ):
        load = Load(world.callers, FOR_EVER, plan.per_second, plan.seed, LINGER_S)
        yield Scene(world, ground.gates, orders, Keeper(world), load, ground.disk)


async def _under_fire(
    scene: Scene, gauge: Gauge, plan: Plan, outcome: Outcome, tell: Callable[[str], None]
) -> None:
    load, said = scene.load, asyncio.Event()
    async with asyncio.TaskGroup() as people:
        people.create_task(work_the_desk(scene.world.callers, said))
        keeping = people.create_task(scene.keeper.keep())
        async with asyncio.TaskGroup() as group:
            group.create_task(load.play())
            await _inflict_all(scene, gauge, plan, outcome, tell)
            load.stopping.set()
        keeping.cancel()
        said.set()


async def _inflict_all(
    scene: Scene, gauge: Gauge, plan: Plan, outcome: Outcome, tell: Callable[[str], None]
) -> None:
    clock = asyncio.get_running_loop().time
    if not await gauge.learn(WARM_WITHIN_S):
        raise OverloadedError
    tell(f"placed within {gauge.in_time_s:.1f} s is in time")
    begun = clock()
    for turn, fault in enumerate(plan.in_order()):
        if clock() - begun > plan.seconds:
            return
        tell(f"{clock() - begun:6.1f} s  {fault.name} …")
        own = replace(scene, random=Random(f"{plan.seed}/{turn}/{fault.name}"), said=[])  # noqa: S311 - to be repeated
        try:
            suffered = await _inflict(own, gauge, fault, plan)
        except SkippedFault as why:
            outcome.skipped[fault.name] = str(why)
            tell(f"          skipped: {why}")
            continue
        outcome.suffered.append(suffered)
        tell(f"{clock() - begun:6.1f} s  {fault.name}: {suffered}")
        # A quiet time of another length each time, so that faults meet timers at all their stages.
        await asyncio.sleep(own.random.uniform(0, 2))


async def _inflict(scene: Scene, gauge: Gauge, fault: Fault, plan: Plan) -> Suffered:
    clock = asyncio.get_running_loop().time
    begun = clock()
    await fault.inflict(scene)
    ended = clock()
    calm_at = await gauge.calm(ended, plan.steady_s, plan.patience_s)
    recovery = None if calm_at is None else calm_at - begun
    if recovery is None:
        scene.say(gauge.waits_longest())
    return Suffered(fault.name, ended - begun, recovery, ", ".join(scene.said))
