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
from escalation.domain import reactions
from escalation.domain.escalations import actions, approvals
from escalation.domain.escalations.approvals import Settlement
from escalation.domain.escalations.responders import may_act
from escalation.domain.settings.ladders import Ladder, Level, Named, OnDuty, TeamSupervisors
from escalation.domain.settings.people import Person, Team
from escalation.domain.settings.policies import RaiseWhen, Repeated
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.types import OPERATIONS
from unit.escalation.desk import (
    CONTACT,
    DAN,
    MIA,
    POLICY,
    RITA,
    SAM,
    SETTINGS,
    Desk,
    received,
)

KIM = PersonId("kim")
WEEK = Repeated(contacts=3, within_days=7)


def raising(when: RaiseWhen) -> Configuration:
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
    return Level(name, 5, tuple(Named("person", person) for person in people))


def receive(desk: Desk, *, tier: Tier = "standard", earlier: int = 0) -> None:
    customer = Customer(customer_id=CustomerId("c"), name="Ada Lovelace", tier=tier)
    event = received(desk.at).model_copy(update={"customer": customer})
    desk.do(
        lambda situation: reactions.received(replace(situation, earlier_contacts=earlier), event)
    )


def rate(desk: Desk, score: int, comment: str | None = None) -> None:
    event = FeedbackReceived(contact_id=CONTACT, occurred_at=desk.at, score=score, comment=comment)
    desk.do(partial(reactions.rated, event=event))


def complain(desk: Desk, about: PersonId) -> None:
    desk.do(partial(reactions.raised_by_hand, by=DAN, reason="was rude", about=about))


def in_charge(settings: Configuration) -> Desk:
    """Return a desk at which rita has a contact on which nothing is overdue."""
    desk = Desk(settings)
    desk.receive()
    desk.assign()
    desk.reply()
    return desk


def test_a_vip_goes_upstairs_at_once_where_the_policy_says_so() -> None:
    desk = Desk(raising(RaiseWhen(vip=True)))
    receive(desk, tier="vip")
    assert desk.the(EscalationRaised).cause == "vip"
    page = desk.the(PageRequested)
    assert page.headline == "Billing ticket from Ada Lovelace: VIP customer"
    assert page.why.startswith("VIP customer (policy gold v4).")


@pytest.mark.parametrize(("vip", "tier"), [(False, "vip"), (True, "premium")])
def test_others_wait_for_their_promise(vip: bool, tier: Tier) -> None:  # noqa: FBT001 - a parameter
    desk = Desk(raising(RaiseWhen(vip=vip)))
    receive(desk, tier=tier)
    assert desk.paged() == []


@pytest.mark.parametrize(("earlier", "raised"), [(1, False), (2, True), (5, True)])
def test_a_customer_who_comes_again_and_again_goes_upstairs(earlier: int, raised: bool) -> None:  # noqa: FBT001 - a parameter
    desk = Desk(raising(RaiseWhen(repeated=WEEK)))
    receive(desk, earlier=earlier)
    assert [one.cause for one in desk.all(EscalationRaised)] == ["repeated_contact"] * raised
    if raised:
        contacts = f"{earlier + 1} contacts about billing within 7 d (policy gold v4)"
        assert desk.the(EscalationRaised).reason == contacts


def test_two_causes_at_once_are_one_page_of_greater_severity() -> None:
    desk = Desk(raising(RaiseWhen(vip=True, repeated=WEEK)))
    receive(desk, tier="vip", earlier=2)
    assert desk.the(EscalationRaised).severity == "medium"
    assert desk.the(EscalationReasonAdded).cause == "repeated_contact"
    page = desk.the(PageRequested)
    assert (page.reason, page.severity) == ("raised", "high")
    assert "VIP customer" in page.why
    assert "3 contacts" in page.why


def test_both_causes_decide_on_the_ladder() -> None:
    settings = raising(RaiseWhen(vip=True, repeated=WEEK))
    grave = Ladder((level("grave", MIA),), lease_s=20, working_lease_s=60)
    policy = replace(settings.policies["gold"].body, ladder_by_severity={"high": "grave"})
    settings = replace(
        settings,
        policies={"gold": Versioned("gold", 5, policy)},
        ladders={**settings.ladders, "grave": Versioned("grave", 1, grave)},
    )
    desk = Desk(settings)
    receive(desk, tier="vip", earlier=2)
    assert desk.paged() == [(MIA, "raised")]


