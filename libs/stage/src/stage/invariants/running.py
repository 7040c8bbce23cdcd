"""When clocks ran, as the topic tells it: a threshold fires only while its clock runs, and once."""

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
from stage.invariants.ledger import Ledger

Told = (
    ClockPaused
    | ClockResumed
    | ClockRetargeted
    | ClockWarned
    | ClockBreached
    | ClockMet
    | ClockCancelled
)


@dataclass(frozen=True, slots=True)
class Firing:
    """One threshold of one run of a contact's clock; `percent` is nil for its deadline.

    `due_at` and `action` are nil where an earlier version of the service did not tell them.
    """

    contact_id: str
    clock: str
    run: int
    percent: int | None = None
    due_at: datetime | None = None
    action: str | None = None


@dataclass
class Run:
    """`earlier` are the deadlines it had before it was promised otherwise."""

    number: int
    due_at: datetime
    state: str = "running"
    breached_at: datetime | None = None
    earlier: set[datetime] = field(default_factory=set)


def fired(told: Iterable[Event], ledger: Ledger) -> Iterator[Firing]:
    """Replay one contact's clocks and yield each threshold that fired."""
    runs: dict[str, Run] = {}
    for event in told:
        match event:
            case ClocksStarted():
                runs |= {one.clock: Run(one.run, one.due_at) for one in event.clocks}
            case ClockWarned() | ClockBreached():
                run = runs.get(event.clock)
                _require_running(event, run, "fired without running", ledger)
                yield _firing(event, run)
            case ClockMet():
                _meet(event, runs.get(event.clock), ledger)
            case ClockPaused() | ClockResumed() | ClockRetargeted() | ClockCancelled():
                run = runs.get(event.clock)
                ledger.require(run is not None, "changed without running", *_evidence(event))
                if run is not None:
                    _change(event, run, ledger)


def _firing(event: ClockWarned | ClockBreached, run: Run | None) -> Firing:
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


def _meet(event: ClockMet, run: Run | None, ledger: Ledger) -> None:
    """The news that it was met may come after what cancelled it, or made another promise of it."""
    late = run is not None and event.clock == "assignment" and run.state == "cancelled"
    known = run is not None and event.due_at in {run.due_at, *run.earlier}
    runs = run is not None and (late or run.state in ("running", "paused"))
    ledger.require(known and runs, "met without running", *_evidence(event), event.due_at)
    if run is not None:
        _overtaken(event, run, ledger)
        run.state = "met"


def _change(
    event: ClockPaused | ClockResumed | ClockRetargeted | ClockCancelled, run: Run, ledger: Ledger
) -> None:
    match event:
        case ClockPaused():
            ledger.require(run.state == "running", "paused without running", *_evidence(event))
            run.state = "paused"
        case ClockResumed():
            ledger.require(run.state == "paused", "resumed without a pause", *_evidence(event))
            run.state = "running"
            run.due_at = event.due_at
        case ClockRetargeted():
            stands_still = run.state == "paused" and not event.runs_while_waiting
            run.state = "paused" if stands_still else "running"
            run.earlier.add(run.due_at)
            run.due_at = event.due_at
        case ClockCancelled():
            ledger.require(run.state != "cancelled", "cancelled twice", *_evidence(event))
            run.state = "cancelled"


def _require_running(
    event: ClockWarned | ClockBreached, run: Run | None, otherwise: str, ledger: Ledger
) -> None:
    runs = run is not None and (run.state, run.due_at) == ("running", event.due_at)
    ledger.require(runs, otherwise, *_evidence(event), event.due_at)


def _evidence(event: Told) -> tuple[object, ...]:
    return event.contact_id, event.clock


def _overtaken(event: ClockMet, run: Run, ledger: Ledger) -> None:
    """Remark on a breach of what had been met in time, when the news of that came too late."""
    fired_at = run.breached_at
    if fired_at is not None and event.met_at <= event.due_at <= fired_at:
        late_ms = (fired_at - event.met_at) / timedelta(milliseconds=1)
        ledger.remarks.append(
            f"breached though it was met in time: {event.clock} of {event.contact_id}, "
            f"met {late_ms:.0f} ms before it fired"
        )
