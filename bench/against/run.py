"""`python -m bench --against REV`: one run that compares this checkout with a revision."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import NamedTuple

import devstack
from bench.against import flame_graphs
from bench.against.calibrator import open_calibrator
from bench.against.checkouts import THIS, Checkout, check_out
from bench.against.comparison import (
    Amounts,
    Comparison,
    Pair,
    calibrator_figures,
    journey_figures,
    page_figures,
    storm_figures,
    table,
)
from bench.against.servers import open_servers
from bench.against.systems import MeasuredSystem, open_system
from bench.staff import CAPACITY, REPRESENTATIVES
from bench.summary import Figures


class Sides(NamedTuple):
    """A number for this checkout and one for the other."""

    this: int
    other: int


SECOND_REPLICA = Sides(2, 1)
MANY_OPEN = Sides(100_000, 1_000)


@dataclass(frozen=True)
class Request:
    revision: str
    parts: Collection[str]
    amounts: Amounts
    replicas: Sides
    # So many contacts are open before the warm-up.
    open_contacts: Sides
    flame_graphs: bool

    @property
    def representatives(self) -> int:
        """Return how many have room for all contacts, the same number on both sides."""
        return REPRESENTATIVES + max(self.open_contacts) // CAPACITY


@dataclass(frozen=True)
class Part:
    measure: Callable[[Comparison], Awaitable[list[Pair]]]
    load: Callable[[Comparison, MeasuredSystem], Awaitable[object]]
    figures: Callable[[Sequence[Pair], str], Figures]


PARTS: Mapping[str, Part] = {
    "journey": Part(Comparison.journeys, Comparison.journey, journey_figures),
    "pages": Part(Comparison.pages, Comparison.page, page_figures),
    "storm": Part(Comparison.storms, Comparison.storm, storm_figures),
}


async def compare(stack: devstack.Stack, request: Request) -> Figures:
    other = check_out(request.revision)
    figures: Figures = {"against": other.label}
    async with AsyncExitStack() as resources:
        comparison = await _open_comparison(stack, other, request, resources)
        systems = comparison.this, comparison.other
        await comparison.prepare(dict(zip(systems, request.open_contacts, strict=True)))
        for name in request.parts:
            print(f"comparing: {name} …", flush=True)
            part = PARTS[name]
            pairs = await part.measure(comparison)
            print("\n".join(table(pairs, other.label)), flush=True)
            figures |= part.figures(pairs, other.label) | calibrator_figures(pairs)
            if request.flame_graphs:
                for system in systems:
                    async with flame_graphs.record(system, name):
                        await part.load(comparison, system)
        for system in systems:
            await system.resume()
            await system.check_clean()
    return figures | _named_ratios(request, figures, other.label)


def _named_ratios(request: Request, figures: Figures, label: str) -> Figures:
    """Name the ratios that have a goal: what a revision costs with more of something."""
    ratio = figures.get(f"journey_cpu_over_{label}")
    if ratio is None:
        return {}
    second_replica = request.replicas == SECOND_REPLICA
    many_open = request.open_contacts == MANY_OPEN
    return {
        **({"journey_second_replica": ratio} if second_replica else {}),
        **({"journey_growth_100k_open": ratio} if many_open else {}),
    }


async def _open_comparison(
    stack: devstack.Stack, other: Checkout, request: Request, resources: AsyncExitStack
) -> Comparison:
    calibrator = resources.enter_context(open_calibrator())
    servers = await resources.enter_async_context(open_servers(stack))
    this_system, other_system = [
        await resources.enter_async_context(
            open_system(checkout, stack, replicas=replicas, representatives=request.representatives)
        )
        for checkout, replicas in zip((THIS, other), request.replicas, strict=True)
    ]
    return Comparison(this_system, other_system, servers, calibrator, request.amounts)
