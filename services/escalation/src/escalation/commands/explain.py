"""`explain-clocks`: recomputes a contact's clocks from its published events and compares."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, cast, get_args
from uuid import UUID

import typer

from common.contracts.clocks import ClockName
from common.contracts.event import ContactId
from common.core.durations import duration_text
from common.storage.connection import Connection
from escalation.commands.connection import EXIT_CHECK_FAILED, run_query
from escalation.domain.clocks import timeline
from escalation.domain.clocks.recompute import (
    ClockRun,
    clock_runs,
    counted_time,
    find_differences,
    open_within,
)
from escalation.domain.errors import ContactNotFoundError
from escalation.domain.model import SlaClock
from escalation.domain.settings.registry import Configuration, Ref
from escalation.domain.wording import STAMP, done
from escalation.store.contacts import ClockHistory, TrackedContacts
from escalation.store.settings import SettingVersions

# Of more intervals, the first and last half of this many are printed.
_MAX_INTERVALS = 12
_ROUNDING = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The lines to print, and whether the stored clocks match the published events."""

    lines: tuple[str, ...]
    matches: bool


def explain_clocks(
    contact: Annotated[UUID, typer.Argument(metavar="CONTACT-ID")],
    clock: Annotated[str | None, typer.Option(help="only this clock", metavar="NAME")] = None,
) -> None:
    """Recompute a contact's clocks from its published events, and explain each breach."""
    if clock is not None and clock not in get_args(ClockName):
        raise typer.BadParameter(f"--clock takes {', '.join(get_args(ClockName))}")
    only = cast("ClockName | None", clock)
    explanation = run_query(lambda connection: _load_and_explain(connection, contact, only))
    for line in explanation.lines:
        typer.echo(line)
    if not explanation.matches:
        raise typer.Exit(EXIT_CHECK_FAILED)


async def _load_and_explain(
    connection: Connection, contact: UUID, only: ClockName | None
) -> Explanation:
    try:
        history = await TrackedContacts(connection).clock_history(ContactId(str(contact)))
    except ContactNotFoundError as error:
        return Explanation((str(error),), matches=False)
    configuration = await SettingVersions(connection).in_force()
    return explain(history, configuration, await connection.clock_timestamp(), only)


def explain(
    history: ClockHistory, configuration: Configuration, at: datetime, only: ClockName | None
) -> Explanation:
    recomputed = [run for run in clock_runs(history.events) if only in (None, run.clock.name)]
    stored = [clock for clock in history.contact.clocks if only in (None, clock.name)]
    mismatches = find_differences(stored, recomputed)
    entries = timeline.build_timeline(history.events)
    # Another service's clock may be ahead of ours.
    at = max([at, *(entry.at for entry in entries)])
    lines = [f"contact {history.contact.contact_id} at {at:{STAMP}}"]
    for run in recomputed:
        lines += ["", *_lines_of(run, entries, configuration, at)]
        mismatches += _spent_mismatch(run, configuration, at)
    results = [f"MISMATCH {mismatch}" for mismatch in mismatches]
    lines += ["", *(results or ["Stored clocks match the published events."])]
    return Explanation(tuple(lines), not mismatches)


def _lines_of(
    run: ClockRun, entries: list[timeline.Entry], configuration: Configuration, at: datetime
) -> Iterator[str]:
    clock = run.clock
    yield f"{clock.name}, run {clock.run}: {clock.state}"
    for entry in entries:
        if (entry.clock, entry.run) == (clock.name, clock.run):
            yield f"  {entry.at:{STAMP}}  {entry.text}"
    yield from _intervals(run, configuration, at)
    spent = counted_time(run, configuration, at)
    yield f"  spent {duration_text(spent)} of {duration_text(clock.target_s)}"
    if clock.breached:
        yield f"  {_breach_reason(clock, at)}"


def _intervals(run: ClockRun, configuration: Configuration, at: datetime) -> Iterator[str]:
    intervals = [
        (opens, closes, ref)
        for start, end, ref in run.intervals_until(at)
        for opens, closes in open_within(configuration.calendar_version(ref), start, end)
    ]
    half = _MAX_INTERVALS // 2
    is_cut = len(intervals) > _MAX_INTERVALS
    listed = [*intervals[:half], *intervals[-half:]] if is_cut else intervals
    for n, (opens, closes, ref) in enumerate(listed):
        if is_cut and n == half:
            yield f"    ... {len(intervals) - len(listed)} more"
        length = duration_text(closes - opens)
        yield f"    ran {opens:{STAMP}} to {closes:{STAMP}}: {length} {_by(ref)}"


def _by(ref: Ref | None) -> str:
    return "round the clock" if ref is None else f"of calendar {ref}"


def _breach_reason(clock: SlaClock, at: datetime) -> str:
    """Say what was due, when it ran out, and what had not been done by then."""
    duration = duration_text(clock.target_s)
    target = f"{duration} {_by(clock.calendar)} had passed at {clock.due_at:{STAMP}}"
    if clock.met_at is None:
        return f"breached because {target}; not {done(clock.name)} by {at:{STAMP}}"
    if clock.met_at > clock.due_at:
        late = duration_text(clock.met_at - clock.due_at)
        return f"breached because {target}; {done(clock.name)} {late} late"
    handled_at = clock.deadline.fired_at or at
    early = duration_text(clock.due_at - clock.met_at)
    return (
        f"breached because {target}; {done(clock.name)} {early} before, "
        f"but that event had not arrived at {handled_at:{STAMP}}"
    )


def _spent_mismatch(run: ClockRun, configuration: Configuration, at: datetime) -> Iterator[str]:
    """Compare the sum of the intervals with the time that the clock itself counts as spent."""
    calendar = configuration.calendar_version(run.clock.calendar)
    spent = timedelta(seconds=timeline.spent_s(calendar, run.clock, at))
    summed = counted_time(run, configuration, at)
    if abs(spent - summed) > _ROUNDING:
        intervals, own = duration_text(summed), duration_text(spent)
        yield f"{run.clock.name}: intervals sum to {intervals}, the clock says {own}"
