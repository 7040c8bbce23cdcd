"""What takes a contact upstairs, what joins it there, and who may not judge it."""

from dataclasses import replace
from functools import partial

import pytest

from common.contracts.contacts import Customer, FeedbackReceived, Tier
from common.contracts.escalations import (
    EscalationClosed,
    EscalationRaised,
    EscalationReasonAdded,
    EscalationUnanswered,
    PageRequested,
)
from common.contracts.event import CustomerId, PersonId
from escalation.domain import errors, reactions
from escalation.domain.escalations import actions, approvals
from escalation.domain.escalations.approvals import ProposedOutcome
from escalation.domain.escalations.responders import may_act
from escalation.domain.model import Resolution
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
from escalation.domain.types import OPERATIONS
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
    event = contact_received(harness.at).model_copy(update={"customer": customer})
    harness.apply(
        lambda situation: reactions.receive_contact(
            replace(situation, earlier_contacts=earlier), event
        )
    )


def rate(harness: ContactHarness, score: int, comment: str | None = None) -> None:
    event = FeedbackReceived(
        contact_id=CONTACT, occurred_at=harness.at, score=score, comment=comment
    )
    harness.send(event)


def complain(harness: ContactHarness, about: PersonId) -> None:
    harness.apply(partial(reactions.raise_by_hand, by=DAN, reason="was rude", about=about))


def in_charge(settings: Configuration) -> ContactHarness:
    """Return a harness at which rita has a contact on which nothing is overdue."""
    harness = ContactHarness(settings)
    harness.receive()
    harness.assign()
    harness.reply()
    return harness


def test_a_vip_goes_upstairs_at_once_where_the_policy_says_so() -> None:
    harness = ContactHarness(raising(RaiseRules(vip=True)))
    receive(harness, tier="vip")
    assert harness.event(EscalationRaised).cause == "vip"
    page = harness.event(PageRequested)
    (cause,) = page.causes
    assert (cause.cause, cause.reason) == ("vip", "VIP customer (policy gold v4)")


@pytest.mark.parametrize(("vip", "tier"), [(False, "vip"), (True, "premium")])
def test_others_wait_for_their_promise(vip: bool, tier: Tier) -> None:  # noqa: FBT001 - a parameter
    harness = ContactHarness(raising(RaiseRules(vip=vip)))
    receive(harness, tier=tier)
    assert harness.pages() == []


@pytest.mark.parametrize(("earlier", "raised"), [(1, False), (2, True), (5, True)])
def test_a_customer_who_comes_again_and_again_goes_upstairs(earlier: int, raised: bool) -> None:  # noqa: FBT001 - a parameter
    harness = ContactHarness(raising(RaiseRules(repeated=WEEK)))
    receive(harness, earlier=earlier)
    assert [one.cause for one in harness.events(EscalationRaised)] == ["repeated_contact"] * raised
    if raised:
        contacts = f"{earlier + 1} contacts about billing within 7 d (policy gold v4)"
        assert harness.event(EscalationRaised).reason == contacts


def test_two_causes_at_once_are_one_page_of_greater_severity() -> None:
    harness = ContactHarness(raising(RaiseRules(vip=True, repeated=WEEK)))
    receive(harness, tier="vip", earlier=2)
    assert harness.event(EscalationRaised).severity == "medium"
    assert harness.event(EscalationReasonAdded).cause == "repeated_contact"
    page = harness.event(PageRequested)
    assert (page.reason, page.severity) == ("raised", "high")
    assert [cause.cause for cause in page.causes] == ["vip", "repeated_contact"]


def test_both_causes_decide_on_the_ladder() -> None:
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


