"""What takes a contact upstairs, what joins it there, and who may not judge it."""

from dataclasses import replace
from functools import partial

import pytest
from msgspec import structs

from common.contracts.contacts import Customer, FeedbackReceived, Tier
from common.contracts.escalations import (
    EscalationCauseAdded,
    EscalationClosed,
    EscalationRaised,
    EscalationUnanswered,
    PageRequested,
)
from common.contracts.event import OPERATIONS, CustomerId, PersonId
from escalation.domain import errors, reactions
from escalation.domain.escalations import actions, approvals
from escalation.domain.escalations.responders import may_act
from escalation.domain.model import Resolution
from escalation.domain.money import ProposedOutcome
from escalation.domain.settings.ladders import (
    Ladder,
    Level,
    NamedPerson,
    PersonOnDuty,
    TeamSupervisors,
)
from escalation.domain.settings.people import Person, Team
from escalation.domain.settings.policies import RaiseRules, RepeatRule
from escalation.domain.settings.registry import Configuration, Versioned
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import (
    CONTACT,
    DAN,
    KIM,
    MIA,
    POLICY,
    RITA,
    SAM,
    SETTINGS,
    contact_received,
)

WEEK = RepeatRule(contacts=3, within_days=7)


def raising(when: RaiseRules) -> Configuration:
    policy = replace(POLICY, raise_when=when)
    return replace(SETTINGS, policies={"gold": Versioned("gold", 4, policy)})


def organised(*levels: Level) -> Configuration:
    """Rita reports to sam, sam to mia; sam and kim supervise the team."""
    staff = {RITA: Person(reports_to=SAM), SAM: Person(reports_to=MIA), MIA: Person()}
    staff |= {DAN: Person(), KIM: Person()}
    ladder = Ladder(levels, lease_s=20, working_lease_s=60)
    return replace(
        SETTINGS,
        ladders={"default": Versioned("default", 4, ladder)},
        people={name: Versioned(name, 1, person) for name, person in staff.items()},
        teams={"t": Versioned("t", 1, Team(supervisors=(SAM, KIM)))},
    )


def level(name: str, *people: PersonId) -> Level:
    return Level(name, 5, tuple(NamedPerson("person", person) for person in people))


def receive(harness: ContactHarness, *, tier: Tier = "standard", earlier: int = 0) -> None:
    customer = Customer(customer_id=CustomerId("c"), name="Ada Lovelace", tier=tier)
    event = structs.replace(contact_received(harness.at), customer=customer)
    harness.apply(
        lambda situation: reactions.receive_contact(
            structs.replace(situation, earlier_contacts=earlier), event
        )
    )


def rate(harness: ContactHarness, score: int, comment: str | None = None) -> None:
    event = FeedbackReceived(
        contact_id=CONTACT, occurred_at=harness.at, score=score, comment=comment
    )
    harness.send(event)


def complain(harness: ContactHarness, about: PersonId) -> None:
    harness.complain(about)


def in_charge(settings: Configuration) -> ContactHarness:
    """Return a harness at which rita has a contact on which nothing is overdue."""
    harness = ContactHarness(settings)
    harness.receive()
    harness.assign()
    harness.reply()
    return harness


def test_vip_contact_is_escalated_at_once_if_policy_says_so() -> None:
    harness = ContactHarness(raising(RaiseRules(vip=True)))
    receive(harness, tier="vip")
    assert harness.event(EscalationRaised).cause == "vip"
    page = harness.event(PageRequested)
    (cause,) = page.causes
    assert (cause.cause, cause.reason) == ("vip", "VIP customer (policy gold v4)")


@pytest.mark.parametrize(("vip", "tier"), [(False, "vip"), (True, "premium")])
def test_contact_without_raise_rule_is_not_escalated_on_receipt(vip: bool, tier: Tier) -> None:
    harness = ContactHarness(raising(RaiseRules(vip=vip)))
    receive(harness, tier=tier)
    assert harness.pages() == []


@pytest.mark.parametrize(("earlier", "raised"), [(1, False), (2, True), (5, True)])
def test_repeated_contacts_are_escalated_from_the_threshold_on(earlier: int, raised: bool) -> None:
    harness = ContactHarness(raising(RaiseRules(repeated=WEEK)))
    receive(harness, earlier=earlier)
    assert [event.cause for event in harness.events(EscalationRaised)] == [
        "repeated_contact"
    ] * raised
    if raised:
        contacts = f"{earlier + 1} contacts about billing within 7 d (policy gold v4)"
        assert harness.event(EscalationRaised).reason == contacts


def test_two_causes_at_receipt_give_one_page_of_higher_severity() -> None:
    harness = ContactHarness(raising(RaiseRules(vip=True, repeated=WEEK)))
    receive(harness, tier="vip", earlier=2)
    assert harness.event(EscalationRaised).severity == "medium"
    assert harness.event(EscalationCauseAdded).cause == "repeated_contact"
    page = harness.event(PageRequested)
    assert (page.reason, page.severity) == ("raised", "high")
    assert [cause.cause for cause in page.causes] == ["vip", "repeated_contact"]


