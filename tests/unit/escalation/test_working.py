"""What people do with an escalation they have, told with a clock that the test moves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
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
    PagedApproval,
    PageRequested,
)
from common.contracts.event import PersonId
from escalation.domain import errors, reactions
from escalation.domain.duty.schedules import Absence, DutySchedule, Override, Rotation
from escalation.domain.escalations import actions, approvals
from escalation.domain.escalations.approvals import Money, ProposedOutcome
from escalation.domain.model import Lease, Resolution
from escalation.domain.settings.ladders import Ladder, Level, NamedPerson
from escalation.domain.settings.people import ApprovalLimit, Person
from escalation.domain.settings.policies import Target
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.situation import Decision
from escalation.domain.types import OPERATIONS
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import (
    CONTACT,
    DAN,
    DUTY,
    KIM,
    LADDER,
    MIA,
    POLICY,
    RITA,
    SAM,
    SETTINGS,
    START,
    second,
)

# Nothing breaks meanwhile.
CALM = replace(POLICY, targets=(Target("assignment", 10_000),))
LIMITS = {
    "supervisor": Versioned("supervisor", 1, ApprovalLimit({"EUR": Decimal(100)})),
    "manager": Versioned("manager", 1, ApprovalLimit({"EUR": Decimal(1000)})),
}
THREE_LEVELS = replace(
    LADDER, levels=(*LADDER.levels, Level("directors", 9, (NamedPerson("person", DAN),)))
)


def having(ladder: Ladder = LADDER, duty: DutySchedule = DUTY) -> Configuration:
    return replace(
        SETTINGS,
        policies={"gold": Versioned("gold", 1, CALM)},
        ladders={"default": Versioned("default", 2, ladder)},
        schedules={"supervisors": Versioned("supervisors", 2, duty)},
        limits=LIMITS,
    )


def act(
    harness: ContactHarness, by: PersonId, action: Callable[..., Decision], **given: object
) -> None:
    harness.apply(partial(action, by=by, **given))


def settle(harness: ContactHarness, by: PersonId, amount: int, role: str = "supervisor") -> None:
    money = Money(Decimal(amount), "EUR")
    act(
        harness,
        by,
        approvals.resolve,
        role=role,
        proposed=ProposedOutcome("refund", "sorry", money),
    )


def ending_of(harness: ContactHarness) -> Resolution:
    """Return how the last escalation ended."""
    resolution = harness.ended[-1].resolution
    assert resolution is not None
    return resolution


def lease_of(harness: ContactHarness) -> Lease:
    lease = harness.open_escalation.lease
    assert lease is not None
    return lease


def paged_since(harness: ContactHarness, number: int) -> list[tuple[str, str]]:
    return harness.pages()[number:]


@pytest.fixture
def harness() -> ContactHarness:
    return ContactHarness(settings=having())


@pytest.fixture
def upstairs(harness: ContactHarness) -> ContactHarness:
    """Return a harness at which the customer asks for a supervisor: sam is paged."""
    harness.receive()
    harness.assign()
    harness.ask_for_supervisor()
    assert harness.pages() == [(SAM, "raised")]
    return harness


@pytest.fixture
def held(upstairs: ContactHarness) -> ContactHarness:
    """Return a harness at which sam has acknowledged, at second 1, for 20 seconds."""
    upstairs.advance_to(1)
    upstairs.press(SAM)
    return upstairs


class TestLeases:
    def test_it_warns_first_and_climbs_without_progress(self, held: ContactHarness) -> None:
        held.advance_to(10.9)
        assert paged_since(held, 1) == []
        held.advance_to(11)
        assert paged_since(held, 1) == [(SAM, "lease_ending")]
        page = held.events(PageRequested)[-1]
        assert (page.lease_end, page.explanation) == ("progress", None)
        assert page.respond_by == second(21)
        held.advance_to(21)
        assert held.event(EscalationClimbed).reason == "lease of sam expired"
        assert paged_since(held, 2) == [(MIA, "climbed")]

    def test_a_warning_comes_so_long_before_but_never_in_the_first_half(
        self, harness: ContactHarness
    ) -> None:
        harness.settings = having(replace(LADDER, warn_before_s=5))
        harness.receive()
        harness.ask_for_supervisor()
        harness.press(SAM)
        assert harness.open_escalation.warn_at == second(15)
        harness.press(SAM, "take_over")
        assert harness.open_escalation.warn_at == second(55)

    def test_any_progress_renews_it(self, held: ContactHarness) -> None:
        held.advance_to(15)
        act(held, SAM, actions.add_note, text="I called her.")
        assert held.event(EscalationLeaseRenewed).lease_expires_at == second(35)
        held.advance_to(20)
        act(held, SAM, actions.request_coaching, person_id=RITA, text="Say sorry sooner.")
        act(held, SAM, actions.renew_lease)
        held.advance_to(22)
        sides = {"customer_statement": "a", "representative_statement": "b", "proposal": "c"}
        act(held, SAM, actions.mediate, **sides)
        assert held.open_escalation.deadline == second(42)
        assert held.event(EscalationNoted).text == "I called her."
        assert held.event(CoachingRequested).person_id == RITA
        assert held.event(EscalationMediated).proposal == "c"
        assert held.events(EscalationClimbed) == []

    def test_what_is_repeated_at_once_renews_nothing_twice(self, held: ContactHarness) -> None:
        held.advance_to(5)
        act(held, SAM, actions.renew_lease)
        act(held, SAM, actions.renew_lease)
        assert len(held.events(EscalationLeaseRenewed)) == 1

    def test_a_note_of_somebody_else_renews_nothing(self, held: ContactHarness) -> None:
        held.advance_to(15)
        act(held, MIA, actions.add_note, text="Mind the press.")
        assert held.events(EscalationLeaseRenewed) == []
        assert held.open_escalation.deadline == second(21)

    def test_a_new_lease_warns_anew_and_the_old_warning_is_silent(
        self, held: ContactHarness
    ) -> None:
        earlier = held.timers["escalation:warning"].timer
        held.advance_to(5)
        act(held, SAM, actions.renew_lease)
        held.send(earlier)
        assert paged_since(held, 1) == []
        held.advance_to(15)
        assert paged_since(held, 1) == [(SAM, "lease_ending")]

    def test_what_ends_it_takes_the_warning_along(self, held: ContactHarness) -> None:
        act(held, SAM, actions.hand_back, guidance="offer a credit")
        assert not [slot for slot in held.timers if slot.startswith("escalation")]

    def test_an_acknowledgement_a_millisecond_after_climbing_counts(
        self, upstairs: ContactHarness
    ) -> None:
        upstairs.advance_to(5.001)
        upstairs.press(SAM)
        assert upstairs.event(EscalationAcknowledged).by == SAM

    def test_without_a_ladder_it_is_a_lease_all_the_same(self, harness: ContactHarness) -> None:
        harness.settings = Configuration()
        harness.receive()
        harness.ask_for_supervisor()
        harness.apply(partial(actions.take_over, by=SAM))
        assert harness.event(EscalationTakenOver).lease_expires_at == second(60)


class TestShifts:
    @pytest.fixture
    def changing(self, harness: ContactHarness) -> ContactHarness:
        """Return a harness at which kim relieves sam at second 12."""
        duty = DutySchedule(
            (Rotation("UTC", START - timedelta(days=1), 365 * 86400, (SAM,)),),
            (Override(KIM, second(12), second(4000)),),
        )
        harness.settings = having(duty=duty)
        harness.receive()
        harness.assign()
        harness.ask_for_supervisor()
        harness.advance_to(2)
        harness.press(SAM)
        return harness

    def test_a_lease_lapses_with_the_shift_and_returns_to_the_next(
        self, changing: ContactHarness
    ) -> None:
        assert changing.event(EscalationAcknowledged).lease_expires_at == second(12)
        changing.advance_to(7)
        assert paged_since(changing, 1) == [(SAM, "lease_ending")]
        page = changing.last_page
        assert (page.lease_end, page.level_name) == ("shift", "supervisors")
        assert page.respond_by == second(12)
        changing.advance_to(12)
        returned = changing.event(EscalationReturned)
        assert (returned.from_person, returned.level_name) == (SAM, "supervisors")
        assert returned.reason == "shift of sam ended"
        assert paged_since(changing, 2) == [(KIM, "returned")]
        assert changing.open_escalation.state == "raised"
        changing.press(KIM)
        assert changing.open_escalation.holder == KIM

    def test_nor_does_a_snooze(self, changing: ContactHarness) -> None:
        act(changing, SAM, actions.snooze, until=second(600), reason="later")
        assert changing.event(EscalationSnoozed).until == second(12)
        changing.advance_to(12)
        assert changing.pages()[-1] == (KIM, "returned")

    def test_progress_does_not_outlast_the_shift(self, changing: ContactHarness) -> None:
        changing.advance_to(8)
        act(changing, SAM, actions.add_note, text="nearly done")
        assert changing.events(EscalationLeaseRenewed) == []
        changing.advance_to(12)
        assert changing.event(EscalationReturned).from_person == SAM

    def test_nobody_else_there_and_it_climbs(self, upstairs: ContactHarness) -> None:
        away = Person(absences=(Absence(second(12), second(4000)),))
        upstairs.settings = replace(upstairs.settings, people={"sam": Versioned("sam", 1, away)})
        upstairs.press(SAM)
        upstairs.advance_to(12)
        assert upstairs.events(EscalationReturned) == []
        climbed = upstairs.event(EscalationClimbed)
        assert climbed.reason == "shift of sam ended"
        assert upstairs.pages()[-1] == (MIA, "climbed")

    def test_who_is_named_at_the_level_has_no_shift_there(self, upstairs: ContactHarness) -> None:
        upstairs.advance_to(5)
        upstairs.press(MIA)
        assert upstairs.open_escalation.lease == Lease(MIA, "progress", second(15))


class TestSnoozes:
    def test_it_sleeps_until_then_and_wakes_whoever_has_it(self, held: ContactHarness) -> None:
        act(held, SAM, actions.snooze, until=second(600), reason="she calls at three")
        assert held.event(EscalationSnoozed).until == second(600)
        held.advance_to(599)
        assert paged_since(held, 1) == []
        held.advance_to(600)
        assert paged_since(held, 1) == [(SAM, "snooze_over")]
        assert held.event(EscalationLeaseRenewed).lease_expires_at == second(620)
        assert lease_of(held).snoozed_until is None
        held.advance_to(620)
        assert held.event(EscalationClimbed).reason == "lease of sam expired"

    def test_only_so_long(self, held: ContactHarness) -> None:
        for until in (second(1), second(1 + 3600.001)):
            with pytest.raises(errors.RefusedError, match="A snooze must end within 1 h from now"):
                act(held, SAM, actions.snooze, until=until, reason="later")

    def test_only_so_often(self, held: ContactHarness) -> None:
        for _ in range(2):
            until = held.at + timedelta(seconds=30)
            act(held, SAM, actions.snooze, until=until, reason="later")
        with pytest.raises(errors.RefusedError, match="It was snoozed 2 times already"):
            act(held, SAM, actions.snooze, until=second(60), reason="later")

    def test_a_note_leaves_it_asleep_and_renewing_wakes_it(self, held: ContactHarness) -> None:
        act(held, SAM, actions.snooze, until=second(600), reason="later")
        act(held, SAM, actions.add_note, text="Her number is new.")
        assert held.open_escalation.deadline == second(600)
        act(held, SAM, actions.renew_lease)
        assert held.open_escalation.deadline == second(21)
        assert lease_of(held).snoozed_until is None

    def test_only_by_whoever_has_it(self, held: ContactHarness) -> None:
        with pytest.raises(errors.RefusedError, match="It is acknowledged by sam"):
            act(held, MIA, actions.snooze, until=second(60), reason="later")


class TestPassingOn:
    def test_handed_over_sideways_the_colleague_is_asked(self, held: ContactHarness) -> None:
        act(held, SAM, actions.hand_over, to=KIM, context="she knows her")
        assert held.event(EscalationHandedOver).context == "she knows her"
        assert paged_since(held, 1) == [(KIM, "handed_over")]
        assert held.last_page.explanation == "sam hands it over: she knows her"
        assert (held.open_escalation.state, held.open_escalation.awaited) == ("raised", (KIM,))
        assert held.open_escalation.deadline == second(6)
        held.press(KIM, "take_over")
        assert held.open_escalation.holder == KIM

    def test_handed_over_and_unanswered_it_climbs(self, held: ContactHarness) -> None:
        act(held, SAM, actions.hand_over, to=KIM, context="she knows her")
        held.advance_to(6)
        assert held.event(EscalationClimbed).reason == "no answer from kim"

    def test_not_to_oneself(self, held: ContactHarness) -> None:
        with pytest.raises(errors.RefusedError, match="It is acknowledged by sam already"):
            act(held, SAM, actions.hand_over, to=SAM, context="me")

    def test_referred_up_says_who_and_why(self, held: ContactHarness) -> None:
        act(held, SAM, actions.refer_up, reason="legal")
        assert held.event(EscalationReferredUp).reason == "legal"
        assert held.event(EscalationClimbed).reason == "referred up by sam: legal"
        assert paged_since(held, 1) == [(MIA, "climbed")]

    @pytest.mark.parametrize(
        ("action", "given"),
        [
            (actions.renew_lease, {}),
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
        self, held: ContactHarness, action: Callable[..., Decision], given: dict[str, object]
    ) -> None:
        with pytest.raises(errors.RefusedError, match="It is acknowledged by sam"):
            act(held, MIA, action, **given)

    def test_nobody_works_on_a_complaint_about_oneself(self, upstairs: ContactHarness) -> None:
        complaint = replace(upstairs.open_escalation.causes[0], kind="complaint", about=KIM)
        upstairs.escalation = replace(upstairs.open_escalation, causes=(complaint,))
        with pytest.raises(errors.ForbiddenError, match="The complaint is about you"):
            act(upstairs, KIM, actions.take_over)
        upstairs.press(KIM)
        assert upstairs.surprises == ["late_action_ignored"]
        act(upstairs, SAM, actions.take_over)
        with pytest.raises(errors.ForbiddenError, match="The complaint is about kim"):
            act(upstairs, SAM, actions.hand_over, to=KIM, context="yours")


class TestApprovals:
    def test_within_the_limit_it_is_resolved(self, held: ContactHarness) -> None:
        settle(held, SAM, 100)
        resolved = held.event(EscalationResolved)
        assert (resolved.amount, resolved.currency) == (Decimal(100), "EUR")
        assert resolved.approved_by is None
        assert ending_of(held).amount == 100

    def test_above_it_the_next_level_is_asked(self, held: ContactHarness) -> None:
        settle(held, SAM, 500)
        asked = held.event(ApprovalAsked)
        assert (asked.by, asked.asked, asked.level_name) == (SAM, (MIA,), "managers")
        assert paged_since(held, 1) == [(MIA, "approval_asked")]
        page = held.events(PageRequested)[-1]
        assert page.approval == PagedApproval(
            by=SAM, outcome="refund", amount=Decimal(500), currency="EUR", note="sorry"
        )
        assert (page.level_name, page.respond_by) == ("managers", second(8))
        waiting = held.open_escalation
        assert (waiting.state, waiting.holder, waiting.level) == ("approval_asked", None, 0)

    def test_approved_it_is_resolved(self, held: ContactHarness) -> None:
        settle(held, SAM, 500)
        act(held, MIA, approvals.approve, role="manager")
        resolved = held.event(EscalationResolved)
        assert (resolved.by, resolved.approved_by, resolved.amount) == (SAM, MIA, Decimal(500))
        assert (held.ended[-1].holder, ending_of(held).approved_by) == (SAM, MIA)
        assert "escalation" not in held.timers

    def test_refused_it_is_back_as_it_was_with_a_fresh_lease(self, held: ContactHarness) -> None:
        held.press(SAM, "take_over")
        settle(held, SAM, 500)
        held.advance_to(4)
        act(held, MIA, approvals.refuse, role="manager", reason="half will do")
        assert held.event(ApprovalRefused).by == MIA
        assert paged_since(held, 2) == [(SAM, "approval_refused")]
        assert held.last_page.explanation == "mia does not approve 500 EUR: half will do"
        back = held.open_escalation
        assert (back.state, back.holder, back.deadline) == ("taken_over", SAM, second(64))
        settle(held, SAM, 50)
        assert held.event(EscalationResolved).amount == 50

    def test_whoever_asks_may_think_better_of_it(self, held: ContactHarness) -> None:
        settle(held, SAM, 500)
        act(held, SAM, approvals.refuse, role="supervisor", reason="a credit will do")
        assert held.open_escalation.holder == SAM
        assert paged_since(held, 2) == []

    def test_it_takes_somebody_else_with_a_higher_limit(self, held: ContactHarness) -> None:
        settle(held, SAM, 5000)
        with pytest.raises(errors.ForbiddenError, match="sam asks for it, so somebody else"):
            act(held, SAM, approvals.approve, role="admin")
        too_low = "a role that may grant 5000 EUR; the role manager may grant 1000 EUR"
        with pytest.raises(errors.ForbiddenError, match=too_low):
            act(held, MIA, approvals.approve, role="manager")
        with pytest.raises(errors.ForbiddenError, match="the role supervisor may grant 100 EUR"):
            act(held, KIM, approvals.refuse, role="supervisor", reason="no")
        act(held, DAN, approvals.approve, role="admin")
        assert held.event(EscalationResolved).approved_by == DAN

    def test_to_say_no_takes_no_limit_for_those_who_are_asked(self, held: ContactHarness) -> None:
        settle(held, SAM, 5000)
        act(held, MIA, approvals.refuse, role="manager", reason="far too much")
        assert held.escalation is not None
        assert held.escalation.holder == SAM

    def test_where_there_are_limits_a_refund_takes_its_amount(self, held: ContactHarness) -> None:
        blank = ProposedOutcome("refund", "5000 EUR")
        with pytest.raises(errors.ForbiddenError, match="State the amount of the refund"):
            act(held, SAM, approvals.resolve, role="supervisor", proposed=blank)
        act(
            held,
            SAM,
            approvals.resolve,
            role="supervisor",
            proposed=ProposedOutcome("apology", "so"),
        )
        assert ending_of(held).outcome == "apology"

    def test_a_currency_without_a_limit_is_always_asked_for(self, held: ContactHarness) -> None:
        money = Money(Decimal(1), "CHF")
        settlement = ProposedOutcome("credit", "small", money)
        act(held, SAM, approvals.resolve, role="supervisor", proposed=settlement)
        assert held.event(ApprovalAsked).currency == "CHF"

    def test_unanswered_it_is_asked_further_up_and_at_the_top_again(
        self, harness: ContactHarness
    ) -> None:
        harness.settings = having(THREE_LEVELS)
        harness.receive()
        harness.ask_for_supervisor()
        harness.press(SAM)
        settle(harness, SAM, 500)
        harness.advance_to(7)
        assert [asked.asked for asked in harness.events(ApprovalAsked)] == [(MIA,), (DAN,)]
        harness.advance_to(7 + 9)
        assert harness.event(EscalationUnanswered).standing_since == second(16)
        harness.advance_to(7 + 9 + 9)
        assert paged_since(harness, 1) == [
            (MIA, "approval_asked"),
            (DAN, "approval_asked"),
            (DAN, "approval_asked"),
            (OPERATIONS, "unanswered"),
            (DAN, "approval_asked"),
        ]
        assert len({page.page_id for page in harness.events(PageRequested)}) == len(harness.pages())
        act(harness, MIA, approvals.approve, role="manager")
        assert harness.ended[-1].state == "resolved"

    def test_at_the_top_the_others_there_are_asked(self, harness: ContactHarness) -> None:
        both = replace(
            LADDER.levels[1], who=(NamedPerson("person", MIA), NamedPerson("person", DAN))
        )
        harness.settings = having(replace(LADDER, levels=(LADDER.levels[0], both)))
        harness.receive()
        harness.ask_for_supervisor()
        harness.advance_to(5)
        harness.press(MIA)
        settle(harness, MIA, 5000, role="manager")
        assert harness.event(ApprovalAsked).asked == (DAN,)

    def test_with_nobody_else_there_operations_are_told(self, upstairs: ContactHarness) -> None:
        upstairs.advance_to(5)
        upstairs.press(MIA)
        settle(upstairs, MIA, 5000, role="manager")
        assert upstairs.surprises == ["nobody_on_duty"]
        assert upstairs.pages()[-1] == (OPERATIONS, "unanswered")
        upstairs.advance_to(12)
        assert len(upstairs.events(EscalationUnanswered)) == 2
        assert [page for page in upstairs.pages() if page[0] == OPERATIONS] == [
            (OPERATIONS, "unanswered")
        ]

    def test_the_next_in_turn_is_asked_first(self, harness: ContactHarness) -> None:
        two = (NamedPerson("person", MIA), NamedPerson("person", DAN))
        in_turn = Level("managers", 7, two, ask="in_turn")
        harness.settings = having(replace(LADDER, levels=(LADDER.levels[0], in_turn)))
        harness.receive()
        harness.ask_for_supervisor()
        harness.press(SAM)
        settle(harness, SAM, 500)
        harness.advance_to(7)
        assert [asked.asked for asked in harness.events(ApprovalAsked)] == [(MIA,), (DAN,)]

    def test_while_it_is_asked_for_nobody_takes_it(self, held: ContactHarness) -> None:
        settle(held, SAM, 500)
        with pytest.raises(errors.RefusedError, match="waiting for an approval that sam asked for"):
            act(held, MIA, actions.take_over)
        with pytest.raises(errors.RefusedError, match="waiting for an approval that sam asked for"):
            settle(held, SAM, 50)

    def test_nothing_to_decide(self, held: ContactHarness) -> None:
        with pytest.raises(errors.RefusedError, match="It is acknowledged by sam"):
            act(held, MIA, approvals.approve, role="manager")

    def test_a_complaint_about_whoever_asks_voids_it(self, held: ContactHarness) -> None:
        settle(held, SAM, 500)
        held.apply(partial(reactions.raise_by_hand, by=DAN, reason="rude", about=SAM))
        open_one = held.open_escalation
        assert (open_one.state, open_one.approval) == ("raised", None)
        assert SAM not in [person for person, _ in paged_since(held, 1)]
        with pytest.raises(errors.RefusedError):
            act(held, MIA, approvals.approve, role="manager")

    def test_resolved_below_meanwhile_it_is_closed(self, held: ContactHarness) -> None:
        settle(held, SAM, 500)
        held.resolve()
        assert (held.ended[-1].state, held.ended[-1].approval) == ("closed", None)
        assert held.timers == {}


class TestReopening:
    def test_it_asks_those_of_the_level_where_it_ended(self, upstairs: ContactHarness) -> None:
        upstairs.advance_to(5)
        upstairs.press(MIA)
        act(upstairs, MIA, actions.snooze, until=second(60), reason="later")
        settle(upstairs, MIA, 50, role="manager")
        ended = upstairs.ended[-1]
        upstairs.resolve()
        upstairs.advance_to(30)
        act(upstairs, SAM, actions.reopen_escalation, ended=ended, reason="no refund came")
        reopened = upstairs.event(EscalationReopened)
        assert (reopened.level_name, reopened.by) == ("managers", SAM)
        assert upstairs.pages()[-1] == (MIA, "raised")
        anew = upstairs.open_escalation
        assert (anew.escalation_id, anew.state) == (ended.escalation_id, "raised")
        assert (anew.resolution, anew.closed_at) == (None, None)
        assert anew.snoozes == 0
        pages = [page.page_id for page in upstairs.events(PageRequested)]
        assert len(set(pages)) == len(pages)
        upstairs.press(MIA)
        settle(upstairs, MIA, 60, role="manager")
        assert ending_of(upstairs).amount == 60

    def test_not_beside_another_open_one(self, held: ContactHarness) -> None:
        act(held, SAM, actions.hand_back, guidance="so")
        ended = held.ended[-1]
        held.ask_for_supervisor()
        with pytest.raises(errors.RefusedError, match="The contact has another open escalation"):
            act(held, SAM, actions.reopen_escalation, ended=ended, reason="again")


Act = Literal["acknowledge", "take_over"]


@pytest.mark.parametrize("action", ["acknowledge", "take_over"])
def test_a_press_in_a_message_does_what_the_screen_does(
    upstairs: ContactHarness, action: Act
) -> None:
    upstairs.press(SAM, action)
    assert upstairs.open_escalation.holder == SAM
    assert upstairs.open_escalation.contact_id == CONTACT
