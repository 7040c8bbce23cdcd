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
from bench.load import LoadGenerator, RequestRefusedError, open_load_generator
from bench.parts import ISOLATED_PARTS, QUICK, SYSTEM_PARTS, Plan
from bench.soak import soak
from bench.summary import PATH, Figures, print_figures, write
from bench.testbed import DeadLettersError, Testbed, open_testbed, posts
from bench.topics import LostEventError
from bench.traffic import contacts
from bench.waiting import WaitTimeoutError
from common.core.clock import monotonic

PARTS = (*ISOLATED_PARTS, *SYSTEM_PARTS)
SOAK_MINUTES = 30.0


async def measure(
    stack: devstack.Stack, load: LoadGenerator, plan: Plan, parts: Collection[str]
) -> Figures:
    figures: Figures = {}
    for name, part in ISOLATED_PARTS.items():
        if name in parts:
            print_part(name)
            figures |= await part(stack, plan)
    system_parts = {name: part for name, part in SYSTEM_PARTS.items() if name in parts}
    if system_parts:
        async with open_testbed(stack, load, short_target_s=plan.short_target_s) as testbed:
            await warm_up(testbed, plan)
            for name, measure_part in system_parts.items():
                print_part(name)
                figures |= await measure_part(testbed, plan)
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


def print_part(part: str) -> None:
    print(f"measuring: {part} …", flush=True)


def main() -> int:
    options = _options()
    plan = QUICK if options.quick else Plan()
    parts = PARTS if options.only is None else options.only
    begun = monotonic()

    async def run(stack: devstack.Stack, load: LoadGenerator) -> Figures:
        figures = await resources.context(stack) | {"sample": "quick" if options.quick else "full"}
        if options.soak is not None:
            return figures | await measure_soak(stack, load, plan, options.soak)
        return figures | await measure(stack, load, plan, parts)

    try:
        figures = _run(run)
    except (DeadLettersError, LostEventError, RequestRefusedError, WaitTimeoutError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    complete = options.soak is None and set(parts) == set(PARTS)
    if complete:
        figures["bench_seconds"] = monotonic() - begun
    write(figures, complete=complete)
    print_figures(figures)
    print(f"\nwritten to {PATH}")
    return 0


def _run(job: Callable[[devstack.Stack, LoadGenerator], Coroutine[Any, Any, Figures]]) -> Figures:
    with devstack.start(durable=True) as stack, open_load_generator() as load:
        print(f"stack: {stack.reason}; {os.cpu_count()} cores", flush=True)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(job(stack, load))


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="bench", description=__doc__)
    options.add_argument(
        "--quick", action="store_true", help="smaller samples: takes a minute or two"
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
    return options.parse_args()


def _parts(listed: str) -> list[str]:
    parts = listed.split(",")
    if unknown := set(parts) - set(PARTS):
        message = f"unknown part: {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}"
        raise argparse.ArgumentTypeError(message)
    return parts


if __name__ == "__main__":
    sys.exit(main())
