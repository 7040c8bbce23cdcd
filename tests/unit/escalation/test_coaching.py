"""The holder of an escalation asks for coaching; the supervisor is paged."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest

from common.contracts.escalations import CoachingRequested, EscalationLeaseRenewed, PageRequested
from common.contracts.event import PersonId
from common.contracts.page_subjects import PagedCoaching
from escalation.domain.escalations import actions
from escalation.domain.settings.people import Person
from escalation.domain.settings.registry import Versioned
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, DAN, MIA, RITA, SAM, SETTINGS

LEA = PersonId("lea")


def reporting(staff: Mapping[str, PersonId]) -> ContactHarness:
    """Return a harness at which sam has acknowledged, where staff reports to others."""
    people = {
        name: Versioned(name, 1, Person(reports_to=superior)) for name, superior in staff.items()
    }
    harness = ContactHarness(settings=replace(SETTINGS, people=people))
    harness.receive()
    harness.assign()
    harness.ask_for_supervisor()
    harness.advance_to(1)
    harness.press(SAM)
    return harness


def coach(
    harness: ContactHarness, person: PersonId = RITA, text: str = "Say sorry sooner."
) -> None:
    harness.apply(partial(actions.request_coaching, by=SAM, person_id=person, text=text))


def test_coaching_request_pages_superior_without_waiting() -> None:
    harness = reporting({RITA: LEA, LEA: MIA})
    coach(harness)
    page = harness.events(PageRequested)[-1]
    assert (page.person_id, page.reason, page.contact_id) == (LEA, "coaching", CONTACT)
    assert page.coaching == PagedCoaching(by=SAM, person_id=RITA, text="Say sorry sooner.")
    assert [cause.cause for cause in page.causes] == ["customer_request"]
    assert page.contact is not None
    assert page.contact.representative_id == RITA
    # It outlives the escalation, whose levels and deadlines are not those of the reader.
    of_the_escalation = (page.escalation_id, page.severity, page.level_name, page.media)
    assert (of_the_escalation, page.respond_by) == ((None, None, None, None), None)


def test_every_coaching_request_pages_and_renews_lease() -> None:
    harness = reporting({RITA: LEA, DAN: LEA})
    coach(harness)
    coach(harness, DAN)
    harness.advance_to(2)
    coach(harness, text="And listen.")
    pages = [page for page in harness.events(PageRequested) if page.reason == "coaching"]
    assert len({page.page_id for page in pages}) == 3
    assert harness.events(EscalationLeaseRenewed)


@pytest.mark.parametrize("staff", [{}, {LEA: MIA}, {RITA: SAM}])
def test_coaching_request_without_superior_pages_nobody(staff: dict[str, PersonId]) -> None:
    harness = reporting(staff)
    coach(harness)
    assert harness.event(CoachingRequested).person_id == RITA
    assert ("coaching" in [reason for _, reason in harness.pages()]) is False


def test_accused_superior_gets_no_coaching_page() -> None:
    harness = reporting({RITA: LEA})
    harness.complain(LEA, by=MIA)
    coach(harness)
    assert harness.event(CoachingRequested).person_id == RITA
    assert LEA not in [person for person, _ in harness.pages()]
