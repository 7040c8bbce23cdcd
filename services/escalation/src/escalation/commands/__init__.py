"""What escalation answers on the command line beside what every service does: it only reads.

Exit codes: 0 all well; 1 what was asked for is not so; 2 wrong usage; 3 the database is away.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, TypeVar, cast, get_args
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.escalations import ClockName
from common.contracts.event import ContactId, EscalationId
from common.core import logs
from common.core.clock import TimeSource
from common.core.errors import is_transient
from common.storage.database import connect
from escalation.commands.explain import Explanation, explain
from escalation.commands.simulate import BadDraftError, Window, simulate, told, with_drafts
from escalation.commands.simulate import as_json as as_document
from escalation.domain.audit_trail import Chain, breaks
from escalation.domain.simulation import Habits, Tally
from escalation.settings import Settings
from escalation.store.audit_trail import Trails
from escalation.store.unit_of_work import Configurations, ContactNotFoundError, Watches

T = TypeVar("T")

_NOT_SO: Final = 1
_AWAY: Final = 3


def install(cli: typer.Typer) -> None:
    """Add the commands to those that every service has."""
    cli.command("explain")(explain_clocks)
    cli.command("verify-audit")(verify_audit)
    cli.command("simulate")(simulate_drafts)


def explain_clocks(
    contact: Annotated[UUID, typer.Argument(metavar="CONTACT-ID")],
    clock: Annotated[str | None, typer.Option(help="only this clock", metavar="NAME")] = None,
) -> None:
    """Recount a contact's clocks from its journal, and tell why each broke that did."""
    if clock is not None and clock not in get_args(ClockName):
        raise typer.BadParameter(f"--clock takes {', '.join(get_args(ClockName))}")
    only = cast("ClockName | None", clock)
    explanation = reading(lambda connection: _explain(connection, contact, only))
    for line in explanation.lines:
        typer.echo(line)
    if not explanation.agrees:
        raise typer.Exit(_NOT_SO)


async def _explain(
    connection: AsyncConnection, contact: UUID, only: ClockName | None
) -> Explanation:
    try:
        told = await Watches(connection).clock_story(ContactId(str(contact)))
    except ContactNotFoundError as error:
        return Explanation((str(error),), agrees=False)
    configuration = await Configurations(connection).in_force()
    return explain(told, configuration, await TimeSource().read(connection), only)


def verify_audit(
    escalation: Annotated[
        UUID | None, typer.Option(help="only the trail of this escalation", metavar="ID")
    ] = None,
) -> None:
    """Check each audit trail: that no step was changed, added, taken out or cut off."""
    only = None if escalation is None else EscalationId(str(escalation))
    chains, broken = reading(lambda connection: _verify(Trails(connection), only))
    if broken or (only is not None and not chains):
        raise typer.Exit(_NOT_SO)


async def _verify(trails: Trails, only: EscalationId | None) -> tuple[int, int]:
    """Tell each break as it is found; return how many trails were looked at, and are broken."""
    looked = steps = broken = 0
    async with aclosing(_pages(trails, only)) as pages:
        async for page in pages:
            for chain in page:
                found = list(breaks(chain))
                for each in found:
                    typer.echo(f"{each.escalation_id} step {each.step}: {each.what}")
                looked += 1
                steps += len(chain.steps)
                broken += bool(found)
    if only is not None and not looked:
        typer.echo("There is no such escalation.", err=True)
    elif broken:
        typer.echo(f"{broken} of {looked} escalations have a broken trail")
    else:
        typer.echo(f"{looked} escalations, {steps} steps verified")
    return looked, broken


async def _pages(trails: Trails, only: EscalationId | None) -> AsyncGenerator[list[Chain], None]:
    if only is None:
        async with aclosing(trails.all_chains()) as pages:
            async for page in pages:
                yield page
    else:
        yield await trails.chains([only])


def simulate_drafts(
    since: Annotated[datetime, typer.Option(help="contacts received from then on, in UTC")],
    until: Annotated[
        datetime | None, typer.Option(help="and what happened before then; now if not given")
    ] = None,
    draft: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND/ID=FILE", help="a setting to try, such as sla-policies/gold=x"),
    ] = None,
    answer_after: Annotated[
        float,
        typer.Option(min=0, help="seconds until whoever is asked first answers; 0: nobody does"),
    ] = 120,
    processes: Annotated[int | None, typer.Option(min=1, help="as many as cores if not given")] = (
        None
    ),
    *,
    only_drafts: Annotated[
        bool, typer.Option("--only-drafts", help="not what is in force beside it")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False,
) -> None:
    """Try drafts on the past: what would have breached, and who would have been paged.

    It is said beside what is in force. Causes that look at a customer's other contacts are left
    out, as is what was raised by hand, and duty is as it is set now.
    """
    if only_drafts and not draft:
        raise typer.BadParameter("--only-drafts takes a --draft")
    window = Window(_utc(since), _utc(until) if until else TimeSource().utc_now())
    if window.since >= window.until:
        raise typer.BadParameter("--since must be before --until, which is now if not given")
    habits = Habits(timedelta(seconds=answer_after) if answer_after else None)

    async def work(connection: AsyncConnection) -> dict[str, Tally]:
        now = await Configurations(connection).in_force()
        tried = {} if only_drafts else {"in force": now}
        if draft:
            tried["with the drafts"] = with_drafts(now, draft)
        totals = await simulate(connection, window, list(tried.values()), habits, processes)
        return dict(zip(tried, totals, strict=True))

    try:
        totals = reading(work, isolation="REPEATABLE READ")
    except BadDraftError as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        sys.stdout.buffer.write(as_document(totals) + b"\n")
    else:
        for line in told(totals, window, habits):
            typer.echo(line)


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def reading(
    work: Callable[[AsyncConnection], Awaitable[T]],
    isolation: Literal["AUTOCOMMIT", "REPEATABLE READ"] = "AUTOCOMMIT",
) -> T:
    """Do some work on a connection, where each statement sees what is committed by then."""
    logs.to_stderr()
    return asyncio.run(_reading(Settings(kafka_bootstrap="not asked"), work, isolation))


async def _reading(
    settings: Settings, work: Callable[[AsyncConnection], Awaitable[T]], isolation: str
) -> T:
    # What is asked here may take minutes, and is waited for by a person who can end it.
    url = str(settings.database_url)
    engine = connect(url, schema="escalation", pool_size=1, statement_timeout_s=None)
    try:
        async with engine.connect() as pooled:
            return await work(await pooled.execution_options(isolation_level=isolation))
    except Exception as error:
        # Whoever read our output has gone: that is not the database.
        if isinstance(error, BrokenPipeError) or not is_transient(error):
            raise
        typer.echo(f"the database is away: {error}", err=True)
        raise typer.Exit(_AWAY) from error
    finally:
        await engine.dispose()