def test_severity_of_both_causes_selects_ladder() -> None:
    settings = raising(RaiseRules(vip=True, repeated=WEEK))
    grave = Ladder((level("grave", MIA),), lease_s=20, working_lease_s=60)
    policy = replace(settings.policies["gold"].body, ladder_by_severity={"high": "grave"})
    settings = replace(
        settings,
        policies={"gold": Versioned("gold", 5, policy)},
        ladders={**settings.ladders, "grave": Versioned("grave", 1, grave)},
    )
    harness = ContactHarness(settings)
    receive(harness, tier="vip", earlier=2)
    assert harness.pages() == [(MIA, "raised")]


def test_bad_feedback_on_resolved_contact_is_escalated() -> None:
    harness = in_charge(raising(RaiseRules(feedback_at_most=2)))
    harness.resolve()
    rate(harness, 3)
    assert harness.escalation is None
    rate(harness, 2, "never again")
    assert harness.event(EscalationRaised).reason == "never again"
    (cause,) = harness.event(PageRequested).causes
    assert (cause.cause, cause.reason, cause.score) == ("feedback", "never again", 2)
    assert harness.pages() == [(SAM, "raised")]
    harness.advance_to(5)
    assert harness.pages()[-1] == (MIA, "climbed")
    harness.press(MIA)
    harness.apply(partial(actions.hand_back, by=MIA, guidance="call her"))
    assert harness.escalation is None
    assert harness.timers == {}


def test_feedback_without_policy_rule_is_ignored() -> None:
    harness = in_charge(SETTINGS)
    rate(harness, 1)
    assert harness.escalation is None


def test_complaint_stays_open_when_contact_ends() -> None:
    harness = in_charge(organised(level("first", DAN)))
    complain(harness, RITA)
    harness.resolve()
    assert harness.escalation is not None
    assert harness.events(EscalationClosed) == []
    harness.reopen()
    harness.resolve()
    assert harness.escalation is not None


def test_only_complaint_may_be_raised_on_resolved_contact() -> None:
    harness = in_charge(organised(level("first", DAN)))
    harness.resolve()
    with pytest.raises(errors.ContactNotOpenError):
        harness.apply(partial(reactions.raise_by_hand, by=DAN, reason="look at it"))
    complain(harness, RITA)
    assert harness.event(EscalationRaised).cause == "complaint"
    (cause,) = harness.event(PageRequested).causes
    assert (cause.cause, cause.about, cause.by, cause.reason) == ("complaint", RITA, None, "")


def test_complaint_about_unknown_contact_is_refused() -> None:
    with pytest.raises(errors.ContactNotOpenError):
        complain(ContactHarness(), RITA)


def test_accused_person_is_never_paged() -> None:
    harness = in_charge(organised(level("first", SAM, DAN), level("second", MIA, SAM)))
    complain(harness, SAM)
    harness.advance_to(15)
    assert SAM not in {person for person, _ in harness.pages()}
    assert harness.escalation is not None
    assert not may_act(harness.escalation, SAM)
    assert may_act(harness.escalation, DAN)


def test_line_manager_of_accused_is_paged_together_with_level_above() -> None:
    harness = in_charge(organised(level("first", SAM), level("second", MIA)))
    complain(harness, RITA)
    assert harness.pages() == [(SAM, "raised"), (MIA, "raised")]
    why = "sam may not judge their own representative alone: mia asked too"
    assert {page.explanation for page in harness.events(PageRequested)} == {why}


def test_team_supervisors_of_accused_are_not_paged_alone() -> None:
    team = Level("first", 5, (TeamSupervisors("team_supervisors"),), ask="in_turn")
    harness = in_charge(organised(team, level("second", MIA)))
    complain(harness, RITA)
    assert harness.pages() == [(SAM, "raised"), (MIA, "raised")]
    harness.advance_to(5)
    # Mia was just asked, so kim would be alone.
    assert KIM not in {person for person, _ in harness.pages()}


def test_independent_person_at_level_suffices_for_complaint() -> None:
    harness = in_charge(organised(level("first", SAM, DAN), level("second", MIA)))
    complain(harness, RITA)
    assert harness.pages() == [(SAM, "raised"), (DAN, "raised")]


def test_operations_are_paged_if_only_line_manager_is_left() -> None:
    harness = in_charge(organised(level("first", SAM)))
    complain(harness, RITA)
    assert harness.pages() == [(OPERATIONS, "unanswered")]
    explanation = "sam may not judge their own representative alone"
    assert harness.event(PageRequested).explanation == explanation
    assert harness.event(EscalationUnanswered).standing_since == harness.at


