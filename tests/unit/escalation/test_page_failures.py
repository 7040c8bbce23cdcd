"""A page that reaches nobody: the escalation goes on at once, and operations hear of it."""

from dataclasses import replace

import pytest
from msgspec import structs

from common.contracts.escalations import (
    ApprovalAsked,
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationPageFailed,
    EscalationUnanswered,
    PageRequested,
)
from common.contracts.event import OPERATIONS, NotificationId, PersonId
from common.contracts.notifications import Medium, NotificationFailed
from escalation.domain.escalations import actions
from escalation.domain.settings.ladders import Level, NamedPerson, TeamSupervisors
from unit.escalation.action_examples import THREE_LEVELS, resolve_with_refund, settings_with
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, DAN, KIM, MIA, SAM
from unit.escalation.test_ladders import TOP, escalated, first, settings


def last_page(harness: ContactHarness, person: PersonId) -> PageRequested:
    pages = harness.events(PageRequested)
    return next(page for page in reversed(pages) if page.person_id == person)


def failure(
    page: PageRequested,
    harness: ContactHarness,
    medium: Medium | None = None,
    media: tuple[Medium, ...] = (),
    reason: str = "no such recipient",
) -> NotificationFailed:
    return NotificationFailed(
        contact_id=CONTACT,
        occurred_at=harness.at,
        notification_id=NotificationId("n"),
        page_id=page.page_id,
        person_id=page.person_id,
        medium=medium,
        page_media=media,
        attempts=0,
        reason=reason,
    )


def fail(harness: ContactHarness, person: PersonId) -> None:
    harness.send(failure(last_page(harness, person), harness))


SAM_THEN_TOP = settings(first(NamedPerson("person", SAM)), TOP)
SAM_AND_KIM = first(NamedPerson("person", SAM), NamedPerson("person", KIM))


def test_level_that_nobody_was_reached_at_is_left_at_once_with_the_reason() -> None:
    harness = escalated(SAM_THEN_TOP)
    harness.advance_to(1)
    fail(harness, SAM)
    climbed = harness.event(EscalationClimbed)
    assert climbed.occurred_at == harness.at
    assert climbed.reason == "sam not reached (no such recipient)"
    assert (climbed.lateness_ms, climbed.waited_for) == (None, None)
    failed = harness.event(EscalationPageFailed)
    assert (failed.person_id, failed.level_name, failed.reason) == (
        SAM,
        "first",
        "no such recipient",
    )
    assert harness.pages() == [(SAM, "raised"), (OPERATIONS, "unreachable"), (DAN, "climbed")]
    assert harness.last_page.explanation == climbed.reason


def test_climb_names_whom_no_message_reached_where_that_is_why() -> None:
    harness = escalated(SAM_THEN_TOP)
    fail(harness, SAM)
    assert harness.event(EscalationClimbed).unreached == (SAM,)
    waited = escalated(settings(SAM_AND_KIM, TOP))
    fail(waited, SAM)
    waited.advance_to(5)
    assert waited.event(EscalationClimbed).unreached == (SAM,)


@pytest.mark.parametrize("state", ["raised", "acknowledged"])
def test_climb_that_a_person_asked_for_is_not_put_down_to_a_failed_message(state: str) -> None:
    harness = escalated(settings(SAM_AND_KIM, TOP))
    fail(harness, SAM)
    if state == "acknowledged":
        harness.press(KIM)
    harness.act(KIM, actions.refer_up, reason="above my limit")
    climbed = harness.event(EscalationClimbed)
    assert (climbed.reason, climbed.unreached) == ("referred up by kim: above my limit", ())


def test_climb_of_a_lease_that_is_over_is_not_put_down_to_a_failed_message() -> None:
    harness = escalated(settings(SAM_AND_KIM, TOP))
    fail(harness, SAM)
    harness.press(KIM)
    harness.advance_to(24 * 60)
    climbed = harness.event(EscalationClimbed)
    assert (climbed.waited_for, climbed.unreached) == ("lease", ())


def test_operations_are_told_who_was_not_reached_whatever_becomes_of_the_escalation() -> None:
    harness = escalated(SAM_THEN_TOP)
    fail(harness, SAM)
    page = last_page(harness, OPERATIONS)
    assert (page.escalation_id, page.media, page.level_name) == (None, None, "first")
    assert page.explanation == "sam not reached (no such recipient)"


def test_level_waits_while_one_of_its_people_was_reached() -> None:
    harness = escalated(settings(SAM_AND_KIM, TOP))
    fail(harness, SAM)
    assert harness.event(EscalationPageFailed).person_id == SAM
    assert harness.events(EscalationClimbed) == []
    harness.advance_to(5)
    assert harness.event(EscalationClimbed).reason == (
        "no answer from kim; sam not reached (no such recipient)"
    )


def test_level_is_left_once_the_last_of_its_people_was_not_reached() -> None:
    harness = escalated(settings(SAM_AND_KIM, TOP))
    fail(harness, KIM)
    fail(harness, SAM)
    assert harness.event(EscalationClimbed).reason == (
        "sam not reached (no such recipient); kim not reached (no such recipient)"
    )
    assert harness.pages()[2:] == [(OPERATIONS, "unreachable"), (DAN, "climbed")]