def test_bad_feedback_goes_upstairs_though_the_contact_is_resolved() -> None:
    desk = in_charge(raising(RaiseWhen(feedback_at_most=2)))
    desk.resolve()
    rate(desk, 3)
    assert desk.escalation is None
    rate(desk, 2, "never again")
    assert desk.the(EscalationRaised).reason == 'Feedback 2 of 5: "never again"'
    assert desk.paged() == [(SAM, "raised")]
    desk.wait_until(5)
    assert desk.paged()[-1] == (MIA, "climbed")
    desk.press(MIA)
    desk.do(partial(actions.hand_back, by=MIA, guidance="call her"))
    assert desk.escalation is None
    assert desk.timers == {}


def test_feedback_on_which_no_policy_has_a_word_is_left_alone() -> None:
    desk = in_charge(SETTINGS)
    rate(desk, 1)
    assert desk.escalation is None


def test_a_complaint_outlives_the_contact() -> None:
    desk = in_charge(organised(level("first", DAN)))
    complain(desk, RITA)
    desk.resolve()
    assert desk.escalation is not None
    assert desk.all(EscalationClosed) == []
    desk.reopen()
    desk.resolve()
    assert desk.escalation is not None


def test_a_complaint_may_follow_the_end_but_nothing_else_may() -> None:
    desk = in_charge(organised(level("first", DAN)))
    desk.resolve()
    with pytest.raises(reactions.NotOpenError):
        desk.do(partial(reactions.raised_by_hand, by=DAN, reason="look at it"))
    complain(desk, RITA)
    assert desk.the(EscalationRaised).cause == "complaint"
    assert desk.the(PageRequested).headline.endswith("complaint about rita")


def test_nobody_can_complain_about_a_contact_that_is_unknown() -> None:
    with pytest.raises(reactions.NotOpenError):
        complain(Desk(), RITA)


def test_whoever_is_complained_about_is_never_asked() -> None:
    desk = in_charge(organised(level("first", SAM, DAN), level("second", MIA, SAM)))
    complain(desk, SAM)
    desk.wait_until(15)
    assert SAM not in {person for person, _ in desk.paged()}
    assert desk.escalation is not None
    assert not may_act(desk.escalation, SAM)
    assert may_act(desk.escalation, DAN)


def test_ones_own_supervisor_is_asked_together_with_the_level_above() -> None:
    desk = in_charge(organised(level("first", SAM), level("second", MIA)))
    complain(desk, RITA)
    assert desk.paged() == [(SAM, "raised"), (MIA, "raised")]
    why = "Sam may not judge one's own representative alone: mia asked too."
    assert all(page.why.startswith(why) for page in desk.all(PageRequested))


def test_supervisors_of_the_team_are_not_asked_alone_either() -> None:
    team = Level("first", 5, (TeamSupervisors("team_supervisors"),), ask="in_turn")
    desk = in_charge(organised(team, level("second", MIA)))
    complain(desk, RITA)
    assert desk.paged() == [(SAM, "raised"), (MIA, "raised")]
    desk.wait_until(5)
    # Mia was just asked, so kim would be alone.
    assert KIM not in {person for person, _ in desk.paged()}


def test_with_another_at_the_level_nobody_else_is_needed() -> None:
    desk = in_charge(organised(level("first", SAM, DAN), level("second", MIA)))
    complain(desk, RITA)
    assert desk.paged() == [(SAM, "raised"), (DAN, "raised")]


def test_where_only_ones_own_supervisor_is_left_operations_are_told() -> None:
    desk = in_charge(organised(level("first", SAM)))
    complain(desk, RITA)
    assert desk.paged() == [(OPERATIONS, "unanswered")]
    assert "may not judge" in desk.the(PageRequested).why
    assert desk.the(EscalationUnanswered).standing_since == desk.at


@pytest.mark.parametrize("about", [SAM, RITA])
def test_a_complaint_takes_it_from_who_may_not_judge_it(about: PersonId) -> None:
    desk = in_charge(organised(level("first", SAM), level("second", DAN)))
    desk.ask_for_supervisor()
    desk.press(SAM)
    complain(desk, about)
    assert desk.paged() == [(SAM, "raised"), (DAN, "climbed")]
    assert desk.escalation is not None
    assert (desk.escalation.state, desk.escalation.holder) == ("raised", None)