def test_bad_feedback_goes_upstairs_though_the_contact_is_resolved() -> None:
    harness = in_charge(raising(RaiseRules(feedback_at_most=2)))
    harness.resolve()
    rate(harness, 3)
    assert harness.escalation is None
    rate(harness, 2, "never again")
    assert harness.event(EscalationRaised).reason == 'Feedback 2 of 5: "never again"'
    assert harness.pages() == [(SAM, "raised")]
    harness.advance_to(5)
    assert harness.pages()[-1] == (MIA, "climbed")
    harness.press(MIA)
    harness.apply(partial(actions.hand_back, by=MIA, guidance="call her"))
    assert harness.escalation is None
    assert harness.timers == {}


def test_feedback_on_which_no_policy_has_a_word_is_left_alone() -> None:
    harness = in_charge(SETTINGS)
    rate(harness, 1)
    assert harness.escalation is None


def test_a_complaint_outlives_the_contact() -> None:
    harness = in_charge(organised(level("first", DAN)))
    complain(harness, RITA)
    harness.resolve()
    assert harness.escalation is not None
    assert harness.events(EscalationClosed) == []
    harness.reopen()
    harness.resolve()
    assert harness.escalation is not None


def test_a_complaint_may_follow_the_end_but_nothing_else_may() -> None:
    harness = in_charge(organised(level("first", DAN)))
    harness.resolve()
    with pytest.raises(errors.ContactNotOpenError):
        harness.apply(partial(reactions.raise_by_hand, by=DAN, reason="look at it"))
    complain(harness, RITA)
    assert harness.event(EscalationRaised).cause == "complaint"
    (cause,) = harness.event(PageRequested).causes
    assert (cause.cause, cause.about, cause.by) == ("complaint", RITA, DAN)


def test_nobody_can_complain_about_a_contact_that_is_unknown() -> None:
    with pytest.raises(errors.ContactNotOpenError):
        complain(ContactHarness(), RITA)


def test_whoever_is_complained_about_is_never_asked() -> None:
    harness = in_charge(organised(level("first", SAM, DAN), level("second", MIA, SAM)))
    complain(harness, SAM)
    harness.advance_to(15)
    assert SAM not in {person for person, _ in harness.pages()}
    assert harness.escalation is not None
    assert not may_act(harness.escalation, SAM)
    assert may_act(harness.escalation, DAN)


def test_ones_own_supervisor_is_asked_together_with_the_level_above() -> None:
    harness = in_charge(organised(level("first", SAM), level("second", MIA)))
    complain(harness, RITA)
    assert harness.pages() == [(SAM, "raised"), (MIA, "raised")]
    why = "sam may not judge one's own representative alone: mia asked too"
    assert {page.explanation for page in harness.events(PageRequested)} == {why}


def test_supervisors_of_the_team_are_not_asked_alone_either() -> None:
    team = Level("first", 5, (TeamSupervisors("team_supervisors"),), ask="in_turn")
    harness = in_charge(organised(team, level("second", MIA)))
    complain(harness, RITA)
    assert harness.pages() == [(SAM, "raised"), (MIA, "raised")]
    harness.advance_to(5)
    # Mia was just asked, so kim would be alone.
    assert KIM not in {person for person, _ in harness.pages()}


def test_with_another_at_the_level_nobody_else_is_needed() -> None:
    harness = in_charge(organised(level("first", SAM, DAN), level("second", MIA)))
    complain(harness, RITA)
    assert harness.pages() == [(SAM, "raised"), (DAN, "raised")]


def test_where_only_ones_own_supervisor_is_left_operations_are_told() -> None:
    harness = in_charge(organised(level("first", SAM)))
    complain(harness, RITA)
    assert harness.pages() == [(OPERATIONS, "unanswered")]
    explanation = "sam may not judge one's own representative alone"
    assert harness.event(PageRequested).explanation == explanation
    assert harness.event(EscalationUnanswered).standing_since == harness.at


