"""`python -m bench [--quick | --brief] [--only part,part]`: measure, write `out/summary.json`.

`--against REV` compares this checkout with a revision instead; see README.md.
"""

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import replace
from typing import Any

import uvloop

import devstack
from bench import resources
from bench.against.checkouts import UnknownRevisionError
from bench.against.comparison import BRIEF as BRIEF_AMOUNTS
from bench.against.comparison import QUICK as QUICK_AMOUNTS
from bench.against.comparison import Amounts
from bench.against.run import PARTS as COMPARED_PARTS
from bench.against.run import Request, Sides, compare
from bench.against.servers import RemoteServersError
from bench.against.systems import WorkerError
from bench.console.leaders import make_console
from bench.load import LoadGenerator, RequestRefusedError, open_load_generator
from bench.parts import BRIEF, ISOLATED_PARTS, QUICK, SYSTEM_PARTS, Plan
from bench.soak import soak
from bench.summary import PATH, Figures, print_figures, write
from bench.testbed import DeadLettersError, Testbed, open_testbed, posts
from bench.topics import LostEventError
from bench.traffic import contacts
from bench.waiting import WaitTimeoutError
from common.core.clock import monotonic

PARTS = (*ISOLATED_PARTS, *SYSTEM_PARTS)
PLANS = {"brief": BRIEF, "quick": QUICK, "full": Plan()}
AMOUNTS = {"brief": BRIEF_AMOUNTS, "quick": QUICK_AMOUNTS, "full": Amounts()}
SOAK_MINUTES = 30.0
# Some parts take two minutes.
PROGRESS_S = 30.0
MEASUREMENT_ERRORS = (
    DeadLettersError,
    LostEventError,
    RemoteServersError,
    RequestRefusedError,
    UnknownRevisionError,
    WaitTimeoutError,
    WorkerError,
)


async def measure(
    stack: devstack.Stack, load: LoadGenerator, plan: Plan, parts: Collection[str]
) -> Figures:
    figures: Figures = {}
    for name, part in ISOLATED_PARTS.items():
        if name in parts:
            figures |= await measured(name, part(stack, plan))
    system_parts = {name: part for name, part in SYSTEM_PARTS.items() if name in parts}
    if system_parts:
        async with open_testbed(
            stack, load, short_target_s=plan.short_target_s, console=make_console()
        ) as testbed:
            await warm_up(testbed, plan)
            for name, measure_part in system_parts.items():
                figures |= await measured(name, measure_part(testbed, plan))
    return figures


async def measure_soak(
    stack: devstack.Stack, load: LoadGenerator, plan: Plan, minutes: float
) -> Figures:
    async with open_testbed(stack, load, short_target_s=plan.short_target_s) as testbed:
        await warm_up(testbed, plan)
        print_part("soak")
        return await soak(testbed, minutes)


async def warm_up(testbed: Testbed, plan: Plan) -> None:
    bodies = contacts(plan.warm_up, testbed.random)
    load = await testbed.generator.closed_loop(
        testbed.intake_target, posts(bodies), plan.concurrency
    )
    await testbed.wait_until_tracked([post.contact_id for post in load.sent])


async def measured(name: str, part: Awaitable[Figures], progress_s: float = PROGRESS_S) -> Figures:
    """Measure a part; say now and then that it goes on, and how long it took."""
    print_part(name)
    begun = monotonic()

    async def report() -> None:
        while True:
            await asyncio.sleep(progress_s)
            print(f"  {name}: still measuring after {monotonic() - begun:.0f} s", flush=True)

    reporter = asyncio.ensure_future(report())
    try:
        figures = await part
    finally:
        reporter.cancel()
    print(f"  {name}: done in {monotonic() - begun:.0f} s", flush=True)
    return figures


def print_part(part: str) -> None:
    print(f"measuring: {part} …", flush=True)