def test_a_complaint_leaves_it_with_who_may_judge_it() -> None:
    desk = in_charge(organised(level("first", SAM), level("second", MIA)))
    desk.ask_for_supervisor()
    desk.wait_until(5)
    desk.press(MIA)
    complain(desk, RITA)
    assert desk.escalation is not None
    assert desk.escalation.holder == MIA
    assert desk.paged()[2:] == [(MIA, "updated")]


def test_a_further_kind_of_cause_tells_the_holder_once() -> None:
    desk = in_charge(SETTINGS)
    desk.ask_for_supervisor()
    desk.press(SAM)
    desk.refer()
    assert desk.paged() == [(SAM, "raised"), (SAM, "updated")]
    page = desk.all(PageRequested)[-1]
    assert page.severity == desk.the(EscalationReasonAdded).severity == "high"
    assert page.headline == "Billing ticket from Ada Lovelace: referred by rita"
    assert page.why.startswith('Rita refers it: too angry for me. Customer: "Your boss!"')
    assert page.why.count("too angry for me") == 1
    desk.refer()
    desk.ask_for_supervisor()
    assert len(desk.paged()) == 2


def test_a_further_kind_of_cause_tells_those_who_are_asked() -> None:
    desk = in_charge(organised(level("first", SAM, KIM)))
    desk.ask_for_supervisor()
    desk.refer()
    assert desk.paged()[2:] == [(SAM, "updated"), (KIM, "updated")]
    desk.do(partial(reactions.raised_by_hand, by=DAN, reason="the press calls"))
    assert desk.paged()[4:] == [(SAM, "updated"), (KIM, "updated")]
    pages = [page.page_id for page in desk.all(PageRequested)]
    assert len(pages) == len(set(pages))


def test_severity_ends_at_critical_and_news_are_told_all_the_same() -> None:
    policy = replace(POLICY, severity="critical")
    desk = in_charge(replace(SETTINGS, policies={"gold": Versioned("gold", 1, policy)}))
    desk.ask_for_supervisor()
    desk.refer()
    assert desk.the(EscalationReasonAdded).severity == "critical"
    assert desk.paged() == [(SAM, "raised"), (SAM, "updated")]


def test_with_nobody_to_tell_a_cause_is_kept_for_later() -> None:
    levels = (Level("first", 5, (OnDuty("duty", "supervisors"),)),)
    desk = in_charge(replace(organised(*levels), schedules={}, ladders={}))
    desk.ask_for_supervisor()
    desk.refer()
    assert desk.paged() == [(OPERATIONS, "unanswered")]
    desk.settings = SETTINGS
    desk.wait_until(60)
    page = desk.all(PageRequested)[-1]
    assert page.person_id == SAM
    assert "too angry for me" in page.why


def test_it_is_not_handed_to_ones_own_supervisor_alone_who_may_not_settle_it() -> None:
    desk = in_charge(organised(level("first", SAM, MIA)))
    complain(desk, RITA)
    desk.press(MIA)
    with pytest.raises(actions.ForbiddenError, match="may not judge alone"):
        desk.do(partial(actions.hand_over, by=MIA, to=SAM, context="you know her"))
    desk.do(partial(actions.hand_over, by=MIA, to=DAN, context="you know nobody there"))
    assert desk.escalation is not None
    assert desk.escalation.awaited == (DAN,)


def test_ones_own_supervisor_may_hold_it_but_not_settle_it() -> None:
    desk = in_charge(organised(level("first", SAM, MIA)))
    complain(desk, RITA)
    desk.press(SAM)
    settle = partial(approvals.settle, role="supervisor", settlement=Settlement("apology", "so"))
    with pytest.raises(actions.ForbiddenError, match="may not judge alone"):
        desk.do(partial(settle, by=SAM))
    desk.do(partial(actions.hand_over, by=SAM, to=MIA, context="it is about my team"))
    desk.press(MIA)
    desk.do(partial(settle, by=MIA))
    assert desk.past[-1].outcome == "apology"
