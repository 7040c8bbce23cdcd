"""`python -m stage demo` plays four stories; `python -m stage run` keeps the system running."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Annotated

import typer
from rich.console import Console

import devstack
from stage.actors import Actors, RefusedError, running_system
from stage.centre import CENTRE_ROLES, SIMULATED_LEADERS, Pace, simulated_centre
from stage.console import WebConsole, make_links
from stage.console_users import Observation, OfferedUsers, RowMissingError, open_console_users
from stage.environment import write_environment
from stage.event_log import EventMissingError, open_event_log
from stage.first_requests import FIRST_REQUESTS, curl
from stage.inbox import Inbox
from stage.inbox.messages import Message, printable
from stage.sample_settings import NAMES, ROLES
from stage.stories import STORIES, Outcome, Scenario, StoryFailedError
from stage.system import System
from stage.timeline import Timeline, print_observations, print_summary

POLL_INBOX_S = 0.3
INTERRUPTED = 130
_FAILURES = (StoryFailedError, EventMissingError, RefusedError, RowMissingError)

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
# A log or a pipe has no width of its own; a timeline needs some.
_WIDTH = None if sys.stdout.isatty() else 150
console = Console(highlight=False, width=_WIDTH)


@cli.command()
def demo() -> None:
    """Start everything, play the four stories, and fail unless each ends as expected."""
    progress = devstack.Progress(_say)
    with _log_directory() as logs:
        with devstack.start(durable=False, progress=progress) as stack:
            outcomes, observations, method = asyncio.run(_play(stack, logs, progress))
            _say("\nStopping the services, Kafka and PostgreSQL …")
        print_summary(console, outcomes)
        print_observations(console, observations, method)
        if any(isinstance(outcome, Exception) for outcome in outcomes.values()):
            raise typer.Exit(1)


@cli.command()
def run(
    *,
    empty: Annotated[bool, typer.Option(help="Without sample people and settings.")] = False,
    traffic: Annotated[
        float,
        typer.Option(min=0, max=60, help="Contacts a minute of the simulated centre; 0: none."),
    ] = Pace.contacts_per_minute,
    seed: Annotated[int, typer.Option(help="Which customers write what.")] = Pace.seed,
) -> None:
    """Start everything with sample settings and keep it running until Ctrl-C."""
    progress = devstack.Progress(_say)
    pace = Pace(traffic, seed) if traffic and not empty else None
    with _log_directory() as logs:
        with devstack.start(progress=progress) as stack:
            ended = asyncio.run(_stay(stack, logs, progress, pace, empty=empty))
            _say("Stopping Kafka and PostgreSQL …")
        _say("Stopped.")
        if ended:
            raise typer.Exit(1)


@contextmanager
def _log_directory() -> Iterator[Path]:
    """Make a directory for logs; it stays only if the block fails."""
    logs = Path(mkdtemp(prefix="upstairs-logs-"))
    has_failed = False
    try:
        yield logs
    except Exception:
        has_failed = any(logs.iterdir())
        raise
    finally:
        if has_failed:
            _say(f"Logs: {logs}")
        else:
            rmtree(logs)


async def _play(
    stack: devstack.Stack, logs: Path, progress: devstack.Progress
) -> tuple[dict[str, Outcome | Exception], list[Observation], str]:
    """Return the outcome of each story, what people saw in the console, and how they looked."""
    outcomes: dict[str, Outcome | Exception] = {}
    timeline, web_console = Timeline(console), WebConsole()
    _print_stack(stack)
    async with (
        running_system(stack, logs, progress, console=web_console) as (system, actors),
        open_event_log(system, timeline.add_event) as event_log,
        _console_users(web_console, progress) as offered,
    ):
        _introduce()
        scenario = Scenario(system, actors, event_log, timeline.add_action, offered.console_users)
        for name, story in STORIES.items():
            timeline.start_story(name, (story.__doc__ or "").splitlines()[0])
            try:
                outcomes[name] = await story(scenario)
            except _FAILURES as error:
                outcomes[name] = error
    return outcomes, scenario.observations, offered.method


@asynccontextmanager
async def _console_users(
    web_console: WebConsole, progress: devstack.Progress
) -> AsyncIterator[OfferedUsers]:
    """Let the supervisor and the manager sign in to the console."""
    async with AsyncExitStack() as stack:
        with progress.step("Signing Sara and Marco in to the console"):
            offered = await stack.enter_async_context(
                open_console_users(web_console.url, ("sara", "marco"))
            )
        _say(f"{'':8}console: they look {offered.method}")
        yield offered


def _introduce() -> None:
    _say(
        "\nFour stories follow. People: Rita, Bruno and Chen answer customers, Sara is the\n"
        "supervisor, Marco the manager. Each line has the time since the story began, the end of\n"
        "the contact's id, the person or the Kafka topic, and the action or the event."
    )


async def _stay(
    stack: devstack.Stack,
    logs: Path,
    progress: devstack.Progress,
    pace: Pace | None,
    *,
    empty: bool,
) -> set[str]:
    """Return the names of the services that ended before Ctrl-C."""
    stopping = asyncio.Event()
    roles = ROLES if pace is None else {**ROLES, **CENTRE_ROLES}
    simulated = () if pace is None else (*CENTRE_ROLES, *SIMULATED_LEADERS)
    web_console = WebConsole(roles=roles, simulated=simulated)
    _print_stack(stack)
    async with (
        running_system(stack, logs, progress, empty=empty, roles=roles, console=web_console) as (
            system,
            actors,
        ),
        Inbox(system.receivers, system.url("notifier"), system.slack_signing_secret) as inbox,
        _traffic(actors, pace),
    ):
        if not empty:
            await actors.put_status_webhook(inbox.statuses_url)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        _say("\nUpstairs is running. Ctrl-C stops everything.")
        await _print_console(system, web_console, empty=empty)
        _print_addresses(system, stack, inbox)
        _print_keys(actors)
        _print_next_steps(system, actors, inbox, empty=empty)
        _print_traffic(pace)
        _say("\nMessages to people, as they arrive:")
        ended = await _print_messages(inbox, system, stopping)
        _say("\nStopping the services …")
    return ended


def _print_addresses(system: System, stack: devstack.Stack, inbox: Inbox) -> None:
    _say("\nAddresses:\n")
    _say(f"  {'Messages':<11} {inbox.url}  what Slack and the mail server received")
    for service in system.ports:
        operations = system.operations_url(service)
        reference, metrics = f"{operations}/docs", f"{operations}/metrics"
        _say(f"  {service:<11} {system.url(service)}  reference: {reference}  metrics: {metrics}")
    _say(f"  {'PostgreSQL':<11} {system.admin_url}")
    _say(f"  {'Kafka':<11} {stack.kafka_bootstrap}  topics: {system.namespace}.*.v1")
    _say(f"  {'Logs':<11} {system.logs}")


async def _print_console(system: System, web_console: WebConsole, *, empty: bool) -> None:
    links = await make_links(system.console_environment(web_console))
    _say(
        f"\nThe console, where people work: {web_console.url}\n"
        "Each of these links signs in once, for ten minutes; the address above works always:\n"
    )
    for person, link in links.items():
        _say(f"  {ROLES[person]:<15} {person:<6} {link}")
    if empty:
        _say("\nThere are no people yet: somebody can sign in once router knows them.")


def _print_keys(actors: Actors) -> None:
    _say("\nAPI keys by role and person, for the header `Authorization: Bearer KEY`:\n")
    for person, role in ROLES.items():
        _say(f"  {role:<15} {person:<6} {actors.key(person):<61} {NAMES.get(person, '')}".rstrip())


def _print_next_steps(system: System, actors: Actors, inbox: Inbox, *, empty: bool) -> None:
    variables = write_environment(system, actors, inbox)
    _say(
        "\nGuides: docs/configuration.md goes from nothing (make run EMPTY=1) to a working\n"
        "escalation, docs/channels.md shows how to send contacts. They use the addresses\n"
        "and keys as variables, such as INTAKE and SARA_KEY. This line sets them in\n"
        "another terminal:\n"
        f"\n  . {variables}"
    )
    if empty:
        _say("\nThere are no people and no settings yet: start with docs/configuration.md.")
        return
    _say("\nFirst requests, to copy into another terminal:")
    for request in FIRST_REQUESTS:
        _say(f"\n  # {request.title}.\n  {curl(request, system, actors)}")


def _print_traffic(pace: Pace | None) -> None:
    if pace is None:
        return
    _say(
        f"\nA small simulated centre is at work: about {pace.contacts_per_minute:g} contacts a"
        " minute. Contacts come to Rita, Sara\nand Marco are paged, and nobody acts for them:"
        " that is for you. Without it: make run TRAFFIC=0"
    )


@asynccontextmanager
async def _traffic(actors: Actors, pace: Pace | None) -> AsyncIterator[None]:
    """Let the simulated centre act; without a pace there is none."""
    if pace is None:
        yield
        return
    async with simulated_centre(actors, pace, lambda text: _say(f"  simulated centre: {text}")):
        yield


async def _print_messages(inbox: Inbox, system: System, stopping: asyncio.Event) -> set[str]:
    """Print each new or changed message, and each service that ends, until `stopping` is set.

    Return the names of the services that have ended.
    """
    printed: set[tuple[str, object]] = set()
    ended: set[str] = set()
    received = 0
    while not stopping.is_set():
        for process in system.processes.values():
            if not process.running and process.name not in ended:
                ended.add(process.name)
                log = process.log_path
                _say(f"  {process.name} has ended with code {process.exit_code}; see {log}")
        before, received = received, inbox.received
        # Reading them all each time would keep a laptop busy.
        messages = inbox.messages() if received != before else []
        for message in sorted(messages, key=lambda message: message.changed_at):
            version = (message.key, message.updated_at)
            if version not in printed:
                printed.add(version)
                _say(_message_line(message))
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), POLL_INBOX_S)
    return ended


def _message_line(message: Message) -> str:
    change = "updated: " if message.updated_at else ""
    buttons = "".join(f" [{button.label}]" for button in message.buttons)
    at = message.changed_at.astimezone()
    text = f"{message.medium} to {message.recipient}: {change}{message.title}{buttons}"
    return f"  {at:%H:%M:%S}  {printable(text)}"


def _print_stack(stack: devstack.Stack) -> None:
    _say(f"{'':8}stack: {stack.reason}")


def _say(text: str) -> None:
    console.print(text, markup=False, emoji=False, soft_wrap=True)


if __name__ == "__main__":
    try:
        cli()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except devstack.StackError as error:
        sys.exit(f"stage: {error}")