@pytest.mark.parametrize("order", [("slack", "email"), ("email", "slack")])
def test_person_is_unreached_once_every_medium_of_the_page_has_failed(
    order: tuple[Medium, Medium],
) -> None:
    harness = escalated(SAM_THEN_TOP)
    page = last_page(harness, SAM)
    harness.send(failure(page, harness, order[0], ("slack", "email"), "user_not_found"))
    harness.send(failure(page, harness, order[0], ("slack", "email"), "user_not_found"))
    assert not harness.events(EscalationPageFailed)
    assert not harness.events(EscalationClimbed)
    harness.send(failure(page, harness, order[1], ("slack", "email"), "mailbox unknown: 550"))
    assert harness.event(EscalationClimbed).reason == "sam not reached (mailbox unknown, 550)"


def test_next_in_turn_is_paged_at_once() -> None:
    harness = escalated(settings(first(TeamSupervisors("team_supervisors"), ask="in_turn"), TOP))
    fail(harness, SAM)
    assert harness.pages() == [(SAM, "raised"), (KIM, "repeated")]
    fail(harness, KIM)
    assert harness.pages()[2:] == [(OPERATIONS, "unreachable"), (DAN, "climbed")]


def test_person_reached_earlier_in_turn_is_asked_as_often_as_the_level_says() -> None:
    level = first(TeamSupervisors("team_supervisors"), ask="in_turn", repeats=1)
    harness = escalated(settings(level, TOP))
    harness.advance_to(5)
    fail(harness, KIM)
    assert harness.pages() == [(SAM, "raised"), (KIM, "repeated"), (SAM, "repeated")]


def test_repeats_of_a_level_are_left_out_if_nobody_was_reached() -> None:
    harness = escalated(settings(first(NamedPerson("person", SAM), repeats=3), TOP))
    fail(harness, SAM)
    assert harness.pages()[-1] == (DAN, "climbed")


def test_unreachable_ladder_raises_the_alarm_at_once_and_pages_no_more_than_its_timer() -> None:
    harness = escalated(SAM_THEN_TOP)
    fail(harness, SAM)
    fail(harness, DAN)
    alarm = harness.event(EscalationUnanswered)
    assert (alarm.standing_since, alarm.occurred_at) == (harness.at, harness.at)
    assert harness.pages() == [
        (SAM, "raised"),
        (OPERATIONS, "unreachable"),
        (DAN, "climbed"),
        (OPERATIONS, "unanswered"),
    ]
    assert harness.last_page.explanation == "dan not reached (no such recipient)"
    harness.advance_to(6.9)
    assert len(harness.pages()) == 4
    for _ in range(3):
        harness.advance_to(harness.now + 1000)
        fail(harness, DAN)
    assert harness.pages().count((OPERATIONS, "unanswered")) == 1
    assert harness.open_escalation.alarm_since == alarm.occurred_at


def test_person_who_was_not_reached_may_still_answer() -> None:
    harness = escalated(SAM_THEN_TOP)
    fail(harness, SAM)
    harness.press(SAM)
    assert harness.event(EscalationAcknowledged).by == SAM


@pytest.mark.parametrize("later", ["acknowledged", "climbed", "resolved"])
def test_late_failure_changes_nothing(later: str) -> None:
    harness = escalated(SAM_THEN_TOP)
    late = failure(last_page(harness, SAM), harness)
    if later == "acknowledged":
        harness.press(SAM)
    elif later == "climbed":
        harness.advance_to(5)
    else:
        harness.resolve()
    before, published = harness.escalation, list(harness.published)
    harness.send(late)
    assert harness.escalation is before
    assert harness.published == published


def test_failure_of_an_earlier_turn_does_not_end_the_turn_of_the_next() -> None:
    harness = escalated(settings(first(TeamSupervisors("team_supervisors"), ask="in_turn"), TOP))
    late = failure(last_page(harness, SAM), harness)
    harness.advance_to(5)
    harness.send(late)
    assert harness.pages() == [(SAM, "raised"), (KIM, "repeated")]


def test_hand_over_to_somebody_unreached_at_the_top_comes_back_to_the_level() -> None:
    harness = escalated(settings(TOP))
    harness.press(DAN)
    harness.act(DAN, actions.hand_over, to=KIM, context="knows the case")
    fail(harness, KIM)
    assert harness.pages()[-2:] == [(OPERATIONS, "unreachable"), (DAN, "repeated")]


def test_approvers_who_were_not_reached_are_passed_over_at_once() -> None:
    harness = ContactHarness(settings_with(THREE_LEVELS))
    harness.receive()
    harness.ask_for_supervisor()
    harness.press(SAM)
    resolve_with_refund(harness, SAM, 500)
    fail(harness, MIA)
    assert [request.approvers for request in harness.events(ApprovalAsked)] == [(MIA,), (DAN,)]
    fail(harness, DAN)
    assert harness.pages()[-3:] == [
        (OPERATIONS, "unreachable"),
        (DAN, "approval_asked"),
        (OPERATIONS, "unanswered"),
    ]
    assert len(harness.events(ApprovalAsked)) == 2


def test_page_that_fails_for_another_reason_than_an_answer_changes_nothing() -> None:
    harness = escalated(settings(replace(TOP, name="only"), Level("b", 9, TOP.who)))
    page = last_page(harness, DAN)
    other = structs.replace(page, page_id="0199c1f0-2222-7bd3-8f5e-0d5f3f7f2c99")
    before = harness.escalation
    harness.send(failure(other, harness))
    assert harness.escalation is before
