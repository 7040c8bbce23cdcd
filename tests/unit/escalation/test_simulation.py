"""The past, played again: what is told of it is what the service itself would have done."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from msgspec import structs
from typer.testing import CliRunner

from common.contracts.assignments import ContactUnserved
from common.contracts.contacts import (
    ConnectionHeardAgain,
    ConnectionSilent,
    ContactErased,
    ContactPrioritized,
    ContactReopened,
    RepresentativeReplied,
)
from common.contracts.escalations import EscalationClimbed, EscalationUnanswered
from common.contracts.event import ContactEvent, Event, MessageId
from escalation.commands.simulation_report import Window, render_report
from escalation.domain.settings.policies import Match, Target
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.simulation import (
    REPLAYED_EVENTS,
    Assumptions,
    Breach,
    ContactReplay,
    Totals,
    replay,
)
from escalation.handlers import SUBSCRIPTIONS
from escalation.main import cli
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import (
    CONTACT,
    LADDER,
    MIA,
    POLICY,
    RITA,
    SAM,
    SETTINGS,
    START,
    contact_assigned,
    contact_received,
    contact_referred,
    contact_resolved,
)

UNTIL = START + timedelta(seconds=1000)
NOBODY = Assumptions(None)
PROMPT = Assumptions(timedelta(seconds=3))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def reply(seconds: float) -> RepresentativeReplied:
    return RepresentativeReplied(
        contact_id=CONTACT, occurred_at=at(seconds), message_id=MessageId("m")
    )


def of(
    *facts: ContactEvent, settings: Configuration = SETTINGS, assumptions: Assumptions = NOBODY
) -> Totals:
    return replay([(CONTACT, facts)], settings, UNTIL, assumptions)


def test_contact_handled_in_time_meets_all_clocks() -> None:
    total = of(contact_received(at(0)), contact_assigned(at(1)), reply(3), contact_resolved(at(50)))
    assert total.contacts == 1
    assert total.started == total.met_in_time
    assert sorted(clock for clock, _ in total.started) == [
        "assignment",
        "first_response",
        "resolution",
    ]
    assert (total.breached.total(), total.pages.total()) == (0, 0)


def test_late_reply_breaches_and_pages_ladder() -> None:
    total = of(
        contact_received(at(0)), contact_assigned(at(1)), reply(30), contact_resolved(at(50))
    )
    assert total.breached == {("first_response", "gold"): 1}
    assert total.breaches == [Breach(CONTACT, "first_response", "gold", at(10))]
    assert total.escalations == {"breach": 1}
    assert total.pages[RITA, "warning"] == 1
    assert total.pages[SAM, "raised"] == 1
    assert total.pages[MIA, "climbed"] == 1
    assert total.met_in_time["first_response", "gold"] == 0


def test_answer_in_time_spares_levels_above() -> None:
    facts = (contact_received(at(0)), contact_assigned(at(1)), reply(30), contact_resolved(at(50)))
    total = of(*facts, assumptions=PROMPT)
    assert total.pages[SAM, "raised"] == 1
    assert total.pages[MIA, "climbed"] == 0
    assert total.levels == {"supervisors": 1}


def test_stricter_draft_breaches_clock_that_is_met_now() -> None:
    strict = replace(POLICY, targets=(Target("first_response", 2),))
    draft = replace(SETTINGS, policies={"gold": Versioned("gold", 4, strict)})
    facts = (contact_received(at(0)), contact_assigned(at(1)), reply(3), contact_resolved(at(50)))
    assert of(*facts).breached.total() == 0
    assert of(*facts, settings=draft).breached == {("first_response", "gold"): 1}


def test_contact_without_policy_is_counted() -> None:
    narrow = replace(POLICY, match=Match(topic=("returns",)))
    draft = replace(SETTINGS, policies={"gold": Versioned("gold", 4, narrow)})
    total = of(contact_received(at(0)), settings=draft)
    assert (total.contacts, total.without_policy, total.clocks) == (1, 1, 0)


def test_unanswered_ladder_is_counted_once() -> None:
    total = of(contact_received(at(0)), contact_assigned(at(1)))
    assert total.unanswered == 1
    assert total.pages[MIA, "climbed"] == 1


def test_priority_set_by_rule_is_left_to_draft() -> None:
    by_rule = ContactPrioritized(
        contact_id=CONTACT, occurred_at=at(2), priority="urgent", reason="80 % of its time"
    )
    by_hand = structs.replace(by_rule, by=RITA)
    told_apart = replace(
        POLICY, match=Match(priority=("urgent",)), targets=(Target("resolution", 5),)
    )
    policies = {**SETTINGS.policies, "urgent": Versioned("urgent", 1, told_apart)}
    settings = replace(SETTINGS, policies=policies)
    facts = (contact_received(at(0)), contact_assigned(at(1)))
    assert of(*facts, by_rule, contact_resolved(at(20)), settings=settings).breached.total() == 1
    changed = of(*facts, by_hand, contact_resolved(at(20)), settings=settings)
    assert changed.breached["resolution", "urgent"] == 1


def _answered_late(harness: ContactHarness) -> None:
    harness.receive()
    harness.advance_to(1)
    harness.assign()
    harness.advance_to(12)
    harness.reply()
    harness.advance_to(14)
    harness.resolve()


def _referred_and_reopened(harness: ContactHarness) -> None:
    harness.receive()
    harness.advance_to(1)
    harness.assign()
    harness.advance_to(2)
    harness.refer()
    harness.advance_to(9)
    harness.resolve()
    harness.advance_to(20)
    harness.reopen()
    harness.advance_to(21)
    harness.assign()
    harness.reply()
    harness.advance_to(60)
    harness.resolve()


@pytest.mark.parametrize(
    ("journey", "facts"),
    [
        (
            _answered_late,
            (contact_received(at(0)), contact_assigned(at(1)), reply(12), contact_resolved(at(14))),
        ),
        (
            _referred_and_reopened,
            (
                contact_received(at(0)),
                contact_assigned(at(1)),
                contact_referred(at(2)),
                contact_resolved(at(9)),
                ContactReopened(contact_id=CONTACT, occurred_at=at(20), reason="again"),
                contact_assigned(at(21)),
                reply(21),
                contact_resolved(at(60)),
            ),
        ),
    ],
)
def test_replay_publishes_events_of_service(
    journey: Callable[[ContactHarness], None], facts: Sequence[ContactEvent]
) -> None:
    harness = ContactHarness()
    journey(harness)
    assert harness.published
    assert list(ContactReplay(CONTACT, SETTINGS, at(60), NOBODY).replay(facts)) == harness.published


def test_replay_covers_contact_and_assignment_events_of_service() -> None:
    """All but what people did to the escalations of then, erasures, and pages for operations."""
    topics = {"contacts", "assignments"}
    heard = {kind for kind in SUBSCRIPTIONS.events.values() if kind.topic in topics}
    ignored: set[type[Event]] = {
        ConnectionHeardAgain,
        ConnectionSilent,
        ContactErased,
        ContactUnserved,
    }
    assert heard - ignored == REPLAYED_EVENTS


def test_sums_of_parts_are_the_whole() -> None:
    late = (contact_received(at(0)), contact_assigned(at(1)), reply(30), contact_resolved(at(50)))
    whole = replay([(CONTACT, late), (CONTACT, late)], SETTINGS, UNTIL, NOBODY)
    parts = of(*late)
    parts.add(of(*late))
    assert parts == whole


def test_ladder_of_the_draft_is_climbed() -> None:
    quick = replace(LADDER, levels=LADDER.levels[1:])
    draft = replace(SETTINGS, ladders={"default": Versioned("default", 2, quick)})
    events = list(
        ContactReplay(CONTACT, draft, UNTIL, NOBODY).replay(
            (contact_received(at(0)), contact_assigned(at(1)))
        )
    )
    assert not [event for event in events if isinstance(event, EscalationClimbed)]
    assert [event.level for event in events if isinstance(event, EscalationUnanswered)] == [0]


def test_report_names_times_to_the_second_with_zone() -> None:
    late = of(contact_received(at(0)), contact_assigned(at(1)), reply(30), contact_resolved(at(50)))
    lines = list(render_report({"in force": late}, Window(at(0), UNTIL), NOBODY))
    assert lines[0] == (
        "contacts received from 2026-03-02 09:00:00 UTC, events before "
        "2026-03-02 09:16:40 UTC; assumed: nobody answers"
    )
    assert f"    first_response of {CONTACT}, due 2026-03-02 09:00:10 UTC" in lines


@pytest.mark.parametrize(
    "window",
    [
        ("--since", "2026-03-31", "--until", "2026-03-01"),
        ("--since", "2026-03-31", "--until", "2026-03-31"),
        ("--since", "2999-01-01"),
    ],
)
def test_empty_time_window_is_refused(window: tuple[str, ...]) -> None:
    refused = CliRunner().invoke(cli, ["simulate", *window])
    assert refused.exit_code == 2
    assert "--since must be before --until" in refused.stderr
