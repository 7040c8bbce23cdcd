"""A complaint is a matter of its own: who may name whom, who judges it, and what it bars."""

from dataclasses import replace
from functools import partial

import msgspec
import pytest

from common.contracts.complaints import (
    ComplaintJudged,
    ComplaintRaised,
    ComplaintWithdrawn,
    Verdict,
)
from common.contracts.contacts import FeedbackReceived
from common.contracts.escalations import EscalationsEvent
from common.contracts.event import PersonId, Role
from escalation.domain import complaints, errors, reactions
from escalation.domain.complaint_model import Complaint
from escalation.domain.complaints import MAX_COMPLAINTS, Judgement
from escalation.domain.escalations import actions
from escalation.domain.settings.people import Person
from escalation.domain.settings.policies import RaiseRules
from escalation.domain.settings.registry import Versioned
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import CONTACT, DAN, KIM, MIA, RITA, SAM
from unit.escalation.test_causes import in_charge, level, organised, raising

LINE = {RITA: SAM, SAM: MIA, MIA: DAN, KIM: MIA, DAN: None}


def in_line(harness: ContactHarness) -> ContactHarness:
    """Rita reports to sam, sam and kim to mia, mia to dan."""
    people: dict[str, Versioned[Person]] = {
        person: Versioned(person, 1, Person(reports_to=manager)) for person, manager in LINE.items()
    }
    harness.settings = replace(harness.settings, people=people)
    return harness


@pytest.fixture
def contact() -> ContactHarness:
    """A contact of rita, whose customer has asked for a supervisor: kim is paged."""
    harness = in_line(in_charge(organised(level("first", KIM), level("second", DAN))))
    harness.ask_for_supervisor()
    return harness


def only(harness: ContactHarness) -> Complaint:
    (complaint,) = harness.complaints.values()
    return complaint


def judge(harness: ContactHarness, by: PersonId, verdict: Verdict, role: Role = "manager") -> None:
    judgement = Judgement(by, role, verdict, "heard both")
    harness.apply(
        lambda situation: complaints.judge(
            situation, harness.escalation or harness.ended[-1], only(harness), judgement
        )
    )


@pytest.mark.parametrize("about", [PersonId("nobody"), KIM, DAN])
def test_complaint_about_person_who_is_not_concerned_is_refused(
    contact: ContactHarness, about: PersonId
) -> None:
    """Kim was paged and did nothing yet; dan complains himself."""
    with pytest.raises((errors.NotConcernedError, errors.UnknownPersonError)):
        contact.apply(partial(reactions.complain, by=DAN, about=about, reason="was rude"))
    assert contact.complaints == {}


def test_person_who_acted_on_escalation_may_be_named(contact: ContactHarness) -> None:
    contact.press(KIM)
    contact.apply(partial(reactions.complain, by=RITA, about=KIM, reason="was rude"))
    assert only(contact).about == KIM
    with pytest.raises(errors.ForbiddenError, match="The complaint is about you"):
        contact.act(KIM, actions.take_over)


def test_same_person_may_not_complain_twice_at_a_time(contact: ContactHarness) -> None:
    contact.complain(RITA, by=KIM)
    with pytest.raises(errors.ComplaintOpenError):
        contact.complain(RITA, by=KIM)
    contact.complain(RITA, by=DAN)
    assert len(contact.events(ComplaintRaised)) == 2


def test_number_of_complaints_about_a_contact_is_limited(contact: ContactHarness) -> None:
    for n in range(MAX_COMPLAINTS):
        contact.complain(RITA, by=PersonId(f"colleague-{n}"))
    with pytest.raises(errors.ComplaintOpenError):
        contact.complain(RITA, by=PersonId("another"))
    assert len(contact.open_escalation.complaints) == MAX_COMPLAINTS


def test_dismissed_complaint_bars_nobody(contact: ContactHarness) -> None:
    contact.press(KIM)
    contact.complain(KIM, by=RITA)
    with pytest.raises(errors.ForbiddenError):
        contact.act(KIM, actions.add_note, text="not true")
    judge(contact, DAN, "dismissed")
    assert contact.event(ComplaintJudged).verdict == "dismissed"
    contact.act(KIM, actions.add_note, text="thank you")
    assert (only(contact).state, only(contact).judged_by) == ("dismissed", DAN)


