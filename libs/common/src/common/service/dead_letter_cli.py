"""`python -m <service> dead-letters list|show|replay|discard`; it needs the database only.

Exit codes: 0 all done; 1 the database is unavailable; 2 wrong usage; 3 some failed again and are
still waiting; 4 none failed, but some do not exist or are closed already.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Final, TypeVar

import orjson
import typer
from pydantic import BaseModel

from common.core import logs
from common.core.metrics import Metrics
from common.http.dead_letter_api import DeadLetterDetail, detail_out, summary_out
from common.messaging.dispatcher import Dispatcher
from common.messaging.record_decoder import RecordDecoder
from common.messaging.replay import (
    AlreadyClosedError,
    DeadLetterNotFoundError,
    Replay,
    ReplayFailedError,
)
from common.service.command_database import exit_if_unavailable, open_database
from common.service.settings import ServiceSettings, read_settings
from common.service.spec import ServiceSpec
from common.storage.database import Database
from common.storage.dead_letter_store import DeadLetterStore, DeadLetterSummary, State

T = TypeVar("T")

_FAILED: Final = 3
_NOTHING_DONE: Final = 4

Ids = Annotated[list[int], typer.Argument(metavar="ID")]
SomeIds = Annotated[list[int] | None, typer.Argument(metavar="ID")]
Limit = Annotated[int, typer.Option(min=1)]
All = Annotated[bool, typer.Option("--all", help="all that are waiting, oldest first")]
Reason = Annotated[str, typer.Option(help="why they need no handling")]
By = Annotated[str, typer.Option(envvar="USER", help="your name, for the record")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document a line")]


@dataclass(frozen=True, slots=True)
class _CliContext:
    database: Database[Any]
    replay: Replay[Any]


def dead_letter_cli(
    settings: type[ServiceSettings], build: Callable[[Any], ServiceSpec[Any]]
) -> typer.Typer:
    commands = _Commands(settings, build)
    cli = typer.Typer(help="Messages that could not be handled.", no_args_is_help=True)
    cli.command("list")(commands.newest)
    cli.command("show")(commands.show)
    cli.command("replay")(commands.replay)
    cli.command("discard")(commands.discard)
    return cli


class _Commands:
    def __init__(
        self, settings: type[ServiceSettings], build: Callable[[Any], ServiceSpec[Any]]
    ) -> None:
        self._settings = settings
        self._build = build

    def newest(
        self, state: State = "waiting", limit: Limit = 50, *, as_json: AsJson = False
    ) -> None:
        """List dead letters, newest first."""
        letters = self._run(lambda cli: _newest(cli, [state], limit + 1))
        _print_list(letters[:limit], as_json=as_json)
        if len(letters) > limit:
            typer.echo(f"There are more than {limit}; use --limit.", err=True)

    def show(
        self,
        letter_id: Annotated[int, typer.Argument(metavar="ID")],
        *,
        as_json: AsJson = False,
    ) -> None:
        """Show one in full, with traceback and payload."""
        letter = self._run(lambda cli: _get(cli, letter_id))
        if letter is None:
            typer.echo(f"{letter_id}: {DeadLetterNotFoundError.__doc__}", err=True)
            raise typer.Exit(_NOTHING_DONE)
        typer.echo(_json_line(letter) if as_json else _details(letter))

    def replay(
        self,
        ids: SomeIds = None,
        *,
        every: All = False,
        by: By = "unknown",
        as_json: AsJson = False,
    ) -> None:
        """Handle them now, with this version of the service; those that fail again keep waiting."""
        if bool(ids) == every:
            raise typer.BadParameter("give IDs or --all")

        async def work(cli: _CliContext) -> int:
            chosen = ids or await _waiting_ids(cli)
            replays = (
                (letter_id, cli.replay.replay(letter_id, f"cli:{by}")) for letter_id in chosen
            )
            return await _run_each(replays, as_json=as_json)

        raise typer.Exit(self._run(work))

    def discard(
        self, ids: Ids, reason: Reason, *, by: By = "unknown", as_json: AsJson = False
    ) -> None:
        """Close them without handling."""

        async def work(cli: _CliContext) -> int:
            discards = (
                (letter_id, cli.replay.discard(letter_id, f"cli:{by}", reason)) for letter_id in ids
            )
            return await _run_each(discards, as_json=as_json)

        raise typer.Exit(self._run(work))

    def _run(self, work: Callable[[_CliContext], Awaitable[T]]) -> T:
        settings = read_settings(self._settings, kafka_bootstrap="unused")
        return asyncio.run(_with_database(settings, self._build(settings), work))


async def _with_database(
    settings: ServiceSettings, spec: ServiceSpec[Any], work: Callable[[_CliContext], Awaitable[T]]
) -> T:
    logs.to_stderr()
    decoder = RecordDecoder(settings.namespace, settings.verification_keys)
    with exit_if_unavailable():
        async with open_database(settings, spec.name, spec.unit_of_work) as database:
            dispatcher = Dispatcher(database, spec.subscriptions, Metrics())
            return await work(_CliContext(database, Replay(dispatcher, decoder, spec.redelivery)))


async def _newest(cli: _CliContext, states: Sequence[State], limit: int) -> list[DeadLetterSummary]:
    async with cli.database.transaction() as uow:
        return await DeadLetterStore(uow.connection).newest(states, limit=limit)


async def _get(cli: _CliContext, letter_id: int) -> DeadLetterDetail | None:
    async with cli.database.transaction() as uow:
        letter = await DeadLetterStore(uow.connection).get(letter_id)
    return detail_out(letter) if letter else None


async def _waiting_ids(cli: _CliContext) -> list[int]:
    async with cli.database.transaction() as uow:
        return await DeadLetterStore(uow.connection).waiting_ids()


async def _run_each(
    actions: Iterable[tuple[int, Awaitable[DeadLetterSummary]]], *, as_json: bool
) -> int:
    """Await one after the other, print the outcome of each, and return the exit code."""
    codes = {0}
    for letter_id, action in actions:
        outcome, detail, code = await _outcome(action)
        codes.add(code)
        result = {"id": letter_id, "outcome": outcome, "detail": detail}
        typer.echo(_json_line(result) if as_json else f"{letter_id}: {detail or outcome}")
    return _FAILED if _FAILED in codes else max(codes)


async def _outcome(action: Awaitable[DeadLetterSummary]) -> tuple[str, str | None, int]:
    try:
        letter = await action
    except DeadLetterNotFoundError as error:
        return "not found", str(error), _NOTHING_DONE
    except AlreadyClosedError as error:
        return "already closed", str(error), _NOTHING_DONE
    except ReplayFailedError as error:
        return "failed again", str(error), _FAILED
    return letter.state, None if letter.state == "discarded" else letter.closed_reason, 0


def _print_list(letters: Iterable[DeadLetterSummary], *, as_json: bool) -> None:
    if as_json:
        for letter in letters:
            typer.echo(_json_line(summary_out(letter)))
    else:
        # Imported only here: rich would take 4 MB of each process that serves.
        import_module("common.service.dead_letter_table").print_table(letters)


def _details(letter: DeadLetterDetail) -> str:
    """Return a line for each field, and below them headers, payload and traceback."""
    fields = letter.model_dump(mode="json")
    traceback, headers, payload = (fields.pop(name) for name in ("traceback", "headers", "payload"))
    lines = [f"{name:<15}{value}" for name, value in fields.items() if value is not None]
    lines += ["", "headers", *(f"  {name}: {value}" for name, value in headers.items())]
    lines += ["", "payload", f"  {payload}", "", traceback or ""]
    return "\n".join(lines).rstrip()


def _json_line(document: BaseModel | dict[str, Any]) -> str:
    if isinstance(document, BaseModel):
        return document.model_dump_json()
    return orjson.dumps(document).decode()
