"""The way of one contact, on a clock that the test moves."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from msgspec import structs

from common.contracts.assignments import AssignmentReleased
from common.contracts.clocks import (
    ClockBreached,
    ClockCancelled,
    ClockMet,
    ClocksStarted,
    ClockWarned,
)
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationCauseAdded,
    EscalationClimbed,
    EscalationClosed,
    EscalationHandedBack,
    EscalationRaised,
    EscalationResolved,
    EscalationTakenOver,
    EscalationUnanswered,
    PagedCause,
    PageRequested,
)
from common.contracts.event import OPERATIONS, CustomerId
from common.contracts.page_subjects import PagedContact
from escalation.domain import errors
from escalation.domain.escalations import actions
from escalation.domain.escalations.approvals import resolve
from escalation.domain.money import ProposedOutcome
from escalation.domain.settings.ladders import NamedPerson
from escalation.domain.settings.registry import Configuration, Versioned
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import (
    CONTACT,
    DUTY,
    LADDER,
    MIA,
    RITA,
    SAM,
    SETTINGS,
    START,
    contact_received,
    second,
)


@pytest.fixture
def harness() -> ContactHarness:
    return ContactHarness()


def test_contact_handled_in_time_pages_nobody(harness: ContactHarness) -> None:
    harness.receive()
    harness.advance_to(1)
    harness.assign()
    harness.advance_to(3)
    harness.reply()
    harness.advance_to(50)
    harness.resolve()
    assert [met.clock for met in harness.events(ClockMet)] == [
        "assignment",
        "first_response",
        "resolution",
    ]
    assert harness.pages() == []
    assert harness.timers == {}


def test_page_names_the_campaign_of_its_contact(harness: ContactHarness) -> None:
    harness.send(structs.replace(contact_received(harness.at), campaign="recall-7"))
    harness.advance_to(1)
    harness.assign()
    harness.advance_to(10)
    contacts = [page.contact for page in harness.events(PageRequested)]
    assert {contact and contact.campaign for contact in contacts} == {"recall-7"}


def test_late_first_response_warns_representative_then_pages_supervisor(
    breached: ContactHarness,
) -> None:
    assert breached.pages() == [(RITA, "warning"), (SAM, "raised")]
    warning, page = breached.events(PageRequested)
    (danger,) = warning.causes
    assert (danger.cause, danger.clock, danger.clock_state) == (
        "warning",
        "first_response",
        "running",
    )
    assert danger.reason == "No reply within 10 s (policy gold v3)"
    assert warning.respond_by == START + timedelta(seconds=10)
    assert (
        page.contact
        == warning.contact
        == PagedContact(
            channel="ticket",
            topic="billing",
            subject="Charged twice",
            priority="high",
            language="en",
            tier="standard",
            customer_name="Ada Lovelace",
            customer_id=CustomerId("c"),
            representative_id=RITA,
        )
    )
    assert page.causes == (
        PagedCause(
            cause="breach",
            reason="No reply within 10 s (policy gold v3)",
            at=second(10),
            clock="first_response",
            due_at=second(10),
            clock_state="breached",
        ),
    )
    assert (page.level_name, page.explanation) == ("supervisors", None)
    assert page.respond_by == START + timedelta(seconds=15)
    assert breached.event(EscalationRaised).cause == "breach"


def test_unassigned_contact_warns_people_on_duty(harness: ContactHarness) -> None:
    harness.receive()
    harness.advance_to(2)
    assert harness.pages() == [(SAM, "warning")]
    assert harness.event(ClockWarned).threshold_percent == 50
    assert harness.event(PageRequested).on_duty


def test_page_says_who_is_asked_as_who_is_on_duty(breached: ContactHarness) -> None:
    breached.advance_to(15)
    pages = [(page.person_id, page.on_duty) for page in breached.events(PageRequested)]
    assert pages == [(RITA, False), (SAM, True), (MIA, False)]


def test_unanswered_escalation_climbs_and_top_is_paged_repeatedly(breached: ContactHarness) -> None:
    breached.advance_to(15)
    climbed = breached.event(EscalationClimbed)
    assert (climbed.from_level, climbed.to_level) == (0, 1)
    assert climbed.reason == "no answer from sam"
    page = breached.events(PageRequested)[-1]
    assert page.explanation == "no answer from sam"
    assert [cause.reason for cause in page.causes] == ["No reply within 10 s (policy gold v3)"]
    breached.advance_to(15 + 7 + 14)
    assert len(breached.events(EscalationUnanswered)) == 2
    assert breached.pages()[2:] == [
        (MIA, "climbed"),
        (MIA, "repeated"),
        (OPERATIONS, "unanswered"),
        (MIA, "repeated"),
    ]
    pages = breached.events(PageRequested)
    assert len({page.page_id for page in pages}) == len(pages)


def test_lateness_is_delay_of_timer(harness: ContactHarness) -> None:
    harness.receive()
    harness.assign()
    harness.advance_to(30, lag=0.025)
    assert harness.events(ClockBreached)[0].lateness_ms == pytest.approx(25)
    assert harness.events(EscalationClimbed)[0].lateness_ms == pytest.approx(25)


def test_acknowledgement_is_a_lease_that_expires(breached: ContactHarness) -> None:
    breached.press(SAM)
    assert breached.event(EscalationAcknowledged).lease_expires_at == breached.at + timedelta(
        seconds=20
    )
    breached.advance_to(29.9)
    assert breached.events(EscalationClimbed) == []
    breached.advance_to(30)
    assert breached.event(EscalationClimbed).reason == "lease of sam expired"
    assert breached.pages()[-1] == (MIA, "climbed")


def test_person_paged_first_may_still_answer_after_climbing(breached: ContactHarness) -> None:
    breached.advance_to(15.001)
    breached.press(SAM)
    breached.press(MIA)
    assert breached.event(EscalationAcknowledged).by == SAM
    assert breached.surprises == ["late_action_ignored"]


def test_second_answer_is_refused_while_the_first_holds(breached: ContactHarness) -> None:
    breached.press(SAM)
    with pytest.raises(errors.RefusedError, match="It is acknowledged by sam"):
        breached.apply(partial(actions.acknowledge, by=MIA))
    with pytest.raises(errors.RefusedError, match="It is acknowledged by sam"):
        breached.apply(partial(actions.take_over, by=MIA))


def test_taken_over_and_resolved(breached: ContactHarness) -> None:
    breached.press(SAM, "take_over")
    breached.apply(
        partial(resolve, by=SAM, role="supervisor", proposed=ProposedOutcome("other", "explained"))
    )
    assert breached.event(EscalationTakenOver).by == SAM
    assert breached.event(EscalationResolved).outcome == "other"
    assert breached.escalation is None
    assert "escalation" not in breached.timers
    assert breached.ended[0].closed_at == breached.at


def test_timer_of_an_earlier_lease_does_not_end_a_later_one(breached: ContactHarness) -> None:
    breached.press(SAM)
    earlier = breached.timers["escalation"].timer
    breached.press(SAM, "take_over")
    breached.send(earlier)
    assert breached.escalation is not None
    assert breached.escalation.holder == SAM


def test_only_holder_may_end_escalation(breached: ContactHarness) -> None:
    with pytest.raises(errors.RefusedError, match="It is raised"):
        breached.apply(
            partial(resolve, by=SAM, role="supervisor", proposed=ProposedOutcome("answer", ""))
        )
    breached.press(SAM)
    with pytest.raises(errors.RefusedError, match="It is acknowledged by sam"):
        breached.apply(partial(actions.hand_back, by=MIA, guidance="offer a credit"))
    breached.apply(partial(actions.hand_back, by=SAM, guidance="offer a credit"))
    assert breached.event(EscalationHandedBack).guidance == "offer a credit"


def test_referred_up_by_hand_until_there_is_nobody_above(breached: ContactHarness) -> None:
    breached.press(SAM)
    breached.apply(partial(actions.refer_up, by=SAM, reason="above my limit"))
    climbed = breached.event(EscalationClimbed)
    assert climbed.reason == "referred up by sam: above my limit"
    assert climbed.lateness_ms is None
    breached.press(MIA)
    with pytest.raises(errors.RefusedError, match="Nobody is on duty above managers"):
        breached.apply(partial(actions.refer_up, by=MIA, reason="too hard"))


def test_working_lease_expired_at_top_pages_again(breached: ContactHarness) -> None:
    breached.advance_to(15)
    breached.press(MIA, "take_over")
    breached.advance_to(15 + 60)
    assert breached.event(EscalationUnanswered).level == 1
    assert breached.pages()[-2:] == [(MIA, "repeated"), (OPERATIONS, "unanswered")]
    assert breached.last_page.explanation == "lease of mia expired"


def test_referral_and_a_breach_are_one_escalation(harness: ContactHarness) -> None:
    harness.receive()
    harness.assign()
    harness.advance_to(6)
    harness.refer()
    harness.advance_to(10)
    assert harness.event(EscalationRaised).cause == "referral"
    assert harness.event(EscalationCauseAdded).cause == "breach"
    assert harness.event(EscalationCauseAdded).severity == "high"
    assert [person for person, reason in harness.pages() if reason == "raised"] == [SAM]


def test_customer_request_is_always_escalated(harness: ContactHarness) -> None:
    harness.receive()
    harness.assign()
    harness.ask_for_supervisor()
    page = harness.events(PageRequested)[-1]
    (cause,) = page.causes
    assert (cause.cause, cause.reason) == ("customer_request", "Your boss!")


def test_resolved_contact_closes_escalation(breached: ContactHarness) -> None:
    breached.resolve()
    assert breached.event(EscalationClosed).reason == "contact resolved by rita"
    assert breached.timers == {}
    breached.ask_for_supervisor()
    breached.refer()
    assert breached.escalation is None


def test_resolution_without_reply_cancels_first_response(harness: ContactHarness) -> None:
    harness.receive()
    harness.advance_to(1)
    harness.resolve()
    assert [event.clock for event in harness.events(ClockCancelled)] == [
        "assignment",
        "first_response",
    ]
    assert [event.clock for event in harness.events(ClockMet)] == ["resolution"]
    harness.advance_to(1000)
    assert harness.events(ClockBreached) == []


def test_reopening_starts_all_clocks_again(harness: ContactHarness) -> None:
    harness.receive()
    harness.assign()
    harness.reply()
    harness.advance_to(50)
    harness.resolve()
    harness.advance_to(90)
    harness.reopen()
    running = {clock.name for clock in harness.contact.clocks if not clock.ended}
    assert running == {"assignment", "first_response", "resolution"}
    harness.assign()
    harness.reply()
    harness.advance_to(189)
    assert harness.events(ClockBreached) == []
    harness.advance_to(190)
    assert harness.event(ClockBreached).clock == "resolution"


def test_empty_level_is_skipped_with_reason(harness: ContactHarness) -> None:
    turns = replace(DUTY.rotations[0], starts_at=START + timedelta(days=1))
    later = replace(DUTY, rotations=(turns,))
    harness.settings = replace(
        SETTINGS, schedules={"supervisors": Versioned("supervisors", 2, later)}
    )
    harness.receive()
    harness.ask_for_supervisor()
    assert harness.event(EscalationRaised).level == 0
    assert harness.event(EscalationClimbed).reason == "nobody on duty at supervisors"
    assert harness.pages() == [(MIA, "raised")]


def test_escalation_without_people_retries_until_somebody_is_on_duty(
    harness: ContactHarness,
) -> None:
    turns = replace(DUTY.rotations[0], starts_at=START + timedelta(seconds=20))
    later = replace(DUTY, rotations=(turns,))
    ladder = replace(LADDER, levels=LADDER.levels[:1])
    harness.settings = replace(
        SETTINGS,
        schedules={"supervisors": Versioned("supervisors", 2, later)},
        ladders={"default": Versioned("default", 2, ladder)},
    )
    harness.receive()
    harness.assign()
    harness.ask_for_supervisor()
    assert harness.surprises == ["nobody_on_duty"]
    harness.advance_to(19)
    assert [page for page in harness.pages() if page[1] != "warning"] == [
        (OPERATIONS, "unanswered")
    ]
    harness.advance_to(24)
    assert (SAM, "raised") in harness.pages()


def test_customer_request_without_policy_or_ladder_is_escalated(harness: ContactHarness) -> None:
    harness.settings = Configuration()
    harness.receive()
    harness.ask_for_supervisor()
    assert harness.events(ClocksStarted) == []
    assert harness.surprises == ["no_policy_matches", "nobody_on_duty"]
    assert harness.event(EscalationRaised).ladder_version == 0
    harness.settings = SETTINGS
    harness.advance_to(60)
    assert harness.pages() == [(OPERATIONS, "unanswered"), (SAM, "raised")]


def test_person_of_two_levels_is_not_paged_twice_in_climbing(harness: ContactHarness) -> None:
    shared = replace(LADDER.levels[1], who=(NamedPerson("person", SAM), NamedPerson("person", MIA)))
    ladder = replace(LADDER, levels=(LADDER.levels[0], shared))
    harness.settings = replace(SETTINGS, ladders={"default": Versioned("default", 2, ladder)})
    harness.receive()
    harness.ask_for_supervisor()
    harness.advance_to(5)
    assert [page for page in harness.pages() if page[1] in ("raised", "climbed")] == [
        (SAM, "raised"),
        (MIA, "climbed"),
    ]


def test_released_representative_is_not_in_page(harness: ContactHarness) -> None:
    harness.receive()
    harness.assign()
    event = AssignmentReleased(
        contact_id=CONTACT,
        occurred_at=harness.at,
        representative_id=RITA,
        kind="returned",
        reason="end of shift",
    )
    harness.send(event)
    harness.ask_for_supervisor()
    contact = harness.last_page.contact
    assert contact is not None
    assert contact.representative_id is None
