"""`python -m <service> dead-letters list|show|replay|discard`; it needs the database alone.

Exit codes: 0 all done; 1 the database is away; 2 wrong usage; 3 some failed again and wait on;
4 none failed, but some are unknown or had been dealt with.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import orjson
import typer
from pydantic import BaseModel

from common.core import logs
from common.core.clock import TimeSource
from common.core.errors import is_transient
from common.core.metrics import Metrics
from common.http.dead_letter_api import DeadLetterDetail, detail_out, summary_out
from common.messaging.dispatcher import Dispatcher
from common.messaging.replay import (
    AlreadyClosedError,
    DeadLetterNotFoundError,
    Replay,
    ReplayFailedError,
)
from common.service.settings import ServiceSettings
from common.service.spec import ServiceSpec
from common.storage.database import Database, connect
from common.storage.dead_letter_store import DeadLetterStore, DeadLetterSummary, State

T = TypeVar("T")

_AWAY: Final = 1
_FAILED: Final = 3
_NOTHING_DONE: Final = 4
_COLUMNS: Final = ("ID", "STATE", "SINCE", "TRIES", "TYPE", "KEY", "REASON")
_REASON_WIDTH: Final = 100

Ids = Annotated[list[int], typer.Argument(metavar="ID")]
SomeIds = Annotated[list[int] | None, typer.Argument(metavar="ID")]
Limit = Annotated[int, typer.Option(min=1)]
All = Annotated[bool, typer.Option("--all", help="all that wait, oldest first")]
Reason = Annotated[str, typer.Option(help="why they need not be handled")]
By = Annotated[str, typer.Option(envvar="USER", help="who does it, for the record")]
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
        found = self._run(lambda desk: _newest(desk, [state], limit + 1))
        _print_list(found[:limit], as_json=as_json)
        if len(found) > limit:
            typer.echo(f"there are more than {limit}: see --limit", err=True)

    def show(
        self,
        letter_id: Annotated[int, typer.Argument(metavar="ID")],
        *,
        as_json: AsJson = False,
    ) -> None:
        """Show all that is known of one, with trace and payload."""
        letter = self._run(lambda desk: _look(desk, letter_id))
        if letter is None:
            typer.echo(f"{letter_id}: {DeadLetterNotFoundError.__doc__}", err=True)
            raise typer.Exit(_NOTHING_DONE)
        typer.echo(_line(letter) if as_json else _sheet(letter))

    def replay(
        self,
        ids: SomeIds = None,
        *,
        every: All = False,
        by: By = "unknown",
        as_json: AsJson = False,
    ) -> None:
        """Handle them now, by this version of the service. What fails again waits on."""
        if bool(ids) == every:
            raise typer.BadParameter("give IDs, or --all")

        async def work(desk: _CliContext) -> int:
            chosen = ids or await _waiting(desk)
            deals = ((one, desk.replay.replay(one, f"cli:{by}")) for one in chosen)
            return await _each(deals, as_json=as_json)

        raise typer.Exit(self._run(work))

    def discard(
        self, ids: Ids, reason: Reason, *, by: By = "unknown", as_json: AsJson = False
    ) -> None:
        """Close them unhandled."""

        async def work(desk: _CliContext) -> int:
            deals = ((one, desk.replay.discard(one, f"cli:{by}", reason)) for one in ids)
            return await _each(deals, as_json=as_json)

        raise typer.Exit(self._run(work))

    def _run(self, work: Callable[[_CliContext], Awaitable[T]]) -> T:
        settings = self._settings(kafka_bootstrap="not asked")
        return asyncio.run(_at_desk(settings, self._build(settings), work))


async def _at_desk(
    settings: ServiceSettings, spec: ServiceSpec[Any], work: Callable[[_CliContext], Awaitable[T]]
) -> T:
    logs.to_stderr()
    engine = connect(str(settings.database_url), schema=spec.name, pool_size=1)
    database = Database(engine, spec.unit_of_work, TimeSource())
    dispatcher = Dispatcher(database, spec.subscriptions, Metrics(), consumer=spec.name)
    try:
        return await work(_CliContext(database, Replay(dispatcher)))
    except Exception as error:
        if not is_transient(error):
            raise
        typer.echo(f"the database is away: {error}", err=True)
        raise typer.Exit(_AWAY) from error
    finally:
        await engine.dispose()


async def _newest(
    desk: _CliContext, states: Sequence[State], limit: int
) -> list[DeadLetterSummary]:
    async with desk.database.transaction() as uow:
        return await DeadLetterStore(uow.connection).newest(states, limit=limit)


async def _look(desk: _CliContext, letter_id: int) -> DeadLetterDetail | None:
    async with desk.database.transaction() as uow:
        letter = await DeadLetterStore(uow.connection).get(letter_id)
    return detail_out(letter) if letter else None


async def _waiting(desk: _CliContext) -> list[int]:
    async with desk.database.transaction() as uow:
        return await DeadLetterStore(uow.connection).waiting_ids()


async def _each(deals: Iterable[tuple[int, Awaitable[DeadLetterSummary]]], *, as_json: bool) -> int:
    """Await one after the other, say what came of each, and return the exit code."""
    codes = {0}
    for letter_id, deal in deals:
        outcome, detail, code = await _outcome(deal)
        codes.add(code)
        told = {"id": letter_id, "outcome": outcome, "detail": detail}
        typer.echo(_line(told) if as_json else f"{letter_id}: {detail or outcome}")
    return _FAILED if _FAILED in codes else max(codes)


async def _outcome(dealing: Awaitable[DeadLetterSummary]) -> tuple[str, str | None, int]:
    try:
        letter = await dealing
    except DeadLetterNotFoundError as error:
        return "unknown", str(error), _NOTHING_DONE
    except AlreadyClosedError as error:
        return "already dealt with", str(error), _NOTHING_DONE
    except ReplayFailedError as error:
        return "failed again", str(error), _FAILED
    return letter.state, None if letter.state == "discarded" else letter.closed_reason, 0


def _print_list(letters: Iterable[DeadLetterSummary], *, as_json: bool) -> None:
    if as_json:
        for letter in letters:
            typer.echo(_line(summary_out(letter)))
        return
    table = [_COLUMNS, *map(_row, letters)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _row(letter: DeadLetterSummary) -> tuple[str, ...]:
    reason = " ".join(letter.reason.split())
    return (
        str(letter.id),
        letter.state,
        f"{letter.closed_at or letter.at:%Y-%m-%d %H:%M:%S}",
        str(letter.attempts),
        letter.type or "-",
        letter.key or "-",
        reason if len(reason) <= _REASON_WIDTH else f"{reason[: _REASON_WIDTH - 1]}…",
    )


def _sheet(letter: DeadLetterDetail) -> str:
    """A line for each field, and below them what has lines of its own."""
    fields = letter.model_dump(mode="json")
    traceback, headers, payload = (fields.pop(name) for name in ("traceback", "headers", "payload"))
    lines = [f"{name:<12}{value}" for name, value in fields.items() if value is not None]
    lines += ["", "headers", *(f"  {name}: {value}" for name, value in headers.items())]
    lines += ["", "payload", f"  {payload}", "", traceback or ""]
    return "\n".join(lines).rstrip()


def _line(document: BaseModel | dict[str, Any]) -> str:
    if isinstance(document, BaseModel):
        return document.model_dump_json()
    return orjson.dumps(document).decode()
