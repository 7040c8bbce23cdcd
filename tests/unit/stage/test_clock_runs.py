"""The checker replays clocks that pause, resume and are retargeted."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from common.contracts.clocks import (
    ClockCancelled,
    ClockDeadline,
    ClockMet,
    ClockName,
    ClockPaused,
    ClockResumed,
    ClockRetargeted,
    ClocksStarted,
)
from common.contracts.event import Event
from stage.invariants import Snapshot, check
from stage.invariants.clock_runs import replay
from stage.invariants.findings import Findings
from stage.invariants.snapshot import TimerRow
from unit.stage.examples import ADA, RAISED, at, breached, sound_history, warned

CLOCK: ClockName = "first_response"


def started(run: int = 1, due: float = 10) -> Event:
    clock = ClockDeadline(
        clock=CLOCK, due_at=at(due), run=run, started_at=at(0), target_s=60 * due, thresholds=()
    )
    return ClocksStarted(
        contact_id=ADA,
        occurred_at=at(0),
        policy_id="p",
        policy_version=1,
        clocks=(clock,),
        reason="received",
    )


def paused() -> Event:
    return ClockPaused(
        contact_id=ADA, occurred_at=at(2), clock=CLOCK, paused_at=at(2), elapsed_s=2, reason="so"
    )


def resumed(due: float) -> Event:
    return ClockResumed(
        contact_id=ADA,
        occurred_at=at(4),
        clock=CLOCK,
        resumed_at=at(4),
        due_at=at(due),
        thresholds=(),
        reason="so",
    )


def retargeted(due: float, **changes: Any) -> Event:
    return ClockRetargeted(
        contact_id=ADA,
        occurred_at=at(3),
        clock=CLOCK,
        policy_id="p",
        policy_version=2,
        target_s=due,
        elapsed_s=3,
        due_at=at(due),
        thresholds=(),
        reason="so",
        **{"retargeted_at": at(3), **changes},
    )


def met(due: float, clock: ClockName = CLOCK, met_s: float = 4) -> Event:
    return ClockMet(
        contact_id=ADA, occurred_at=at(9), clock=clock, due_at=at(due), met_at=at(met_s), run=1
    )


def cancelled() -> Event:
    return ClockCancelled(
        contact_id=ADA, occurred_at=at(5), clock=CLOCK, reason="so", cancelled_at=at(5)
    )


def violations(*events: Event) -> list[str]:
    findings = Findings(2)
    for firing, times in Counter(replay(events, findings)).items():
        findings.require(times == 1, "fired twice", firing)
    return [item.message for item in findings.violations]


@pytest.mark.parametrize(
    "events",
    [
        (started(), paused(), resumed(12), structs.replace(warned(ADA), due_at=at(12))),
        (started(), retargeted(20), breached(ADA, due_at=at(20), occurred_at=at(20))),
        (started(), paused(), retargeted(20), resumed(22), met(22)),
        (started(), paused(), retargeted(20, runs_while_waiting=True), met(20)),
        (started(), retargeted(20), met(10)),
        (started(), cancelled(), met(10)),
        (started(), cancelled(), retargeted(20), met(20)),
        (started(), met(10), started(2, 20), breached(ADA, due_at=at(20), occurred_at=at(20))),
        (started(), breached(ADA), met(10), started(2), breached(ADA)),
        (started(), paused(), met(10)),
    ],
)
def test_valid_clock_history_has_no_violation(events: tuple[Event, ...]) -> None:
    assert violations(*events) == []


def leased(*timers: TimerRow) -> Snapshot:
    """Sara holds Ada's escalation and is warned before her lease ends."""
    lease = replace(
        sound_history().escalations[0],
        state="acknowledged",
        lease_no=1,
        lease={"warn_at": at(50).isoformat()},
        deadline=at(60),
    )
    tables = replace(sound_history().tables["escalation"], timers=timers)
    return replace(
        sound_history(),
        escalations=[lease],
        tables={**sound_history().tables, "escalation": tables},
        at=at(21),
    )


def lease_timer(number: int, kind: str, slot: str, due: float, lease_no: int = 1) -> TimerRow:
    data = {"escalation_id": RAISED, "lease_no": lease_no}
    return TimerRow(number, at(due), ADA, slot, kind, data)


def test_lease_needs_its_end_timer_and_its_warning_timer() -> None:
    end = lease_timer(1, "LeaseExpires", "escalation", 60)
    warning = lease_timer(2, "LeaseWarningDue", "escalation:warning", 50)
    earlier = lease_timer(2, "LeaseWarningDue", "escalation:warning", 50, lease_no=0)
    lost = "an open escalation has no live timer"
    assert 6 not in check(leased(end, warning)).broken_invariants
    assert lost in {item.message for item in check(leased(end)).violations}
    assert lost in {item.message for item in check(leased(end, earlier)).violations}


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ((started(), paused(), warned(ADA)), "fired without running"),
        ((started(), paused(), resumed(12), breached(ADA)), "fired without running"),
        ((started(), retargeted(20), breached(ADA)), "fired without running"),
        ((started(), breached(ADA), breached(ADA)), "fired twice"),
        ((started(), cancelled(), met(10, met_s=6)), "met without running"),
        ((started(), retargeted(20), met(30)), "met without running"),
        ((started(), paused(), paused()), "paused without running"),
        ((started(), resumed(12)), "resumed without a pause"),
        ((started(), cancelled(), cancelled()), "cancelled twice"),
        ((retargeted(20),), "changed before it started"),
    ],
)
def test_invalid_clock_history_is_reported(events: tuple[Event, ...], message: str) -> None:
    assert message in violations(*events)
