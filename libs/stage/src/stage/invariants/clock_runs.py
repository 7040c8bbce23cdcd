"""Replays clocks from the topic: a threshold fires once, and only while its clock runs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from common.contracts.clocks import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClockPaused,
    ClockResumed,
    ClockRetargeted,
    ClocksStarted,
    ClockWarned,
)
from common.contracts.event import Event
from stage.invariants.findings import Findings

ClockEvent = (
    ClockPaused
    | ClockResumed
    | ClockRetargeted
    | ClockWarned
    | ClockBreached
    | ClockMet
    | ClockCancelled
)


# What meets them may be reported after the resolution that cancelled them.
_MET_LATE = ("assignment", "first_response", "next_response")


@dataclass(frozen=True, slots=True)
class Firing:
    """One threshold of one run of a contact's clock; `percent` is None for its deadline.

    `due_at` and `action` are None if the event does not carry them.
    """

    contact_id: str
    clock: str
    run: int
    percent: int | None = None
    due_at: datetime | None = None
    action: str | None = None


@dataclass
class ClockRun:
    """`earlier_deadlines` are those before the clock was retargeted."""

    number: int
    due_at: datetime
    state: str = "running"
    breached_at: datetime | None = None
    cancelled_at: datetime | None = None
    earlier_deadlines: set[datetime] = field(default_factory=set)

    def was_cancelled_after(self, at: datetime) -> bool:
        return self.cancelled_at is not None and self.cancelled_at >= at


def replay(events: Iterable[Event], findings: Findings) -> Iterator[Firing]:
    """Replay one contact's clocks and yield each threshold that fired."""
    runs: dict[str, ClockRun] = {}
    for event in events:
        match event:
            case ClocksStarted():
                runs |= {clock.clock: ClockRun(clock.run, clock.due_at) for clock in event.clocks}
            case ClockWarned() | ClockBreached():
                run = runs.get(event.clock)
                _require_running(event, run, "fired without running", findings)
                yield _firing(event, run)
            case ClockMet():
                _complete(event, runs.get(event.clock), findings)
            case ClockPaused() | ClockResumed() | ClockRetargeted() | ClockCancelled():
                run = runs.get(event.clock)
                findings.require(run is not None, "changed before it started", *_evidence(event))
                if run is not None:
                    _change(event, run, findings)
            case _:
                pass


def _firing(event: ClockWarned | ClockBreached, run: ClockRun | None) -> Firing:
    number = run.number if run else 0
    if isinstance(event, ClockBreached):
        if run is not None:
            run.breached_at = event.occurred_at
        return Firing(event.contact_id, event.clock, number)
    return Firing(
        event.contact_id,
        event.clock,
        number,
        event.threshold_percent,
        event.threshold_due_at,
        event.action,
    )


def _complete(event: ClockMet, run: ClockRun | None, findings: Findings) -> None:
    """`ClockMet` may arrive after the clock was cancelled or retargeted."""
    late = run is not None and event.clock in _MET_LATE and run.was_cancelled_after(event.met_at)
    deadline_known = run is not None and event.due_at in {run.due_at, *run.earlier_deadlines}
    runs = run is not None and (late or run.state in ("running", "paused"))
    findings.require(
        deadline_known and runs, "met without running", *_evidence(event), event.due_at
    )
    if run is not None:
        _note_late_stop(event, run, findings)
        run.state = "met"


def _change(
    event: ClockPaused | ClockResumed | ClockRetargeted | ClockCancelled,
    run: ClockRun,
    findings: Findings,
) -> None:
    match event:
        case ClockPaused():
            findings.require(run.state == "running", "paused without running", *_evidence(event))
            run.state = "paused"
        case ClockResumed():
            findings.require(run.state == "paused", "resumed without a pause", *_evidence(event))
            run.state = "running"
            run.due_at = event.due_at
        case ClockRetargeted():
            stays_paused = run.state == "paused" and not event.runs_while_waiting
            run.state = "paused" if stays_paused else "running"
            run.earlier_deadlines.add(run.due_at)
            run.due_at = event.due_at
        case ClockCancelled():
            findings.require(run.state != "cancelled", "cancelled twice", *_evidence(event))
            run.state = "cancelled"
            run.cancelled_at = event.cancelled_at


def _require_running(
    event: ClockWarned | ClockBreached, run: ClockRun | None, message: str, findings: Findings
) -> None:
    runs = run is not None and (run.state, run.due_at) == ("running", event.due_at)
    findings.require(runs, message, *_evidence(event), event.due_at)


def _evidence(event: ClockEvent) -> tuple[object, ...]:
    return event.contact_id, event.clock


def _note_late_stop(event: ClockMet, run: ClockRun, findings: Findings) -> None:
    """Remark on a breach of a clock that was met in time, if the event arrived too late."""
    fired_at = run.breached_at
    if fired_at is not None and event.met_at <= event.due_at <= fired_at:
        late_ms = (fired_at - event.met_at) / timedelta(milliseconds=1)
        findings.remarks.append(
            f"breached though it was met in time: {event.clock} of {event.contact_id}, "
            f"met {late_ms:.0f} ms before it fired"
        )
