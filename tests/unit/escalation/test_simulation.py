"""The past, played again: what is told of it is what the service itself would have done."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from common.contracts.contacts import ContactPrioritized, ContactReopened, RepresentativeReplied
from common.contracts.escalations import EscalationClimbed, EscalationUnanswered
from common.contracts.event import Event, MessageId
from escalation.commands.simulate import Window, told
from escalation.domain.settings.policies import Match, Target
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.simulation import MEANINGS, Breach, Habits, Play, Tally, tally
from escalation.handlers import SUBSCRIPTIONS
from escalation.main import cli
from unit.escalation.desk import (
    CONTACT,
    LADDER,
    MIA,
    POLICY,
    RITA,
    SAM,
    SETTINGS,
    START,
    Desk,
    assigned,
    received,
    referral,
    resolution,
)

UNTIL = START + timedelta(seconds=1000)
NOBODY = Habits(None)
PROMPT = Habits(timedelta(seconds=3))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def reply(seconds: float) -> RepresentativeReplied:
    return RepresentativeReplied(
        contact_id=CONTACT, occurred_at=at(seconds), message_id=MessageId("m")
    )


def of(*facts: Event, settings: Configuration = SETTINGS, habits: Habits = NOBODY) -> Tally:
    return tally([(CONTACT, facts)], settings, UNTIL, habits)


def test_what_went_well_goes_well() -> None:
    total = of(received(at(0)), assigned(at(1)), reply(3), resolution(at(50)))
    assert total.contacts == 1
    assert total.promised == total.kept
    assert sorted(clock for clock, _ in total.promised) == [
        "assignment",
        "first_response",
        "resolution",
    ]
    assert (total.broken.total(), total.pages.total()) == (0, 0)


def test_a_late_reply_breaks_the_promise_and_pages_the_ladder() -> None:
    total = of(received(at(0)), assigned(at(1)), reply(30), resolution(at(50)))
    assert total.broken == {("first_response", "gold"): 1}
    assert total.breaches == [Breach(CONTACT, "first_response", "gold", at(10))]
    assert total.escalations == {"breach": 1}
    assert total.pages[RITA, "warning"] == 1
    assert total.pages[SAM, "raised"] == 1
    assert total.pages[MIA, "climbed"] == 1
    assert total.kept["first_response", "gold"] == 0


def test_whoever_answers_in_time_spares_those_above() -> None:
    facts = (received(at(0)), assigned(at(1)), reply(30), resolution(at(50)))
    total = of(*facts, habits=PROMPT)
    assert total.pages[SAM, "raised"] == 1
    assert total.pages[MIA, "climbed"] == 0
    assert total.levels == {"supervisors": 1}


def test_a_stricter_draft_breaks_what_is_kept_now() -> None:
    strict = replace(POLICY, targets=(Target("first_response", 2),))
    draft = replace(SETTINGS, policies={"gold": Versioned("gold", 4, strict)})
    facts = (received(at(0)), assigned(at(1)), reply(3), resolution(at(50)))
    assert of(*facts).broken.total() == 0
    assert of(*facts, settings=draft).broken == {("first_response", "gold"): 1}


def test_a_contact_that_no_policy_matches_is_told_of() -> None:
    narrow = replace(POLICY, match=Match(topic=("returns",)))
    draft = replace(SETTINGS, policies={"gold": Versioned("gold", 4, narrow)})
    total = of(received(at(0)), settings=draft)
    assert (total.contacts, total.without_policy, total.clocks) == (1, 1, 0)


def test_nobody_who_answers_is_told_once() -> None:
    total = of(received(at(0)), assigned(at(1)))
    assert total.unanswered == 1
    assert total.pages[MIA, "climbed"] == 1


def test_a_priority_that_a_rule_of_the_time_set_is_left_to_the_draft() -> None:
    by_rule = ContactPrioritized(
        contact_id=CONTACT, occurred_at=at(2), priority="urgent", reason="80 % of its time"
    )
    by_hand = by_rule.model_copy(update={"by": RITA})
    told_apart = replace(
        POLICY, match=Match(priority=("urgent",)), targets=(Target("resolution", 5),)
    )
    policies = {**SETTINGS.policies, "urgent": Versioned("urgent", 1, told_apart)}
    settings = replace(SETTINGS, policies=policies)
    facts = (received(at(0)), assigned(at(1)))
    assert of(*facts, by_rule, resolution(at(20)), settings=settings).broken.total() == 1
    changed = of(*facts, by_hand, resolution(at(20)), settings=settings)
    assert changed.broken["resolution", "urgent"] == 1


def _answered_late(desk: Desk) -> None:
    desk.receive()
    desk.wait_until(1)
    desk.assign()
    desk.wait_until(12)
    desk.reply()
    desk.wait_until(14)
    desk.resolve()


def _referred_and_reopened(desk: Desk) -> None:
    desk.receive()
    desk.wait_until(1)
    desk.assign()
    desk.wait_until(2)
    desk.refer()
    desk.wait_until(9)
    desk.resolve()
    desk.wait_until(20)
    desk.reopen()
    desk.wait_until(60)
    desk.resolve()


@pytest.mark.parametrize(
    ("journey", "facts"),
    [
        (_answered_late, (received(at(0)), assigned(at(1)), reply(12), resolution(at(14)))),
        (
            _referred_and_reopened,
            (
                received(at(0)),
                assigned(at(1)),
                referral(at(2)),
                resolution(at(9)),
                ContactReopened(contact_id=CONTACT, occurred_at=at(20), reason="again"),
                resolution(at(60)),
            ),
        ),
    ],
)
def test_it_publishes_what_the_service_does(
    journey: Callable[[Desk], None], facts: Sequence[Event]
) -> None:
    desk = Desk()
    journey(desk)
    assert desk.published
    assert list(Play(CONTACT, SETTINGS, at(60), NOBODY).events(facts)) == desk.published


def test_it_knows_each_fact_that_the_service_listens_to() -> None:
    """All but what people did to the escalations of the time."""
    topics = {"contacts", "assignments"}
    heard = {kind for kind in SUBSCRIPTIONS.events.values() if kind.topic in topics}
    assert heard == set(MEANINGS)


def test_sums_of_parts_are_the_whole() -> None:
    late = (received(at(0)), assigned(at(1)), reply(30), resolution(at(50)))
    whole = tally([(CONTACT, late), (CONTACT, late)], SETTINGS, UNTIL, NOBODY)
    parts = of(*late)
    parts.add(of(*late))
    assert parts == whole


def test_the_ladder_of_the_draft_is_climbed() -> None:
    quick = replace(LADDER, levels=LADDER.levels[1:])
    draft = replace(SETTINGS, ladders={"default": Versioned("default", 2, quick)})
    events = list(Play(CONTACT, draft, UNTIL, NOBODY).events((received(at(0)), assigned(at(1)))))
    assert not [event for event in events if isinstance(event, EscalationClimbed)]
    assert [event.level for event in events if isinstance(event, EscalationUnanswered)] == [0]


def test_it_is_told_to_the_second_and_in_which_zone() -> None:
    late = of(received(at(0)), assigned(at(1)), reply(30), resolution(at(50)))
    lines = list(told({"in force": late}, Window(at(0), UNTIL), NOBODY))
    assert lines[0] == (
        "contacts received from 2026-03-02 09:00:00 UTC on, up to before "
        "2026-03-02 09:16:40 UTC; taken: nobody answers"
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
def test_a_window_that_holds_nothing_is_refused(window: tuple[str, ...]) -> None:
    refused = CliRunner().invoke(cli, ["simulate", *window])
    assert refused.exit_code == 2
    assert "--since must be before --until" in refused.stderr