@pytest.mark.parametrize("about", [SAM, RITA])
def test_a_complaint_takes_it_from_who_may_not_judge_it(about: PersonId) -> None:
    harness = in_charge(organised(level("first", SAM), level("second", DAN)))
    harness.ask_for_supervisor()
    harness.press(SAM)
    complain(harness, about)
    assert harness.pages() == [(SAM, "raised"), (DAN, "climbed")]
    assert harness.escalation is not None
    assert (harness.escalation.state, harness.escalation.holder) == ("raised", None)


def test_a_complaint_leaves_it_with_who_may_judge_it() -> None:
    harness = in_charge(organised(level("first", SAM), level("second", MIA)))
    harness.ask_for_supervisor()
    harness.advance_to(5)
    harness.press(MIA)
    complain(harness, RITA)
    assert harness.escalation is not None
    assert harness.escalation.holder == MIA
    assert harness.pages()[2:] == [(MIA, "updated")]


def test_a_further_kind_of_cause_tells_the_holder_once() -> None:
    harness = in_charge(SETTINGS)
    harness.ask_for_supervisor()
    harness.press(SAM)
    harness.refer()
    assert harness.pages() == [(SAM, "raised"), (SAM, "updated")]
    page = harness.events(PageRequested)[-1]
    assert page.severity == harness.event(EscalationReasonAdded).severity == "high"
    assert [(cause.cause, cause.reason) for cause in page.causes] == [
        ("customer_request", 'Customer: "Your boss!"'),
        ("referral", "rita refers it: too angry for me"),
    ]
    assert (page.causes[-1].by, page.explanation) == (RITA, None)
    harness.refer()
    harness.ask_for_supervisor()
    assert len(harness.pages()) == 2


def test_a_further_kind_of_cause_tells_those_who_are_asked() -> None:
    harness = in_charge(organised(level("first", SAM, KIM)))
    harness.ask_for_supervisor()
    harness.refer()
    assert harness.pages()[2:] == [(SAM, "updated"), (KIM, "updated")]
    harness.apply(partial(reactions.raise_by_hand, by=DAN, reason="the press calls"))
    assert harness.pages()[4:] == [(SAM, "updated"), (KIM, "updated")]
    pages = [page.page_id for page in harness.events(PageRequested)]
    assert len(pages) == len(set(pages))


def test_severity_ends_at_critical_and_news_are_told_all_the_same() -> None:
    policy = replace(POLICY, severity="critical")
    harness = in_charge(replace(SETTINGS, policies={"gold": Versioned("gold", 1, policy)}))
    harness.ask_for_supervisor()
    harness.refer()
    assert harness.event(EscalationReasonAdded).severity == "critical"
    assert harness.pages() == [(SAM, "raised"), (SAM, "updated")]


def test_with_nobody_to_tell_a_cause_is_kept_for_later() -> None:
    levels = (Level("first", 5, (PersonOnDuty("duty", "supervisors"),)),)
    harness = in_charge(replace(organised(*levels), schedules={}, ladders={}))
    harness.ask_for_supervisor()
    harness.refer()
    assert harness.pages() == [(OPERATIONS, "unanswered")]
    harness.settings = SETTINGS
    harness.advance_to(60)
    page = harness.events(PageRequested)[-1]
    assert page.person_id == SAM
    assert page.causes[-1].reason == "rita refers it: too angry for me"


def test_it_is_not_handed_to_ones_own_supervisor_alone_who_may_not_settle_it() -> None:
    harness = in_charge(organised(level("first", SAM, MIA)))
    complain(harness, RITA)
    harness.press(MIA)
    with pytest.raises(errors.ForbiddenError, match="may not judge this complaint alone"):
        harness.apply(partial(actions.hand_over, by=MIA, to=SAM, context="you know her"))
    harness.apply(partial(actions.hand_over, by=MIA, to=DAN, context="you know nobody there"))
    assert harness.escalation is not None
    assert harness.escalation.awaited == (DAN,)


def test_ones_own_supervisor_may_hold_it_but_not_settle_it() -> None:
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
