"""`python -m stage demo` plays the stories; `python -m stage run` stays up."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

import typer
from rich.console import Console

import devstack
from common.core.clock import monotonic
from stage.actors import Actors, RefusedError, running_system
from stage.event_log import EventMissingError, open_event_log
from stage.stories import STORIES, Outcome, Scenario, StoryFailedError
from stage.system import System
from stage.timeline import Timeline, print_summary

cli = typer.Typer(no_args_is_help=True, add_completion=False)
# A log or a pipe has no width of its own; a timeline needs some.
_WIDTH = None if sys.stdout.isatty() else 150
console = Console(highlight=False, width=_WIDTH)


@cli.command()
def demo() -> None:
    """Start everything, play the four stories, and fail unless each ends as told."""
    with devstack.start(durable=False) as stack:
        console.print(f"stack: {stack.reason}")
        endings = asyncio.run(_play(stack))
    print_summary(console, endings)
    if any(isinstance(ending, Exception) for ending in endings.values()):
        raise typer.Exit(1)


@cli.command()
def run() -> None:
    """Start everything with the sample policy and stay up until Ctrl-C."""
    with devstack.start() as stack:
        console.print(f"stack: {stack.reason}")
        asyncio.run(_stay(stack))


async def _play(stack: devstack.Stack) -> dict[str, Outcome | Exception]:
    endings: dict[str, Outcome | Exception] = {}
    timeline = Timeline(console)
    async with (
        started(stack) as (system, cast),
        open_event_log(stack.kafka_bootstrap, system.namespace, timeline.add_event) as watch,
    ):
        stage = Scenario(system, cast, watch, timeline.add_action)
        for name, story in STORIES.items():
            timeline.start_story(name, (story.__doc__ or "").splitlines()[0])
            try:
                endings[name] = await story(stage)
            except (StoryFailedError, EventMissingError, RefusedError) as error:
                endings[name] = error
    return endings


async def _stay(stack: devstack.Stack) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with started(stack) as (system, cast):
        console.print("\n[bold]Upstairs is up.[/bold] Ctrl-C stops all of it.\n")
        for service in system.ports:
            url = system.url(service)
            console.print(f"  {service:<11} {url}/docs   {url}/metrics")
        console.print(f"\n  PostgreSQL  {system.admin_url}")
        console.print(f"  Kafka       {stack.kafka_bootstrap}, topics {system.namespace}.*.v1")
        console.print(f"  logs        {system.logs}")
        console.print(f"\n  API keys    channel: {cast.key('shop')}")
        for who, role in (("sara", "supervisor"), ("ops", "admin")):
            console.print(f"              {role}: {cast.key(who)}")
        console.print(f"\n  Try:\n{_example(system, cast)}", soft_wrap=True)
        await stopping.wait()
        console.print("\nstopping …")


def _example(system: System, cast: Actors) -> str:
    body = (
        '{"channel": "chat", "customer": {"customer_id": "c-1", "name": "Ada"}, '
        '"subject": "Charged twice", "topic": "billing"}'
    )
    return (
        f"  curl -s {system.url('intake')}/v1/contacts -H 'Authorization: Bearer "
        f"{cast.key('shop')}' -H 'Content-Type: application/json' -d '{body}'"
    )


@asynccontextmanager
async def started(stack: devstack.Stack) -> AsyncIterator[tuple[System, Actors]]:
    """Have the sample system up, and say how long it took."""
    begun = monotonic()
    logs = Path(mkdtemp(prefix="upstairs-logs-"))
    async with running_system(stack, logs) as (system, cast):
        console.print(
            f"set up and started {', '.join(system.ports)} in {monotonic() - begun:.1f} s; "
            f"logs in {logs}"
        )
        yield system, cast


if __name__ == "__main__":
    cli()