def main() -> int:
    options = _options()
    begun = monotonic()
    # This process stands in for Slack and reads the events: a pause of 100 ms for garbage would
    # count as the services' lateness.
    gc.freeze()
    gc.disable()

    async def run(stack: devstack.Stack, load: LoadGenerator) -> Figures:
        figures = await resources.context(stack) | {"sample": _sample(options)}
        return figures | await _figures_for(stack, load, options)

    try:
        figures = _run(run)
    except MEASUREMENT_ERRORS as error:
        print(f"{type(error).__name__}: {error or error.__doc__}", file=sys.stderr)
        return 1
    complete = options.soak is options.against is options.only is None
    if complete:
        figures["bench_seconds"] = monotonic() - begun
    print_figures(figures)
    if not options.brief:
        write(figures, complete=complete)
        print(f"\nwritten to {PATH}")
    return 0


async def _figures_for(
    stack: devstack.Stack, load: LoadGenerator, options: argparse.Namespace
) -> Figures:
    if options.against is not None:
        return await compare(stack, _request(options))
    plan = PLANS[_sample(options)]
    if options.soak is not None:
        return await measure_soak(stack, load, plan, options.soak)
    return await measure(stack, load, plan, options.only or PARTS)


def _sample(options: argparse.Namespace) -> str:
    return "brief" if options.brief else "quick" if options.quick else "full"


def _request(options: argparse.Namespace) -> Request:
    amounts = AMOUNTS[_sample(options)]
    return Request(
        revision=options.against,
        parts=options.only or tuple(COMPARED_PARTS),
        amounts=replace(amounts, rounds=options.rounds or amounts.rounds),
        replicas=options.replicas,
        open_contacts=options.open,
        flame_graphs=options.flame_graphs,
    )


def _run(job: Callable[[devstack.Stack, LoadGenerator], Coroutine[Any, Any, Figures]]) -> Figures:
    with devstack.start(durable=True) as stack, open_load_generator() as load:
        print(f"stack: {stack.reason}; {os.cpu_count()} cores", flush=True)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(job(stack, load))


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="bench", description=__doc__)
    amount = options.add_mutually_exclusive_group()
    amount.add_argument(
        "--quick", action="store_true", help="smaller samples: takes a minute or two"
    )
    amount.add_argument(
        "--brief",
        action="store_true",
        help="the smallest samples, to see that a part works; writes no file",
    )
    options.add_argument("--only", type=_parts, metavar="PARTS", help=", ".join(PARTS))
    options.add_argument(
        "--soak",
        type=float,
        nargs="?",
        const=SOAK_MINUTES,
        metavar="MINUTES",
        help=f"only a steady load, with the memory every half minute ({SOAK_MINUTES:g} minutes)",
    )
    _add_comparison(options.add_argument_group("to compare two revisions"))
    arguments = options.parse_args()
    parts = PARTS if arguments.against is None else tuple(COMPARED_PARTS)
    if unknown := set(arguments.only or ()) - set(parts):
        options.error(
            f"unknown part: {', '.join(sorted(unknown))}; the parts are {', '.join(parts)}"
        )
    return arguments


def _add_comparison(options: argparse._ArgumentGroup) -> None:
    options.add_argument(
        "--against", metavar="REV", help=f"the other revision; parts: {', '.join(COMPARED_PARTS)}"
    )
    options.add_argument("--rounds", type=int, metavar="N", help="how often each has its turn")
    options.add_argument(
        "--replicas",
        type=_sides,
        default=Sides(1, 1),
        metavar="N[:M]",
        help="of each service, here and in the other revision; a single number is for both",
    )
    options.add_argument(
        "--open",
        type=_sides,
        default=Sides(0, 0),
        metavar="N[:M]",
        help="contacts that are open beforehand",
    )
    options.add_argument(
        "--flame-graphs",
        action="store_true",
        help="afterwards record each service with py-spy, into bench/out/flame-graphs",
    )


def _parts(listed: str) -> list[str]:
    return listed.split(",")


def _sides(text: str) -> Sides:
    this, _, other = text.partition(":")
    return Sides(int(this), int(other or this))


if __name__ == "__main__":
    sys.exit(main())