def test_upheld_complaint_bars_person_from_this_escalation(contact: ContactHarness) -> None:
    contact.press(KIM)
    contact.complain(KIM, by=RITA)
    judge(contact, DAN, "upheld")
    with pytest.raises(errors.ForbiddenError):
        contact.act(KIM, actions.add_note, text="not true")


def test_withdrawn_complaint_bars_nobody(contact: ContactHarness) -> None:
    contact.press(KIM)
    contact.complain(KIM, by=RITA)

    def withdraw(by: PersonId) -> None:
        contact.apply(
            lambda situation: complaints.withdraw(
                situation, contact.open_escalation, only(contact), by
            )
        )

    with pytest.raises(errors.ForbiddenError):
        withdraw(KIM)
    withdraw(RITA)
    assert contact.event(ComplaintWithdrawn).about == KIM
    contact.act(KIM, actions.add_note, text="thank you")
    with pytest.raises(errors.ComplaintClosedError):
        withdraw(RITA)


@pytest.mark.parametrize(
    ("by", "role", "allowed"),
    [
        (RITA, "supervisor", False),
        (SAM, "supervisor", False),
        (MIA, "supervisor", True),
        (DAN, "manager", False),
        (PersonId("other"), "manager", False),
        (PersonId("ops"), "admin", True),
    ],
)
def test_managers_above_direct_one_judge(
    contact: ContactHarness, by: PersonId, role: Role, allowed: bool
) -> None:
    """The complaint is about rita; sam is her manager, dan complains."""
    contact.complain(RITA, by=DAN)
    if allowed:
        judge(contact, by, "dismissed", role)
        return
    with pytest.raises(errors.ForbiddenError):
        judge(contact, by, "dismissed", role)


def test_direct_manager_judges_if_there_is_nobody_above(contact: ContactHarness) -> None:
    contact.complain(MIA, by=KIM)
    judge(contact, DAN, "dismissed")
    assert only(contact).state == "dismissed"


def test_complaint_outlives_its_escalation_and_is_judged_after_it(contact: ContactHarness) -> None:
    contact.complain(RITA, by=KIM)
    contact.advance_to(1)
    contact.press(DAN)
    contact.act(DAN, actions.hand_back, guidance="call")
    judge(contact, MIA, "upheld", "supervisor")
    assert contact.event(ComplaintJudged).about == RITA
    assert contact.ended[-1].complaints[0].state == "upheld"


def test_no_event_says_who_complains_or_what(contact: ContactHarness) -> None:
    contact.apply(partial(reactions.complain, by=KIM, about=RITA, reason="she shouted"))
    contact.advance_to(30)
    judge(contact, MIA, "dismissed", "supervisor")
    sent = [event for event in contact.published if isinstance(event, EscalationsEvent)]
    assert not [event for event in sent if "shouted" in msgspec.json.encode(event).decode()]
    assert only(contact).reason == "she shouted"
    assert all(
        getattr(event, "by", None) != KIM for event in sent if isinstance(event, ComplaintRaised)
    )


def rated(score: int, about: PersonId | None, harness: ContactHarness) -> FeedbackReceived:
    return FeedbackReceived(
        contact_id=CONTACT, occurred_at=harness.at, score=score, comment="rude", about=about
    )


def test_bad_feedback_about_a_person_is_the_customers_complaint() -> None:
    harness = in_charge(raising(RaiseRules(feedback_at_most=2)))
    harness.resolve()
    harness.send(rated(1, RITA, harness))
    harness.send(rated(2, RITA, harness))
    assert (only(harness).by, only(harness).about, only(harness).reason) == (None, RITA, "rude")
    assert [cause.reason for cause in harness.open_escalation.causes] == [""]


def test_bad_feedback_about_stranger_is_no_complaint() -> None:
    harness = in_charge(raising(RaiseRules(feedback_at_most=2)))
    harness.resolve()
    harness.send(rated(1, MIA, harness))
    assert harness.complaints == {}
    assert harness.open_escalation.causes[0].reason == "rude"
