"""Clocks are what was told of them, and end the same whatever of two topics is heard first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import json, structs

from common.contracts.assignments import AssignmentReleased
from common.contracts.clocks import ClockDeadline, ClocksStarted, ClockThreshold, ClockWarned
from escalation.domain.clocks.events import CLOCK_EVENTS, Clocks, apply
from escalation.domain.duty.calendars import Calendar
from escalation.domain.model import TrackedContact
from escalation.domain.settings.policies import Match, SlaPolicy, Target, ThresholdRule
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.timers import SettingChanged
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, RITA, SETTINGS, START

# Long enough that nothing of an assignment falls due before it is heard of.
_LATE = 1000
_NOW = 60.0


def _policy(scale: float, *clocks: str, **changes: Any) -> SlaPolicy:
    lengths = {
        "assignment": _LATE,
        "first_response": 20,
        "next_response": 15,
        "periodic_update": 25,
        "resolution": 50,
        "acknowledgement": 5,
    }
    rules = (ThresholdRule("warn_representative", 50), ThresholdRule("raise", offset_s=-5))
    targets = tuple(
        Target(
            clock,  # type: ignore[arg-type]  # one of the names above
            lengths[clock] * scale,
            rules if lengths[clock] * scale > 10 else (),
        )
        for clock in clocks or lengths
    )
    plain = SlaPolicy(targets=targets, ladder_id="default", severity="medium")
    return replace(plain, **changes)


_SETTINGS: Configuration = replace(
    SETTINGS,
    policies={
        "all": Versioned("all", 1, _policy(1)),
        "urgent": Versioned("urgent", 4, _policy(0.5, match=Match(priority=("urgent",)))),
        "low": Versioned(
            "low",
            2,
            _policy(
                3,
                "resolution",
                "next_response",
                match=Match(priority=("low",)),
                calendar_id="office",
                on_reopening="continue",
            ),
        ),
    },
    calendars={"office": Versioned("office", 7, Calendar("UTC", {"mon": (("09:00", "17:00"),)}))},
)


@dataclass(frozen=True)
class Fact:
    """What happened at a second, as the harness is told it."""

    at: float
    kind: str
    priority: str = "high"

    def tell(self, harness: ContactHarness) -> None:
        match self.kind:
            case "prioritize":
                harness.prioritize(self.priority, self.at)  # type: ignore[arg-type]  # as drawn
            case "release":
                harness.now, now = self.at, harness.now
                event = AssignmentReleased(
                    contact_id=CONTACT,
                    occurred_at=harness.at,
                    representative_id=RITA,
                    kind="returned",
                    reason="end of shift",
                )
                harness.now = now
                harness.send(event)
            case _:
                getattr(harness, self.kind)(self.at)


def _of_contacts(draw: st.DrawFn) -> list[Fact]:
    """Draw what intake may tell of a contact: nothing is said to one that is resolved."""
    facts, is_open = [Fact(0, "receive")], True
    for at in sorted(draw(st.lists(st.floats(0.5, _NOW - 1), max_size=8, unique=True))):
        said = ("write", "reply", "wait_for_customer", "end_wait", "prioritize", "resolve")
        kind = draw(st.sampled_from(said if is_open else ("reopen",)))
        is_open = kind != "resolve"
        priority = draw(st.sampled_from(("low", "high", "urgent")))
        facts.append(Fact(at, kind, priority))
    return facts


def _of_assignments(draw: st.DrawFn) -> list[Fact]:
    times = sorted(draw(st.lists(st.floats(0.1, _NOW - 1), max_size=4, unique=True)))
    return [Fact(at, "release" if n % 2 else "assign") for n, at in enumerate(times)]


@st.composite
def _two_topics(draw: st.DrawFn) -> tuple[list[Fact], list[Fact]]:
    return _of_contacts(draw), _of_assignments(draw)


@st.composite
def _interleaved(draw: st.DrawFn) -> tuple[Sequence[Fact], Sequence[Fact]]:
    """Draw two orders in which the same may be heard; each topic keeps its own."""
    contacts, assignments = _of_contacts(draw), _of_assignments(draw)
    orders = []
    for _ in range(2):
        turns = draw(st.permutations([0] * len(contacts) + [1] * len(assignments)))
        topics = (iter(contacts), iter(assignments))
        orders.append([next(topics[turn]) for turn in turns])
    return orders[0], orders[1]


def _hear(order: Sequence[Fact]) -> ContactHarness:
    harness = ContactHarness(settings=_SETTINGS, now=_NOW)
    for fact in order:
        fact.tell(harness)
    return harness


def _end(harness: ContactHarness) -> dict[str, Any]:
    kept = {clock.name: clock for clock in harness.contact.clocks}
    return {"clocks": kept, "watch": structs.replace(harness.contact, clocks=())}


# The first response is promised, broken, taken back with the policy, and promised again.
_TAKEN_BACK = [
    Fact(0, "receive", "high"),
    Fact(21.0, "prioritize", "low"),
    Fact(22.0, "prioritize", "high"),
    Fact(23.0, "write"),
]
_ASSIGNED = [Fact(1.0, "assign")]


# A late threshold raises an escalation in the decision that takes its promise back.
_TAKEN_BACK_LATE = [
    Fact(0, "receive", "high"),
    Fact(1.0, "reply"),
    Fact(2.0, "write"),
    Fact(13.0, "prioritize", "low"),
]


@given(orders=_interleaved())
@example(orders=(_TAKEN_BACK + _ASSIGNED, _ASSIGNED + _TAKEN_BACK))
@example(orders=(_TAKEN_BACK_LATE + _ASSIGNED, _ASSIGNED + _TAKEN_BACK_LATE))
@settings(max_examples=300, deadline=None)
def test_clocks_end_the_same_in_any_order_of_two_topics(
    orders: tuple[Sequence[Fact], Sequence[Fact]],
) -> None:
    first, other = map(_hear, orders)
    assert _end(first) == _end(other)
    for harness in (first, other):
        harness.advance_to(_NOW + 200)
    assert _end(first) == _end(other)


@given(topics=_two_topics(), lag=st.floats(0, 5), retarget_at=st.floats(0, _NOW))
@settings(max_examples=200, deadline=None)
def test_clocks_folded_from_stored_events_equal_stored_clocks(
    topics: tuple[list[Fact], list[Fact]], lag: float, retarget_at: float
) -> None:
    """Timers fire between the facts, as late as they may, and a policy is changed in between."""
    contacts, assignments = topics
    harness = ContactHarness(settings=_SETTINGS)
    for fact in sorted((*contacts, *assignments), key=lambda fact: fact.at):
        harness.advance_to(max(harness.now, fact.at + lag), lag)
        fact.tell(harness)
        if fact.at >= retarget_at:
            changed = Versioned("all", 2, _policy(0.8))
            harness.settings = replace(_SETTINGS, policies={**_SETTINGS.policies, "all": changed})
            harness.send(SettingChanged(contact_id=CONTACT, reason="policy gold was changed"))
    harness.advance_to(_NOW + 200, lag)
    journal = [(event.type, msgspec.json.encode(event).decode()) for event in harness.published]
    events = [
        msgspec.json.decode(data, type=CLOCK_EVENTS[kind])
        for kind, data in journal
        if kind in CLOCK_EVENTS
    ]
    none: Clocks = ()
    assert reduce(apply, events, none) == harness.contact.clocks
    stored = json.encode(harness.contact)
    assert json.decode(stored, type=TrackedContact) == harness.contact


def test_warning_of_unknown_threshold_changes_no_clock() -> None:
    started = ClocksStarted(
        contact_id=CONTACT,
        occurred_at=START,
        policy_id="gold",
        policy_version=1,
        clocks=(
            ClockDeadline(
                clock="resolution",
                due_at=START,
                run=1,
                started_at=START,
                target_s=0,
                thresholds=(ClockThreshold(percent=100, due_at=START, action="raise"),),
            ),
        ),
        reason="contact received",
    )
    warned = ClockWarned(
        contact_id=CONTACT,
        occurred_at=START,
        clock="resolution",
        threshold_percent=70,
        due_at=START,
        lateness_ms=0,
        threshold_due_at=START,
        action="warn_representative",
        policy_id="gold",
        policy_version=1,
    )
    (clock,) = apply(apply((), started), warned)
    assert (clock.due_at, clock.state) == (START, "running")


@pytest.mark.parametrize("place", range(4))
def test_referral_counts_at_any_place_among_contact_events(place: int) -> None:
    """It was made after the contact was opened again, whatever of that is heard first."""
    facts = [Fact(0, "receive"), Fact(5, "resolve"), Fact(7, "reopen")]
    facts.insert(place, Fact(9, "refer"))
    harness = _hear(facts)
    assert harness.escalation is not None
    assert [reason.kind for reason in harness.escalation.causes] == ["referral"]


def test_referral_from_before_resolution_is_dropped() -> None:
    facts = [Fact(0, "receive"), Fact(5, "resolve"), Fact(7, "reopen"), Fact(3, "refer")]
    assert _hear(facts).escalation is None