@pytest.mark.parametrize("about", [SAM, RITA])
def test_complaint_takes_escalation_from_conflicted_holder(about: PersonId) -> None:
    harness = in_charge(organised(level("first", SAM), level("second", DAN)))
    harness.ask_for_supervisor()
    harness.press(SAM)
    complain(harness, about)
    assert harness.pages() == [(SAM, "raised"), (DAN, "climbed")]
    assert harness.escalation is not None
    assert (harness.escalation.state, harness.escalation.holder) == ("raised", None)


def test_complaint_leaves_escalation_with_independent_holder() -> None:
    harness = in_charge(organised(level("first", SAM), level("second", MIA)))
    harness.ask_for_supervisor()
    harness.advance_to(5)
    harness.press(MIA)
    complain(harness, RITA)
    assert harness.escalation is not None
    assert harness.escalation.holder == MIA
    assert harness.pages()[2:] == [(MIA, "updated")]


def test_new_kind_of_cause_pages_holder_once() -> None:
    harness = in_charge(SETTINGS)
    harness.ask_for_supervisor()
    harness.press(SAM)
    harness.refer()
    assert harness.pages() == [(SAM, "raised"), (SAM, "updated")]
    page = harness.events(PageRequested)[-1]
    assert page.severity == harness.event(EscalationCauseAdded).severity == "high"
    assert [(cause.cause, cause.reason) for cause in page.causes] == [
        ("customer_request", "Your boss!"),
        ("referral", "too angry for me"),
    ]
    assert (page.causes[-1].by, page.explanation) == (RITA, None)
    harness.refer()
    harness.ask_for_supervisor()
    assert len(harness.pages()) == 2


def test_new_kind_of_cause_pages_awaited_people() -> None:
    harness = in_charge(organised(level("first", SAM, KIM)))
    harness.ask_for_supervisor()
    harness.refer()
    assert harness.pages()[2:] == [(SAM, "updated"), (KIM, "updated")]
    harness.apply(partial(reactions.raise_by_hand, by=DAN, reason="the press calls"))
    assert harness.pages()[4:] == [(SAM, "updated"), (KIM, "updated")]
    pages = [page.page_id for page in harness.events(PageRequested)]
    assert len(pages) == len(set(pages))


def test_new_cause_at_critical_severity_still_pages() -> None:
    policy = replace(POLICY, severity="critical")
    harness = in_charge(replace(SETTINGS, policies={"gold": Versioned("gold", 1, policy)}))
    harness.ask_for_supervisor()
    harness.refer()
    assert harness.event(EscalationCauseAdded).severity == "critical"
    assert harness.pages() == [(SAM, "raised"), (SAM, "updated")]


def test_cause_added_while_nobody_is_awaited_appears_in_next_page() -> None:
    levels = (Level("first", 5, (PersonOnDuty("duty", "supervisors"),)),)
    harness = in_charge(replace(organised(*levels), schedules={}, ladders={}))
    harness.ask_for_supervisor()
    harness.refer()
    assert harness.pages() == [(OPERATIONS, "unanswered")]
    harness.settings = SETTINGS
    harness.advance_to(60)
    page = harness.events(PageRequested)[-1]
    assert page.person_id == SAM
    assert page.causes[-1].reason == "too angry for me"


def test_complaint_cannot_be_handed_over_to_line_manager() -> None:
    harness = in_charge(organised(level("first", SAM, MIA)))
    complain(harness, RITA)
    harness.press(MIA)
    with pytest.raises(errors.ForbiddenError, match="may not judge this complaint alone"):
        harness.apply(partial(actions.hand_over, by=MIA, to=SAM, context="you know her"))
    harness.apply(partial(actions.hand_over, by=MIA, to=DAN, context="you know nobody there"))
    assert harness.escalation is not None
    assert harness.escalation.awaited == (DAN,)


def test_line_manager_may_hold_complaint_but_not_resolve_it() -> None:
    harness = in_charge(organised(level("first", SAM, MIA)))
    complain(harness, RITA)
    harness.press(SAM)
    settle = partial(
        approvals.resolve, role="supervisor", proposed=ProposedOutcome("apology", "so")
    )
    with pytest.raises(errors.ForbiddenError, match="may not judge this complaint alone"):
        harness.apply(partial(settle, by=SAM))
    harness.apply(partial(actions.hand_over, by=SAM, to=MIA, context="it is about my team"))
    harness.press(MIA)
    harness.apply(partial(settle, by=MIA))
    assert harness.ended[-1].resolution == Resolution(MIA, "so", "apology")


def test_escalation_says_where_the_contact_came_from() -> None:
    harness = ContactHarness(SETTINGS)
    received = contact_received(harness.at)
    origin = {"received_from": "zendesk:acme", "external_ref": "5158"}
    harness.send(structs.replace(received, **origin))
    harness.ask_for_supervisor()
    (raised,) = harness.events(EscalationRaised)
    assert (raised.received_from, raised.external_ref) == ("zendesk:acme", "5158")
