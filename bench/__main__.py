"""`python -m bench [--quick]`: start everything, measure, write `bench/out/summary.json`."""

import argparse
import asyncio
import os
import sys
from dataclasses import dataclass, replace

import uvloop

import devstack
from bench import journey, pages, resources, timers
from bench.ground import DirtyError, Ground, posts, prepared
from bench.load import Generator, RefusedError, generator
from bench.reference import reference_rows_per_s
from bench.summary import PATH, Figures, show, write
from bench.topics import LostError
from bench.traffic import contacts
from common.clock import elapsed
from stage.system import SERVICES


@dataclass(frozen=True)
class Plan:
    """How much of each; rates are those that the goals name, quick or not."""

    warm_up: int = 1000
    journey: int = 6000
    concurrency: int = 64
    open_rate: int = 100
    open_seconds: int = 30
    pending: int = 100_000
    breach_rate: int = 200
    breach_seconds: int = 12
    pages: int = 300
    page_rate: int = 20
    idle_seconds: int = 10
    reference_seconds: float = 5

    @property
    def brisk_s(self) -> float:
        """The first breach comes when the last contact has, and those before it are settled."""
        return self.breach_seconds + 4


QUICK = replace(
    Plan(),
    warm_up=200,
    journey=1000,
    open_seconds=5,
    pending=10_000,
    breach_seconds=3,
    pages=60,
    reference_seconds=2,
)


async def measure(stack: devstack.Stack, load: Generator, plan: Plan) -> Figures:
    async with prepared(stack, load, brisk_s=plan.brisk_s) as ground:
        figures: Figures = await resources.context(ground)
        say("reference")
        reference = await reference_rows_per_s(ground.admin_url, plan.reference_seconds)
        await warm_up(ground, plan)
        say("journey")
        figures |= await journey.throughput(ground, plan.journey, plan.concurrency)
        figures["reference_rows_per_s"] = reference
        figures["journey_over_reference"] = float(figures["journey_contacts_per_s"]) / reference
        say("latency")
        opened, sent = await journey.latency(ground, plan.open_rate, plan.open_seconds)
        figures |= opened
        say("pages")
        figures |= await pages.latency(ground, sent, plan.pages, plan.page_rate)
        say("timers")
        figures |= await timers.lateness(
            ground, plan.pending, plan.breach_rate, plan.breach_seconds
        )
        say("idle")
        figures |= await resources.settled(ground, plan.idle_seconds)
        return figures


def say(part: str) -> None:
    print(f"measuring: {part} …", flush=True)


async def warm_up(ground: Ground, plan: Plan) -> None:
    bodies = contacts(plan.warm_up, ground.random)
    load = await ground.generator.closed(ground.intake, posts(bodies), plan.concurrency)
    await ground.safe([one.contact_id for one in load.sent])


def main() -> int:
    options = argparse.ArgumentParser(prog="bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="smaller samples, under a minute")
    plan = QUICK if options.parse_args().quick else Plan()
    begun = elapsed()
    try:
        with devstack.start(durable=True) as stack, generator() as load:
            print(
                f"stack: {stack.why}; {os.cpu_count()} cores, {len(SERVICES)} services", flush=True
            )
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                figures = runner.run(measure(stack, load, plan))
    except (DirtyError, LostError, RefusedError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    figures["bench_seconds"] = elapsed() - begun
    write(figures)
    show(figures)
    print(f"\nwritten to {PATH}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
