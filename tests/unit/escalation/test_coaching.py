"""Coaching that whoever has an escalation asks for, and who is told of it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest

from common.contracts.escalations import CoachingRequested, EscalationLeaseRenewed, PageRequested
from common.contracts.event import PersonId
from escalation.domain import reactions
from escalation.domain.escalations import actions
from escalation.domain.settings.people import Person
from escalation.domain.settings.registry import Versioned
from unit.escalation.desk import CONTACT, DAN, MIA, RITA, SAM, SETTINGS, Desk

LEA = PersonId("lea")


def reporting(staff: Mapping[str, PersonId]) -> Desk:
    """Return a desk at which sam has acknowledged, where staff reports to others."""
    people = {
        name: Versioned(name, 1, Person(reports_to=superior)) for name, superior in staff.items()
    }
    desk = Desk(settings=replace(SETTINGS, people=people))
    desk.receive()
    desk.assign()
    desk.ask_for_supervisor()
    desk.wait_until(1)
    desk.press(SAM)
    return desk


def coach(desk: Desk, person: PersonId = RITA, text: str = "Say sorry sooner.") -> None:
    desk.do(partial(actions.request_coaching, by=SAM, person_id=person, text=text))


def test_it_is_told_to_the_superior_and_waits_for_no_answer() -> None:
    desk = reporting({RITA: LEA, LEA: MIA})
    coach(desk)
    page = desk.all(PageRequested)[-1]
    assert (page.person_id, page.reason, page.contact_id) == (LEA, "coaching", CONTACT)
    assert page.headline == "Billing ticket from Ada Lovelace: customer asks for a supervisor"
    assert page.why.startswith("sam asks you to coach rita: Say sorry sooner. Representative: rita")
    # It outlives the escalation, whose levels and deadlines are not those of the reader.
    of_the_escalation = (page.escalation_id, page.severity, page.level_name, page.media)
    assert (of_the_escalation, page.respond_by) == ((None, None, None, None), None)


def test_each_wish_is_told_and_renews_the_lease() -> None:
    desk = reporting({RITA: LEA, DAN: LEA})
    coach(desk)
    coach(desk, DAN)
    desk.wait_until(2)
    coach(desk, text="And listen.")
    told = [page for page in desk.all(PageRequested) if page.reason == "coaching"]
    assert len({page.page_id for page in told}) == 3
    assert desk.all(EscalationLeaseRenewed)


@pytest.mark.parametrize("staff", [{}, {LEA: MIA}, {RITA: SAM}])
def test_with_nobody_else_above_it_is_only_noted(staff: dict[str, PersonId]) -> None:
    desk = reporting(staff)
    coach(desk)
    assert desk.the(CoachingRequested).person_id == RITA
    assert ("coaching" in [reason for _, reason in desk.paged()]) is False


def test_who_is_complained_about_is_not_asked_to_coach() -> None:
    desk = reporting({RITA: LEA})
    desk.do(partial(reactions.raised_by_hand, by=MIA, reason="rude", about=LEA))
    coach(desk)
    assert desk.the(CoachingRequested).person_id == RITA
    assert LEA not in [person for person, _ in desk.paged()]
