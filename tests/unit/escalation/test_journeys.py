"""One contact's way, told with a clock that the test moves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import permutations

import pytest

from common.contracts.assignments import AssignmentReleased
from common.contracts.escalations import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClocksStarted,
    ClockWarned,
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationClosed,
    EscalationHandedBack,
    EscalationRaised,
    EscalationReasonAdded,
    EscalationResolved,
    EscalationTakenOver,
    EscalationUnanswered,
    PageRequested,
)
from escalation.domain import reactions
from escalation.domain.escalations import actions
from escalation.domain.escalations.approvals import Settlement, settle
from escalation.domain.settings.ladders import Named
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.types import OPERATIONS
from unit.escalation.desk import CONTACT, DUTY, LADDER, MIA, RITA, SAM, SETTINGS, START, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def breached(desk: Desk) -> Desk:
    """Return a desk at which the first response has just become overdue."""
    desk.receive()
    desk.assign()
    desk.wait_until(10)
    return desk


def test_all_well_tells_nobody(desk: Desk) -> None:
    desk.receive()
    desk.wait_until(1)
    desk.assign()
    desk.wait_until(3)
    desk.reply()
    desk.wait_until(50)
    desk.resolve()
    assert [met.clock for met in desk.all(ClockMet)] == [
        "assignment",
        "first_response",
        "resolution",
    ]
    assert desk.paged() == []
    assert desk.timers == {}


def test_a_silent_representative_is_warned_then_the_supervisor_is_told(breached: Desk) -> None:
    assert breached.paged() == [(RITA, "warning"), (SAM, "raised")]
    warning, page = breached.all(PageRequested)
    assert warning.headline == "Billing ticket from Ada Lovelace: first response due in 3 s"
    assert warning.respond_by == START + timedelta(seconds=10)
    assert page.headline == "Billing ticket from Ada Lovelace: first response overdue"
    assert page.why == (
        "No reply within 10 s (policy gold v3). Representative: rita. Subject: Charged twice"
    )
    assert page.respond_by == START + timedelta(seconds=15)
    assert breached.the(EscalationRaised).cause == "breach"


def test_an_unassigned_contact_warns_those_on_duty(desk: Desk) -> None:
    desk.receive()
    desk.wait_until(2)
    assert desk.paged() == [(SAM, "warning")]
    assert desk.the(ClockWarned).threshold_percent == 50


def test_no_answer_climbs_and_the_top_is_asked_again_and_again(breached: Desk) -> None:
    breached.wait_until(15)
    climbed = breached.the(EscalationClimbed)
    assert (climbed.from_level, climbed.to_level) == (0, 1)
    assert climbed.reason == "no answer from sam"
    page = breached.all(PageRequested)[-1]
    assert page.headline == "Billing ticket from Ada Lovelace: first response 5 s overdue"
    assert page.why.startswith("No answer from sam. No reply within 10 s (policy gold v3).")
    breached.wait_until(15 + 7 + 7)
    assert len(breached.all(EscalationUnanswered)) == 2
    assert breached.paged()[2:] == [
        (MIA, "climbed"),
        (MIA, "repeated"),
        (OPERATIONS, "unanswered"),
        (MIA, "repeated"),
    ]
    pages = breached.all(PageRequested)
    assert len({page.page_id for page in pages}) == len(pages)


def test_lateness_is_what_the_timer_lost(desk: Desk) -> None:
    desk.receive()
    desk.assign()
    desk.wait_until(30, lag=0.025)
    assert desk.all(ClockBreached)[0].lateness_ms == pytest.approx(25)
    assert desk.all(EscalationClimbed)[0].lateness_ms == pytest.approx(25)


def test_an_acknowledgement_is_a_lease_that_runs_out(breached: Desk) -> None:
    breached.press(SAM)
    assert breached.the(EscalationAcknowledged).lease_expires_at == breached.at + timedelta(
        seconds=20
    )
    breached.wait_until(29.9)
    assert breached.all(EscalationClimbed) == []
    breached.wait_until(30)
    assert breached.the(EscalationClimbed).reason == "lease of sam expired"
    assert breached.paged()[-1] == (MIA, "climbed")


def test_who_was_asked_first_may_still_answer_after_it_climbed(breached: Desk) -> None:
    breached.wait_until(15.001)
    breached.press(SAM)
    breached.press(MIA)
    assert breached.the(EscalationAcknowledged).by == SAM
    assert breached.surprises == ["action_came_too_late"]


def test_a_second_answer_is_refused_while_the_first_holds(breached: Desk) -> None:
    breached.press(SAM)
    with pytest.raises(actions.RefusedError, match="It is acknowledged by sam"):
        breached.do(partial(actions.acknowledge, by=MIA))
    with pytest.raises(actions.RefusedError, match="It is acknowledged by sam"):
        breached.do(partial(actions.take_over, by=MIA))


def test_taken_over_and_resolved(breached: Desk) -> None:
    breached.press(SAM, "take_over")
    breached.do(
        partial(settle, by=SAM, role="supervisor", settlement=Settlement("refund", "20 EUR"))
    )
    assert breached.the(EscalationTakenOver).by == SAM
    assert breached.the(EscalationResolved).outcome == "refund"
    assert breached.escalation is None
    assert "escalation" not in breached.timers
    assert breached.past[0].closed_at == breached.at


def test_the_timer_of_an_earlier_lease_does_not_end_a_later_one(breached: Desk) -> None:
    breached.press(SAM)
    earlier = breached.timers["escalation"].timer
    breached.press(SAM, "take_over")
    breached.fire(earlier)
    assert breached.escalation is not None
    assert breached.escalation.holder == SAM


def test_only_who_has_it_may_end_it(breached: Desk) -> None:
    with pytest.raises(actions.RefusedError, match="It is raised"):
        breached.do(partial(settle, by=SAM, role="supervisor", settlement=Settlement("answer", "")))
    breached.press(SAM)
    with pytest.raises(actions.RefusedError, match="It is acknowledged by sam"):
        breached.do(partial(actions.hand_back, by=MIA, guidance="offer a credit"))
    breached.do(partial(actions.hand_back, by=SAM, guidance="offer a credit"))
    assert breached.the(EscalationHandedBack).guidance == "offer a credit"


def test_referred_up_by_hand_until_there_is_nobody_above(breached: Desk) -> None:
    breached.press(SAM)
    breached.do(partial(actions.refer_up, by=SAM, reason="above my limit"))
    climbed = breached.the(EscalationClimbed)
    assert climbed.reason == "referred up by sam: above my limit"
    assert climbed.lateness_ms is None
    breached.press(MIA)
    with pytest.raises(actions.RefusedError, match="Nobody is on duty above managers"):
        breached.do(partial(actions.refer_up, by=MIA, reason="too hard"))


def test_a_working_lease_that_runs_out_at_the_top_is_not_silent(breached: Desk) -> None:
    breached.wait_until(15)
    breached.press(MIA, "take_over")
    breached.wait_until(15 + 60)
    assert breached.the(EscalationUnanswered).level == 1
    assert breached.paged()[-2:] == [(MIA, "repeated"), (OPERATIONS, "unanswered")]
    assert breached.all(PageRequested)[-1].why.startswith("Lease of mia expired.")


def test_a_referral_and_a_breach_are_one_escalation(desk: Desk) -> None:
    desk.receive()
    desk.assign()
    desk.wait_until(6)
    desk.refer()
    desk.wait_until(10)
    assert desk.the(EscalationRaised).cause == "referral"
    assert desk.the(EscalationReasonAdded).cause == "breach"
    assert desk.the(EscalationReasonAdded).severity == "high"
    assert [person for person, reason in desk.paged() if reason == "raised"] == [SAM]


def test_a_customer_may_always_ask(desk: Desk) -> None:
    desk.receive()
    desk.assign()
    desk.ask_for_supervisor()
    page = desk.all(PageRequested)[-1]
    assert page.headline == "Billing ticket from Ada Lovelace: customer asks for a supervisor"
    assert 'Customer: "Your boss!"' in page.why


def test_resolved_below_closes_upstairs(breached: Desk) -> None:
    breached.resolve()
    assert breached.the(EscalationClosed).reason == "contact resolved by rita"
    assert breached.timers == {}
    breached.ask_for_supervisor()
    breached.refer()
    assert breached.escalation is None


def test_resolved_without_a_reply_cancels_that_promise(desk: Desk) -> None:
    desk.receive()
    desk.wait_until(1)
    desk.resolve()
    assert [event.clock for event in desk.all(ClockCancelled)] == ["assignment", "first_response"]
    assert [event.clock for event in desk.all(ClockMet)] == ["resolution"]
    desk.wait_until(1000)
    assert desk.all(ClockBreached) == []


def test_reopened_promises_a_resolution_anew(desk: Desk) -> None:
    desk.receive()
    desk.assign()
    desk.reply()
    desk.wait_until(50)
    desk.resolve()
    desk.wait_until(90)
    desk.reopen()
    assert [one.clock for one in desk.all(ClocksStarted)[-1].clocks] == ["resolution"]
    desk.wait_until(189)
    assert desk.all(ClockBreached) == []
    desk.wait_until(190)
    assert desk.the(ClockBreached).clock == "resolution"


def test_a_reply_in_time_that_is_heard_of_too_late_stays_a_breach(breached: Desk) -> None:
    breached.reply(happened=9)
    clock = breached.watch.clock("first_response")
    assert clock is not None
    assert clock.state == "breached"
    assert clock.met_at == START + timedelta(seconds=9)


def test_a_late_reply_breaches_even_if_the_timer_is_later_still(desk: Desk) -> None:
    desk.receive()
    desk.assign()
    desk.now = 12
    desk.reply(happened=11)
    assert [event.clock for event in desk.all(ClockBreached)] == ["first_response"]
    desk.wait_until(13)
    assert len(desk.all(ClockBreached)) == 1
    assert len(desk.all(ClockWarned)) == 1


def test_a_service_whose_clock_is_ahead_makes_nothing_fire_early(desk: Desk) -> None:
    desk.receive()
    desk.assign()
    desk.wait_until(9)
    desk.reply(happened=12)
    assert desk.all(ClockBreached) == []


def test_an_empty_level_is_skipped_and_says_so(desk: Desk) -> None:
    turns = replace(DUTY.rotations[0], starts_at=START + timedelta(days=1))
    later = replace(DUTY, rotations=(turns,))
    desk.settings = replace(SETTINGS, schedules={"supervisors": Versioned("supervisors", 2, later)})
    desk.receive()
    desk.ask_for_supervisor()
    assert desk.the(EscalationRaised).level == 0
    assert desk.the(EscalationClimbed).reason == "nobody on duty at supervisors"
    assert desk.paged() == [(MIA, "raised")]


def test_with_nobody_anywhere_it_looks_again_until_there_is(desk: Desk) -> None:
    turns = replace(DUTY.rotations[0], starts_at=START + timedelta(seconds=20))
    later = replace(DUTY, rotations=(turns,))
    ladder = replace(LADDER, levels=LADDER.levels[:1])
    desk.settings = replace(
        SETTINGS,
        schedules={"supervisors": Versioned("supervisors", 2, later)},
        ladders={"default": Versioned("default", 2, ladder)},
    )
    desk.receive()
    desk.assign()
    desk.ask_for_supervisor()
    assert desk.surprises == ["nobody_on_duty"]
    desk.wait_until(19)
    assert [page for page in desk.paged() if page[1] != "warning"] == [(OPERATIONS, "unanswered")]
    desk.wait_until(24)
    assert (SAM, "raised") in desk.paged()


def test_without_a_policy_or_ladder_a_customer_is_still_heard(desk: Desk) -> None:
    desk.settings = Configuration()
    desk.receive()
    desk.ask_for_supervisor()
    assert desk.all(ClocksStarted) == []
    assert desk.surprises == ["no_policy_matches", "nobody_on_duty"]
    assert desk.the(EscalationRaised).ladder_version == 0
    desk.settings = SETTINGS
    desk.wait_until(60)
    assert desk.paged() == [(OPERATIONS, "unanswered"), (SAM, "raised")]


def test_one_who_covers_two_levels_is_not_paged_twice_in_climbing(desk: Desk) -> None:
    shared = replace(LADDER.levels[1], who=(Named("person", SAM), Named("person", MIA)))
    ladder = replace(LADDER, levels=(LADDER.levels[0], shared))
    desk.settings = replace(SETTINGS, ladders={"default": Versioned("default", 2, ladder)})
    desk.receive()
    desk.ask_for_supervisor()
    desk.wait_until(5)
    assert [page for page in desk.paged() if page[1] in ("raised", "climbed")] == [
        (SAM, "raised"),
        (MIA, "climbed"),
    ]


def test_topics_may_overtake_each_other() -> None:
    """Whatever comes first of two topics, the end is the same."""
    happened: tuple[tuple[str, Callable[[Desk], None]], ...] = (
        ("contacts", lambda desk: desk.receive(happened=0)),
        ("contacts", lambda desk: desk.resolve(happened=3)),
        ("assignments", lambda desk: desk.assign(happened=1)),
        ("assignments", lambda desk: desk.refer(happened=2)),
    )
    ends = set()
    for order in permutations(happened):
        if order.index(happened[0]) > order.index(happened[1]):
            continue
        if order.index(happened[2]) > order.index(happened[3]):
            continue
        desk = Desk(now=3.5)
        for _, tell in order:
            tell(desk)
        assert desk.escalation is None
        ends.add((desk.watch.representative_id, desk.watch.resolved_at))
        assert "escalation" not in desk.timers
    assert len(ends) == 1


def test_a_referral_that_comes_before_the_contact_waits_for_it(desk: Desk) -> None:
    desk.assign(happened=1)
    desk.refer(happened=2)
    assert desk.published == []
    desk.now = 3
    desk.receive(happened=0)
    assert desk.the(EscalationRaised).cause == "referral"
    assert desk.the(ClockMet).met_at == START + timedelta(seconds=1)


def test_a_referral_from_before_the_resolution_does_not_survive_reopening(desk: Desk) -> None:
    desk.receive()
    desk.now = 10
    desk.resolve(happened=3)
    desk.refer(happened=2)
    desk.reopen()
    assert desk.escalation is None


def test_a_released_representative_is_no_longer_named(desk: Desk) -> None:
    desk.receive()
    desk.assign()
    event = AssignmentReleased(
        contact_id=CONTACT,
        occurred_at=desk.at,
        representative_id=RITA,
        kind="returned",
        reason="end of shift",
    )
    desk.do(partial(reactions.released, event=event))
    desk.ask_for_supervisor()
    assert "Representative: none yet." in desk.all(PageRequested)[-1].why
