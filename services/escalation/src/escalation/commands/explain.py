"""A contact's clocks recounted from its journal, for `python -m escalation explain`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.contracts.escalations import ClockName
from escalation.domain.clocks import timeline
from escalation.domain.clocks.recompute import Run, counted, differences, open_within, runs
from escalation.domain.model import Clock
from escalation.domain.settings.registry import Configuration, Ref
from escalation.domain.wording import STAMP, span
from escalation.store.unit_of_work import ClockStory

_SHOWN = 12
_ROUNDING = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to print, and whether what is kept is what was told."""

    lines: tuple[str, ...]
    agrees: bool


def explain(
    told: ClockStory, configuration: Configuration, at: datetime, only: ClockName | None
) -> Explanation:
    found = [run for run in runs(told.events) if only in (None, run.clock.name)]
    kept = [clock for clock in told.watch.clocks if only in (None, clock.name)]
    wrong = differences(kept, found)
    history = timeline.tell(told.events)
    # Another service's clock may be ahead of ours.
    at = max([at, *(line.at for line in history)])
    lines = [f"contact {told.watch.contact_id} at {at:{STAMP}}"]
    for run in found:
        lines += ["", *_told_of(run, history, configuration, at)]
        wrong += _miscounted(run, configuration, at)
    lines += ["", *([f"NOT AS TOLD: {one}" for one in wrong] or ["What is kept is what was told."])]
    return Explanation(tuple(lines), not wrong)


def _told_of(
    run: Run, history: list[timeline.Line], configuration: Configuration, at: datetime
) -> Iterator[str]:
    clock = run.clock
    yield f"{clock.name}, run {clock.run}: {clock.state}"
    for line in history:
        if (line.clock, line.run) == (clock.name, clock.run):
            yield f"  {line.at:{STAMP}}  {line.what}"
    if not run.whole:
        yield "  started by a version that did not tell its terms: it can't be recounted"
        return
    yield from _ran(run, configuration, at)
    spent = counted(run, configuration, at)
    yield f"  spent {span(spent)} of {span(clock.target_s)}"
    if clock.breached:
        yield f"  {_why(clock, at)}"


def _ran(run: Run, configuration: Configuration, at: datetime) -> Iterator[str]:
    parts = [
        (opens, closes, ref)
        for start, end, ref in run.until(at)
        for opens, closes in open_within(configuration.calendar_at(ref), start, end)
    ]
    shown = parts if len(parts) <= _SHOWN else [*parts[: _SHOWN // 2], *parts[-_SHOWN // 2 :]]
    for n, (opens, closes, ref) in enumerate(shown):
        if len(shown) < len(parts) and n == _SHOWN // 2:
            yield f"    ... {len(parts) - len(shown)} more"
        length = span(closes - opens)
        yield f"    ran {opens:{STAMP}} to {closes:{STAMP}}: {length} {_by(ref)}"


def _by(ref: Ref | None) -> str:
    return "round the clock" if ref is None else f"of calendar {ref}"


def _why(clock: Clock, at: datetime) -> str:
    """Say what was owed, when it ran out, and what had not been done by then."""
    owed = f"{span(clock.target_s)} {_by(clock.calendar)} had passed at {clock.due_at:{STAMP}}"
    if clock.met_at is None:
        return f"breached because {owed}, and it had not been met by {at:{STAMP}}"
    if clock.met_at > clock.due_at:
        return f"breached because {owed}, and it was met {span(clock.met_at - clock.due_at)} later"
    noticed = clock.deadline.fired_at or at
    return (
        f"breached because {owed}; it had been met {span(clock.due_at - clock.met_at)} before, "
        f"but at {noticed:{STAMP}} the news of that had not come"
    )


def _miscounted(run: Run, configuration: Configuration, at: datetime) -> Iterator[str]:
    """Hold the sum of the stretches against what the clock itself says was spent."""
    if not run.whole:
        return
    calendar = configuration.calendar_at(run.clock.calendar)
    spent = timedelta(seconds=timeline.spent_s(calendar, run.clock, at))
    summed = counted(run, configuration, at)
    if abs(spent - summed) > _ROUNDING:
        yield f"{run.clock.name}: {span(summed)} were counted, {span(spent)} are said to be spent"
