"""What people do with an escalation they have, told with a clock that the test moves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Literal

import pytest

from common.contracts.escalations import (
    ApprovalAsked,
    ApprovalRefused,
    CoachingRequested,
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationHandedOver,
    EscalationLeaseRenewed,
    EscalationMediated,
    EscalationNoted,
    EscalationReferredUp,
    EscalationReopened,
    EscalationResolved,
    EscalationReturned,
    EscalationSnoozed,
    EscalationTakenOver,
    EscalationUnanswered,
    PageRequested,
)
from common.contracts.event import PersonId
from escalation.domain import reactions
from escalation.domain.duty.schedules import Absence, DutySchedule, Override, Rotation
from escalation.domain.escalations import actions, approvals
from escalation.domain.escalations.approvals import Money, Settlement
from escalation.domain.model import Escalation
from escalation.domain.settings.ladders import Ladder, Level, Named
from escalation.domain.settings.people import ApprovalLimit, Person
from escalation.domain.settings.policies import Target
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.situation import Decision
from escalation.domain.types import OPERATIONS
from unit.escalation.desk import (
    CONTACT,
    DAN,
    DUTY,
    LADDER,
    MIA,
    POLICY,
    RITA,
    SAM,
    SETTINGS,
    START,
    Desk,
)

KIM = PersonId("kim")
# Nothing breaks meanwhile.
CALM = replace(POLICY, targets=(Target("assignment", 10_000),))
LIMITS = {
    "supervisor": Versioned("supervisor", 1, ApprovalLimit({"EUR": Decimal(100)})),
    "manager": Versioned("manager", 1, ApprovalLimit({"EUR": Decimal(1000)})),
}
THREE_LEVELS = replace(
    LADDER, levels=(*LADDER.levels, Level("directors", 9, (Named("person", DAN),)))
)


def having(ladder: Ladder = LADDER, duty: DutySchedule = DUTY) -> Configuration:
    return replace(
        SETTINGS,
        policies={"gold": Versioned("gold", 1, CALM)},
        ladders={"default": Versioned("default", 2, ladder)},
        schedules={"supervisors": Versioned("supervisors", 2, duty)},
        limits=LIMITS,
    )


def second(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def the_open(desk: Desk) -> Escalation:
    assert desk.escalation is not None
    return desk.escalation


def act(desk: Desk, by: PersonId, action: Callable[..., Decision], **given: object) -> None:
    desk.do(partial(action, by=by, **given))


def settle(desk: Desk, by: PersonId, amount: int, role: str = "supervisor") -> None:
    money = Money(Decimal(amount), "EUR")
    act(desk, by, approvals.settle, role=role, settlement=Settlement("refund", "sorry", money))


def paged_since(desk: Desk, number: int) -> list[tuple[str, str]]:
    return desk.paged()[number:]


@pytest.fixture
def desk() -> Desk:
    return Desk(settings=having())


@pytest.fixture
def upstairs(desk: Desk) -> Desk:
    """Return a desk at which the customer asks for a supervisor: sam is paged."""
    desk.receive()
    desk.assign()
    desk.ask_for_supervisor()
    assert desk.paged() == [(SAM, "raised")]
    return desk


@pytest.fixture
def held(upstairs: Desk) -> Desk:
    """Return a desk at which sam has acknowledged, at second 1, for 20 seconds."""
    upstairs.wait_until(1)
    upstairs.press(SAM)
    return upstairs


class TestLeases:
    def test_it_warns_first_and_climbs_without_progress(self, held: Desk) -> None:
        held.wait_until(10.9)
        assert paged_since(held, 1) == []
        held.wait_until(11)
        assert paged_since(held, 1) == [(SAM, "lease_ending")]
        page = held.all(PageRequested)[-1]
        assert page.why.startswith("Your lease ends in 10 s, then it goes up:")
        assert page.respond_by == second(21)
        held.wait_until(21)
        assert held.the(EscalationClimbed).reason == "lease of sam expired"
        assert paged_since(held, 2) == [(MIA, "climbed")]

    def test_a_warning_comes_so_long_before_but_never_in_the_first_half(self, desk: Desk) -> None:
        desk.settings = having(replace(LADDER, warn_before_s=5))
        desk.receive()
        desk.ask_for_supervisor()
        desk.press(SAM)
        assert the_open(desk).warn_at == second(15)
        desk.press(SAM, "take_over")
        assert the_open(desk).warn_at == second(55)

    def test_any_progress_renews_it(self, held: Desk) -> None:
        held.wait_until(15)
        act(held, SAM, actions.note, text="I called her.")
        assert held.the(EscalationLeaseRenewed).lease_expires_at == second(35)
        held.wait_until(20)
        act(held, SAM, actions.request_coaching, person_id=RITA, text="Say sorry sooner.")
        act(held, SAM, actions.renew)
        held.wait_until(22)
        sides = {"customer_statement": "a", "representative_statement": "b", "proposal": "c"}
        act(held, SAM, actions.mediate, **sides)
        assert the_open(held).deadline == second(42)
        assert held.the(EscalationNoted).text == "I called her."
        assert held.the(CoachingRequested).person_id == RITA
        assert held.the(EscalationMediated).proposal == "c"
        assert held.all(EscalationClimbed) == []

    def test_what_is_repeated_at_once_renews_nothing_twice(self, held: Desk) -> None:
        held.wait_until(5)
        act(held, SAM, actions.renew)
        act(held, SAM, actions.renew)
        assert len(held.all(EscalationLeaseRenewed)) == 1

    def test_a_note_of_somebody_else_renews_nothing(self, held: Desk) -> None:
        held.wait_until(15)
        act(held, MIA, actions.note, text="Mind the press.")
        assert held.all(EscalationLeaseRenewed) == []
        assert the_open(held).deadline == second(21)

    def test_a_new_lease_warns_anew_and_the_old_warning_is_silent(self, held: Desk) -> None:
        earlier = held.timers["escalation:warning"].timer
        held.wait_until(5)
        act(held, SAM, actions.renew)
        held.fire(earlier)
        assert paged_since(held, 1) == []
        held.wait_until(15)
        assert paged_since(held, 1) == [(SAM, "lease_ending")]

    def test_what_ends_it_takes_the_warning_along(self, held: Desk) -> None:
        act(held, SAM, actions.hand_back, guidance="offer a credit")
        assert not [slot for slot in held.timers if slot.startswith("escalation")]

    def test_an_acknowledgement_a_millisecond_after_climbing_counts(self, upstairs: Desk) -> None:
        upstairs.wait_until(5.001)
        upstairs.press(SAM)
        assert upstairs.the(EscalationAcknowledged).by == SAM

    def test_without_a_ladder_it_is_a_lease_all_the_same(self, desk: Desk) -> None:
        desk.settings = Configuration()
        desk.receive()
        desk.ask_for_supervisor()
        desk.do(partial(actions.take_over, by=SAM))
        assert desk.the(EscalationTakenOver).lease_expires_at == second(60)


class TestShifts:
    @pytest.fixture
    def changing(self, desk: Desk) -> Desk:
        """Return a desk at which kim relieves sam at second 12."""
        duty = DutySchedule(
            (Rotation("UTC", START - timedelta(days=1), 365 * 86400, (SAM,)),),
            (Override(KIM, second(12), second(4000)),),
        )
        desk.settings = having(duty=duty)
        desk.receive()
        desk.assign()
        desk.ask_for_supervisor()
        desk.wait_until(2)
        desk.press(SAM)
        return desk

    def test_a_lease_lapses_with_the_shift_and_returns_to_the_next(self, changing: Desk) -> None:
        assert changing.the(EscalationAcknowledged).lease_expires_at == second(12)
        changing.wait_until(7)
        assert paged_since(changing, 1) == [(SAM, "lease_ending")]
        why = changing.all(PageRequested)[-1].why
        assert why.startswith("Your shift ends in 5 s, then supervisors on duty are asked.")
        changing.wait_until(12)
        returned = changing.the(EscalationReturned)
        assert (returned.from_person, returned.level_name) == (SAM, "supervisors")
        assert returned.reason == "shift of sam ended"
        assert paged_since(changing, 2) == [(KIM, "returned")]
        assert the_open(changing).state == "raised"
        changing.press(KIM)
        assert the_open(changing).holder == KIM

    def test_nor_does_a_snooze(self, changing: Desk) -> None:
        act(changing, SAM, actions.snooze, until=second(600), reason="later")
        assert changing.the(EscalationSnoozed).until == second(12)
        changing.wait_until(12)
        assert changing.paged()[-1] == (KIM, "returned")

    def test_progress_does_not_outlast_the_shift(self, changing: Desk) -> None:
        changing.wait_until(8)
        act(changing, SAM, actions.note, text="nearly done")
        assert changing.all(EscalationLeaseRenewed) == []
        changing.wait_until(12)
        assert changing.the(EscalationReturned).from_person == SAM

    def test_nobody_else_there_and_it_climbs(self, upstairs: Desk) -> None:
        away = Person(absences=(Absence(second(12), second(4000)),))
        upstairs.settings = replace(upstairs.settings, people={"sam": Versioned("sam", 1, away)})
        upstairs.press(SAM)
        upstairs.wait_until(12)
        assert upstairs.all(EscalationReturned) == []
        climbed = upstairs.the(EscalationClimbed)
        assert climbed.reason == "shift of sam ended"
        assert upstairs.paged()[-1] == (MIA, "climbed")

    def test_who_is_named_at_the_level_has_no_shift_there(self, upstairs: Desk) -> None:
        upstairs.wait_until(5)
        upstairs.press(MIA)
        assert the_open(upstairs).lease_end == "progress"


class TestSnoozes:
    def test_it_sleeps_until_then_and_wakes_whoever_has_it(self, held: Desk) -> None:
        act(held, SAM, actions.snooze, until=second(600), reason="she calls at three")
        assert held.the(EscalationSnoozed).until == second(600)
        held.wait_until(599)
        assert paged_since(held, 1) == []
        held.wait_until(600)
        assert paged_since(held, 1) == [(SAM, "snooze_over")]
        assert held.the(EscalationLeaseRenewed).lease_expires_at == second(620)
        assert the_open(held).snoozed_until is None
        held.wait_until(620)
        assert held.the(EscalationClimbed).reason == "lease of sam expired"

    def test_only_so_long(self, held: Desk) -> None:
        for until in (second(1), second(1 + 3600.001)):
            with pytest.raises(actions.RefusedError, match="A snooze ends within 1 h from now"):
                act(held, SAM, actions.snooze, until=until, reason="later")

    def test_only_so_often(self, held: Desk) -> None:
        for _ in range(2):
            until = held.at + timedelta(seconds=30)
            act(held, SAM, actions.snooze, until=until, reason="later")
        with pytest.raises(actions.RefusedError, match="It may be snoozed 2 times, and was"):
            act(held, SAM, actions.snooze, until=second(60), reason="later")

    def test_a_note_leaves_it_asleep_and_renewing_wakes_it(self, held: Desk) -> None:
        act(held, SAM, actions.snooze, until=second(600), reason="later")
        act(held, SAM, actions.note, text="Her number is new.")
        assert the_open(held).deadline == second(600)
        act(held, SAM, actions.renew)
        assert the_open(held).deadline == second(21)
        assert the_open(held).snoozed_until is None

    def test_only_by_whoever_has_it(self, held: Desk) -> None:
        with pytest.raises(actions.RefusedError, match="It is acknowledged by sam"):
            act(held, MIA, actions.snooze, until=second(60), reason="later")


class TestPassingOn:
    def test_handed_over_sideways_the_colleague_is_asked(self, held: Desk) -> None:
        act(held, SAM, actions.hand_over, to=KIM, context="she knows her")
        assert held.the(EscalationHandedOver).context == "she knows her"
        assert paged_since(held, 1) == [(KIM, "handed_over")]
        assert held.all(PageRequested)[-1].why.startswith("Sam hands it over: she knows her.")
        assert (the_open(held).state, the_open(held).awaited) == ("raised", (KIM,))
        assert the_open(held).deadline == second(6)
        held.press(KIM, "take_over")
        assert the_open(held).holder == KIM

    def test_handed_over_and_unanswered_it_climbs(self, held: Desk) -> None:
        act(held, SAM, actions.hand_over, to=KIM, context="she knows her")
        held.wait_until(6)
        assert held.the(EscalationClimbed).reason == "no answer from kim"

    def test_not_to_oneself(self, held: Desk) -> None:
        with pytest.raises(actions.RefusedError, match="It is acknowledged by sam already"):
            act(held, SAM, actions.hand_over, to=SAM, context="me")

    def test_referred_up_says_who_and_why(self, held: Desk) -> None:
        act(held, SAM, actions.refer_up, reason="legal")
        assert held.the(EscalationReferredUp).reason == "legal"
        assert held.the(EscalationClimbed).reason == "referred up by sam: legal"
        assert paged_since(held, 1) == [(MIA, "climbed")]

    @pytest.mark.parametrize(
        ("action", "given"),
        [
            (actions.renew, {}),
            (actions.hand_back, {"guidance": "so"}),
            (actions.hand_over, {"to": KIM, "context": "so"}),
            (actions.request_coaching, {"person_id": RITA, "text": "so"}),
            (
                actions.mediate,
                {"customer_statement": "a", "representative_statement": "b", "proposal": "c"},
            ),
        ],
    )
    def test_only_whoever_has_it_does(
        self, held: Desk, action: Callable[..., Decision], given: dict[str, object]
    ) -> None:
        with pytest.raises(actions.RefusedError, match="It is acknowledged by sam"):
            act(held, MIA, action, **given)

    def test_nobody_works_on_a_complaint_about_oneself(self, upstairs: Desk) -> None:
        complaint = replace(the_open(upstairs).reasons[0], cause="complaint", about=KIM)
        upstairs.escalation = replace(the_open(upstairs), reasons=(complaint,))
        with pytest.raises(actions.ForbiddenError, match="The complaint is about you"):
            act(upstairs, KIM, actions.take_over)
        upstairs.press(KIM)
        assert upstairs.surprises == ["action_came_too_late"]
        act(upstairs, SAM, actions.take_over)
        with pytest.raises(actions.ForbiddenError, match="The complaint is about kim"):
            act(upstairs, SAM, actions.hand_over, to=KIM, context="yours")


class TestApprovals:
    def test_within_the_limit_it_is_resolved(self, held: Desk) -> None:
        settle(held, SAM, 100)
        resolved = held.the(EscalationResolved)
        assert (resolved.amount, resolved.currency) == (Decimal(100), "EUR")
        assert resolved.approved_by is None
        assert held.past[-1].amount == 100

    def test_above_it_the_next_level_is_asked(self, held: Desk) -> None:
        settle(held, SAM, 500)
        asked = held.the(ApprovalAsked)
        assert (asked.by, asked.asked, asked.level_name) == (SAM, (MIA,), "managers")
        assert paged_since(held, 1) == [(MIA, "approval_asked")]
        page = held.all(PageRequested)[-1]
        assert page.headline.endswith(": sam asks to grant 500 EUR (refund)")
        assert page.why.startswith("Sam asks to grant 500 EUR (refund): sorry.")
        assert (page.level_name, page.respond_by) == ("managers", second(8))
        waiting = the_open(held)
        assert (waiting.state, waiting.holder, waiting.level) == ("approval_asked", None, 0)

    def test_approved_it_is_resolved(self, held: Desk) -> None:
        settle(held, SAM, 500)
        act(held, MIA, approvals.approve, role="manager")
        resolved = held.the(EscalationResolved)
        assert (resolved.by, resolved.approved_by, resolved.amount) == (SAM, MIA, Decimal(500))
        assert (held.past[-1].holder, held.past[-1].approved_by) == (SAM, MIA)
        assert "escalation" not in held.timers

    def test_refused_it_is_back_as_it_was_with_a_fresh_lease(self, held: Desk) -> None:
        held.press(SAM, "take_over")
        settle(held, SAM, 500)
        held.wait_until(4)
        act(held, MIA, approvals.refuse, role="manager", reason="half will do")
        assert held.the(ApprovalRefused).by == MIA
        assert paged_since(held, 2) == [(SAM, "approval_refused")]
        why = held.all(PageRequested)[-1].why
        assert why.startswith("Mia does not approve 500 EUR: half will do.")
        back = the_open(held)
        assert (back.state, back.holder, back.deadline) == ("taken_over", SAM, second(64))
        settle(held, SAM, 50)
        assert held.the(EscalationResolved).amount == 50

    def test_whoever_asks_may_think_better_of_it(self, held: Desk) -> None:
        settle(held, SAM, 500)
        act(held, SAM, approvals.refuse, role="supervisor", reason="a credit will do")
        assert the_open(held).holder == SAM
        assert paged_since(held, 2) == []

    def test_it_takes_somebody_else_with_a_higher_limit(self, held: Desk) -> None:
        settle(held, SAM, 5000)
        with pytest.raises(actions.ForbiddenError, match="somebody else than sam"):
            act(held, SAM, approvals.approve, role="admin")
        too_low = "a role that may grant 5000 EUR; the role manager may grant 1000 EUR"
        with pytest.raises(actions.ForbiddenError, match=too_low):
            act(held, MIA, approvals.approve, role="manager")
        with pytest.raises(actions.ForbiddenError, match="the role supervisor may grant 100 EUR"):
            act(held, KIM, approvals.refuse, role="supervisor", reason="no")
        act(held, DAN, approvals.approve, role="admin")
        assert held.the(EscalationResolved).approved_by == DAN

    def test_to_say_no_takes_no_limit_for_those_who_are_asked(self, held: Desk) -> None:
        settle(held, SAM, 5000)
        act(held, MIA, approvals.refuse, role="manager", reason="far too much")
        assert held.escalation is not None
        assert held.escalation.holder == SAM

    def test_where_there_are_limits_a_refund_takes_its_amount(self, held: Desk) -> None:
        blank = Settlement("refund", "5000 EUR")
        with pytest.raises(actions.ForbiddenError, match="takes its amount"):
            act(held, SAM, approvals.settle, role="supervisor", settlement=blank)
        act(held, SAM, approvals.settle, role="supervisor", settlement=Settlement("apology", "so"))
        assert held.past[-1].outcome == "apology"

    def test_a_currency_without_a_limit_is_always_asked_for(self, held: Desk) -> None:
        money = Money(Decimal(1), "CHF")
        settlement = Settlement("credit", "small", money)
        act(held, SAM, approvals.settle, role="supervisor", settlement=settlement)
        assert held.the(ApprovalAsked).currency == "CHF"

    def test_unanswered_it_is_asked_further_up_and_at_the_top_again(self, desk: Desk) -> None:
        desk.settings = having(THREE_LEVELS)
        desk.receive()
        desk.ask_for_supervisor()
        desk.press(SAM)
        settle(desk, SAM, 500)
        desk.wait_until(7)
        assert [asked.asked for asked in desk.all(ApprovalAsked)] == [(MIA,), (DAN,)]
        desk.wait_until(7 + 9)
        assert desk.the(EscalationUnanswered).standing_since == second(16)
        desk.wait_until(7 + 9 + 9)
        assert paged_since(desk, 1) == [
            (MIA, "approval_asked"),
            (DAN, "approval_asked"),
            (DAN, "approval_asked"),
            (OPERATIONS, "unanswered"),
            (DAN, "approval_asked"),
        ]
        assert len({page.page_id for page in desk.all(PageRequested)}) == len(desk.paged())
        act(desk, MIA, approvals.approve, role="manager")
        assert desk.past[-1].state == "resolved"

    def test_at_the_top_the_others_there_are_asked(self, desk: Desk) -> None:
        both = replace(LADDER.levels[1], who=(Named("person", MIA), Named("person", DAN)))
        desk.settings = having(replace(LADDER, levels=(LADDER.levels[0], both)))
        desk.receive()
        desk.ask_for_supervisor()
        desk.wait_until(5)
        desk.press(MIA)
        settle(desk, MIA, 5000, role="manager")
        assert desk.the(ApprovalAsked).asked == (DAN,)

    def test_with_nobody_else_there_operations_are_told(self, upstairs: Desk) -> None:
        upstairs.wait_until(5)
        upstairs.press(MIA)
        settle(upstairs, MIA, 5000, role="manager")
        assert upstairs.surprises == ["nobody_on_duty"]
        assert upstairs.paged()[-1] == (OPERATIONS, "unanswered")
        upstairs.wait_until(12)
        assert len(upstairs.all(EscalationUnanswered)) == 2
        assert [page for page in upstairs.paged() if page[0] == OPERATIONS] == [
            (OPERATIONS, "unanswered")
        ]

    def test_the_next_in_turn_is_asked_first(self, desk: Desk) -> None:
        two = (Named("person", MIA), Named("person", DAN))
        in_turn = Level("managers", 7, two, ask="in_turn")
        desk.settings = having(replace(LADDER, levels=(LADDER.levels[0], in_turn)))
        desk.receive()
        desk.ask_for_supervisor()
        desk.press(SAM)
        settle(desk, SAM, 500)
        desk.wait_until(7)
        assert [asked.asked for asked in desk.all(ApprovalAsked)] == [(MIA,), (DAN,)]

    def test_while_it_is_asked_for_nobody_takes_it(self, held: Desk) -> None:
        settle(held, SAM, 500)
        with pytest.raises(
            actions.RefusedError, match="waiting for an approval that sam asked for"
        ):
            act(held, MIA, actions.take_over)
        with pytest.raises(
            actions.RefusedError, match="waiting for an approval that sam asked for"
        ):
            settle(held, SAM, 50)

    def test_nothing_to_decide(self, held: Desk) -> None:
        with pytest.raises(actions.RefusedError, match="It is acknowledged by sam"):
            act(held, MIA, approvals.approve, role="manager")

    def test_a_complaint_about_whoever_asks_voids_it(self, held: Desk) -> None:
        settle(held, SAM, 500)
        held.do(partial(reactions.raised_by_hand, by=DAN, reason="rude", about=SAM))
        open_one = the_open(held)
        assert (open_one.state, open_one.approval) == ("raised", None)
        assert SAM not in [person for person, _ in paged_since(held, 1)]
        with pytest.raises(actions.RefusedError):
            act(held, MIA, approvals.approve, role="manager")

    def test_resolved_below_meanwhile_it_is_closed(self, held: Desk) -> None:
        settle(held, SAM, 500)
        held.resolve()
        assert (held.past[-1].state, held.past[-1].approval) == ("closed", None)
        assert held.timers == {}


class TestReopening:
    def test_it_asks_those_of_the_level_where_it_ended(self, upstairs: Desk) -> None:
        upstairs.wait_until(5)
        upstairs.press(MIA)
        act(upstairs, MIA, actions.snooze, until=second(60), reason="later")
        settle(upstairs, MIA, 50, role="manager")
        ended = upstairs.past[-1]
        upstairs.resolve()
        upstairs.wait_until(30)
        act(upstairs, SAM, actions.reopen, ended=ended, reason="no refund came")
        reopened = upstairs.the(EscalationReopened)
        assert (reopened.level_name, reopened.by) == ("managers", SAM)
        assert upstairs.paged()[-1] == (MIA, "raised")
        anew = the_open(upstairs)
        assert (anew.escalation_id, anew.state) == (ended.escalation_id, "raised")
        assert (anew.outcome, anew.amount, anew.closed_at) == (None, None, None)
        assert anew.snoozes == 0
        pages = [page.page_id for page in upstairs.all(PageRequested)]
        assert len(set(pages)) == len(pages)
        upstairs.press(MIA)
        settle(upstairs, MIA, 60, role="manager")
        assert upstairs.past[-1].amount == 60

    def test_not_beside_another_open_one(self, held: Desk) -> None:
        act(held, SAM, actions.hand_back, guidance="so")
        ended = held.past[-1]
        held.ask_for_supervisor()
        with pytest.raises(actions.RefusedError, match="The contact has another one open"):
            act(held, SAM, actions.reopen, ended=ended, reason="again")


Act = Literal["acknowledge", "take_over"]


@pytest.mark.parametrize("action", ["acknowledge", "take_over"])
def test_a_press_in_a_message_does_what_the_screen_does(upstairs: Desk, action: Act) -> None:
    upstairs.press(SAM, action)
    assert the_open(upstairs).holder == SAM
    assert the_open(upstairs).contact_id == CONTACT
