"""`python -m bench [--quick] [--only part,part]`: measure and write `bench/out/summary.json`."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import uvloop

import devstack
from bench import resources
from bench.load import Generator, RefusedError, generator
from bench.parts import ALONE, QUICK, TOGETHER, Plan
from bench.soak import soak
from bench.summary import PATH, Figures, show, write
from bench.testbed import DirtyError, Ground, posts, prepared
from bench.topics import LostError
from bench.traffic import contacts
from bench.waiting import StuckError
from common.clock import elapsed

PARTS = (*ALONE, *TOGETHER)
SOAK_MINUTES = 30.0


async def measure(
    stack: devstack.Stack, load: Generator, plan: Plan, parts: Collection[str]
) -> Figures:
    figures: Figures = {}
    for name, part in ALONE.items():
        if name in parts:
            say(name)
            figures |= await part(stack, plan)
    together = {name: part for name, part in TOGETHER.items() if name in parts}
    if together:
        async with prepared(stack, load, brisk_s=plan.brisk_s) as ground:
            await warm_up(ground, plan)
            for name, whole in together.items():
                say(name)
                figures |= await whole(ground, plan)
    return figures


async def endure(stack: devstack.Stack, load: Generator, plan: Plan, minutes: float) -> Figures:
    async with prepared(stack, load, brisk_s=plan.brisk_s) as ground:
        await warm_up(ground, plan)
        say("soak")
        return await soak(ground, minutes)


async def warm_up(ground: Ground, plan: Plan) -> None:
    bodies = contacts(plan.warm_up, ground.random)
    load = await ground.generator.closed(ground.intake, posts(bodies), plan.concurrency)
    await ground.safe([one.contact_id for one in load.sent])


def say(part: str) -> None:
    print(f"measuring: {part} …", flush=True)


def main() -> int:
    options = _options()
    plan = QUICK if options.quick else Plan()
    parts = PARTS if options.only is None else options.only
    begun = elapsed()

    async def run(stack: devstack.Stack, load: Generator) -> Figures:
        figures = await resources.context(stack) | {"sample": "quick" if options.quick else "full"}
        if options.soak is not None:
            return figures | await endure(stack, load, plan, options.soak)
        return figures | await measure(stack, load, plan, parts)

    try:
        figures = _run(run)
    except (DirtyError, LostError, RefusedError, StuckError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    complete = options.soak is None and set(parts) == set(PARTS)
    if complete:
        figures["bench_seconds"] = elapsed() - begun
    write(figures, complete=complete)
    show(figures)
    print(f"\nwritten to {PATH}")
    return 0


def _run(job: Callable[[devstack.Stack, Generator], Coroutine[Any, Any, Figures]]) -> Figures:
    with devstack.start(durable=True) as stack, generator() as load:
        print(f"stack: {stack.reason}; {os.cpu_count()} cores", flush=True)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(job(stack, load))


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="smaller samples, in a minute or two")
    options.add_argument("--only", type=_parts, metavar="PARTS", help=", ".join(PARTS))
    options.add_argument(
        "--soak",
        type=float,
        nargs="?",
        const=SOAK_MINUTES,
        metavar="MINUTES",
        help=f"nothing but steady load, and memory each half minute ({SOAK_MINUTES:g} minutes)",
    )
    return options.parse_args()


def _parts(listed: str) -> list[str]:
    parts = listed.split(",")
    if unknown := set(parts) - set(PARTS):
        message = f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}"
        raise argparse.ArgumentTypeError(message)
    return parts


if __name__ == "__main__":
    sys.exit(main())
