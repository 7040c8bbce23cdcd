"""Outcomes over a limit: who is asked, who may decide, and what follows."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest

from common.contracts.complaints import ComplaintRaised
from common.contracts.escalations import (
    ApprovalAsked,
    ApprovalRefused,
    EscalationResolved,
    EscalationUnanswered,
    PageRequested,
)
from common.contracts.event import OPERATIONS, ContactId, CustomerId, EscalationId
from common.contracts.page_subjects import Outcome, PagedApproval
from escalation.domain import errors
from escalation.domain.escalations import actions, approvals
from escalation.domain.money import Grant, Money, ProposedOutcome
from escalation.domain.settings.ladders import Level, NamedPerson
from unit.escalation.action_examples import (
    THREE_LEVELS,
    pages_since,
    resolution_of,
    resolve_with_refund,
    settings_with,
)
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import (
    DAN,
    KIM,
    LADDER,
    MIA,
    SAM,
    second,
)


class TestApprovals:
    def test_outcome_within_limit_resolves(self, acknowledged: ContactHarness) -> None:
        resolve_with_refund(acknowledged, SAM, 100)
        resolved = acknowledged.event(EscalationResolved)
        assert (resolved.amount, resolved.currency) == (Decimal(100), "EUR")
        assert resolved.approved_by is None
        assert resolution_of(acknowledged).amount == 100

    def test_outcome_above_limit_pages_next_level(self, acknowledged: ContactHarness) -> None:
        resolve_with_refund(acknowledged, SAM, 500)
        request = acknowledged.event(ApprovalAsked)
        assert (request.by, request.approvers, request.level_name) == (SAM, (MIA,), "managers")
        assert pages_since(acknowledged, 1) == [(MIA, "approval_asked")]
        page = acknowledged.events(PageRequested)[-1]
        assert page.approval == PagedApproval(
            by=SAM, outcome="refund", amount=Decimal(500), currency="EUR", note="sorry"
        )
        assert (page.level_name, page.respond_by) == ("managers", second(8))
        waiting = acknowledged.open_escalation
        assert (waiting.state, waiting.holder, waiting.level) == ("approval_asked", None, 0)

    def test_approval_resolves(self, acknowledged: ContactHarness) -> None:
        resolve_with_refund(acknowledged, SAM, 500)
        acknowledged.act(MIA, approvals.approve, role="manager")
        resolved = acknowledged.event(EscalationResolved)
        assert (resolved.by, resolved.approved_by, resolved.amount) == (SAM, MIA, Decimal(500))
        assert (acknowledged.ended[-1].holder, resolution_of(acknowledged).approved_by) == (
            SAM,
            MIA,
        )
        assert "escalation" not in acknowledged.timers

    def test_refusal_returns_to_holder_with_new_lease(self, acknowledged: ContactHarness) -> None:
        acknowledged.press(SAM, "take_over")
        resolve_with_refund(acknowledged, SAM, 500)
        acknowledged.advance_to(4)
        acknowledged.act(MIA, approvals.refuse, role="manager", reason="half will do")
        assert acknowledged.event(ApprovalRefused).by == MIA
        assert pages_since(acknowledged, 2) == [(SAM, "approval_refused")]
        assert acknowledged.last_page.explanation == "mia does not approve 500 EUR: half will do"
        back = acknowledged.open_escalation
        assert (back.state, back.holder, back.deadline) == ("taken_over", SAM, second(64))
        resolve_with_refund(acknowledged, SAM, 50)
        assert acknowledged.event(EscalationResolved).amount == 50

    def test_asking_person_may_withdraw_request(self, acknowledged: ContactHarness) -> None:
        resolve_with_refund(acknowledged, SAM, 500)
        acknowledged.act(SAM, approvals.refuse, role="supervisor", reason="a credit will do")
        assert acknowledged.open_escalation.holder == SAM
        assert pages_since(acknowledged, 2) == []

    def test_approval_takes_another_person_with_sufficient_limit(
        self, acknowledged: ContactHarness
    ) -> None:
        resolve_with_refund(acknowledged, SAM, 5000)
        with pytest.raises(errors.ForbiddenError, match="sam asks for it, so somebody else"):
            acknowledged.act(SAM, approvals.approve, role="admin")
        too_low = "a role that may grant 5000 EUR; the role manager may grant 1000 EUR"
        with pytest.raises(errors.ForbiddenError, match=too_low):
            acknowledged.act(MIA, approvals.approve, role="manager")
        with pytest.raises(errors.ForbiddenError, match="the role supervisor may grant 100 EUR"):
            acknowledged.act(KIM, approvals.refuse, role="supervisor", reason="no")
        acknowledged.act(DAN, approvals.approve, role="admin")
        assert acknowledged.event(EscalationResolved).approved_by == DAN

    def test_asked_person_may_refuse_without_limit(self, acknowledged: ContactHarness) -> None:
        resolve_with_refund(acknowledged, SAM, 5000)
        acknowledged.act(MIA, approvals.refuse, role="manager", reason="far too much")
        assert acknowledged.escalation is not None
        assert acknowledged.escalation.holder == SAM

    @pytest.mark.parametrize("outcome", ["refund", "credit", "replacement", "service_adjustment"])
    def test_outcome_that_costs_something_needs_its_amount(self, outcome: Outcome) -> None:
        with pytest.raises(ValueError, match=f"state the amount of the {outcome}"):
            ProposedOutcome(outcome, "5000 EUR")

    @pytest.mark.parametrize(
        ("amount", "currency"), [("0.5", "JPY"), ("0.001", "EUR"), ("0.0001", "KWD")]
    )
    def test_amount_that_cannot_be_paid_is_refused(self, amount: str, currency: str) -> None:
        with pytest.raises(ValueError, match="decimals"):
            Money(Decimal(amount), currency)

    def test_grants_before_count_toward_the_limit(self, acknowledged: ContactHarness) -> None:
        """Slices by resolving and reopening do not evade the limit."""
        resolve_with_refund(acknowledged, SAM, 60)
        again = partial(
            actions.reopen_escalation, ended=acknowledged.ended[-1], by=SAM, reason="more"
        )
        acknowledged.apply(again)
        acknowledged.press(SAM)
        resolve_with_refund(acknowledged, SAM, 60)
        assert acknowledged.event(ApprovalAsked).amount == 60
        with pytest.raises(errors.ForbiddenError, match="100 EUR, and 60 EUR were granted before"):
            acknowledged.act(KIM, approvals.approve, role="supervisor")
        acknowledged.act(MIA, approvals.approve, role="manager")

    @pytest.mark.parametrize(
        ("days", "currency", "needs_approval"),
        [(29, "EUR", True), (31, "EUR", False), (1, "USD", False)],
    )
    def test_grants_to_same_customer_count_within_the_window(
        self, acknowledged: ContactHarness, days: int, currency: str, needs_approval: bool
    ) -> None:
        elsewhere = Grant(
            EscalationId("e"),
            ContactId("another"),
            CustomerId("c"),
            Decimal(80),
            currency,
            acknowledged.at - timedelta(days=days),
            KIM,
        )
        acknowledged.earlier_grants = (elsewhere,)
        resolve_with_refund(acknowledged, SAM, 30)
        assert len(acknowledged.events(ApprovalAsked)) == needs_approval

    def test_currency_without_limit_needs_approval(self, acknowledged: ContactHarness) -> None:
        money = Money(Decimal(1), "CHF")
        settlement = ProposedOutcome("credit", "small", money)
        acknowledged.act(SAM, approvals.resolve, role="supervisor", proposed=settlement)
        assert acknowledged.event(ApprovalAsked).currency == "CHF"

    def test_unanswered_request_climbs_and_repeats_at_top(self, harness: ContactHarness) -> None:
        harness.settings = settings_with(THREE_LEVELS)
        harness.receive()
        harness.ask_for_supervisor()
        harness.press(SAM)
        resolve_with_refund(harness, SAM, 500)
        harness.advance_to(7)
        assert [request.approvers for request in harness.events(ApprovalAsked)] == [(MIA,), (DAN,)]
        harness.advance_to(7 + 9)
        assert harness.event(EscalationUnanswered).standing_since == second(16)
        harness.advance_to(7 + 9 + 17.9)
        assert len(harness.pages()) == 5
        harness.advance_to(7 + 9 + 18)
        assert pages_since(harness, 1) == [
            (MIA, "approval_asked"),
            (DAN, "approval_asked"),
            (DAN, "approval_asked"),
            (OPERATIONS, "unanswered"),
            (DAN, "approval_asked"),
        ]
        assert len({page.page_id for page in harness.events(PageRequested)}) == len(harness.pages())
        harness.act(MIA, approvals.approve, role="manager")
        assert harness.ended[-1].state == "resolved"

    def test_request_at_top_pages_others_of_level(self, harness: ContactHarness) -> None:
        both = replace(
            LADDER.levels[1], who=(NamedPerson("person", MIA), NamedPerson("person", DAN))
        )
        harness.settings = settings_with(replace(LADDER, levels=(LADDER.levels[0], both)))
        harness.receive()
        harness.ask_for_supervisor()
        harness.advance_to(5)
        harness.press(MIA)
        resolve_with_refund(harness, MIA, 5000, role="manager")
        assert harness.event(ApprovalAsked).approvers == (DAN,)

    def test_request_without_approvers_pages_operations(self, raised: ContactHarness) -> None:
        raised.advance_to(5)
        raised.press(MIA)
        resolve_with_refund(raised, MIA, 5000, role="manager")
        assert raised.surprises == ["nobody_on_duty"]
        assert raised.pages()[-1] == (OPERATIONS, "unanswered")
        raised.advance_to(100)
        assert len(raised.events(EscalationUnanswered)) == 1
        assert len(raised.events(ApprovalAsked)) == 1
        assert [page for page in raised.pages() if page[0] == OPERATIONS] == [
            (OPERATIONS, "unanswered")
        ]

    def test_request_in_turn_pages_next_of_level_first(self, harness: ContactHarness) -> None:
        two = (NamedPerson("person", MIA), NamedPerson("person", DAN))
        in_turn = Level("managers", 7, two, ask="in_turn")
        harness.settings = settings_with(replace(LADDER, levels=(LADDER.levels[0], in_turn)))
        harness.receive()
        harness.ask_for_supervisor()
        harness.press(SAM)
        resolve_with_refund(harness, SAM, 500)
        harness.advance_to(7)
        assert [request.approvers for request in harness.events(ApprovalAsked)] == [(MIA,), (DAN,)]

    def test_pending_request_cannot_be_taken_over(self, acknowledged: ContactHarness) -> None:
        resolve_with_refund(acknowledged, SAM, 500)
        with pytest.raises(errors.RefusedError, match="waiting for an approval that sam asked for"):
            acknowledged.act(MIA, actions.take_over)
        with pytest.raises(errors.RefusedError, match="waiting for an approval that sam asked for"):
            resolve_with_refund(acknowledged, SAM, 50)

    def test_decision_without_request_is_refused(self, acknowledged: ContactHarness) -> None:
        with pytest.raises(errors.RefusedError, match="It is acknowledged by sam"):
            acknowledged.act(MIA, approvals.approve, role="manager")

    def test_complaint_about_asking_person_leaves_request_pending(
        self, acknowledged: ContactHarness
    ) -> None:
        resolve_with_refund(acknowledged, SAM, 500)
        acknowledged.complain(SAM, by=DAN)
        waiting = acknowledged.open_escalation
        assert (waiting.state, waiting.awaited) == ("approval_asked", (MIA,))
        assert acknowledged.event(ComplaintRaised).about == SAM
        acknowledged.act(MIA, approvals.approve, role="manager")
        assert acknowledged.event(EscalationResolved).approved_by == MIA

    def test_refused_request_does_not_return_to_person_complained_about(
        self, acknowledged: ContactHarness
    ) -> None:
        resolve_with_refund(acknowledged, SAM, 500)
        acknowledged.complain(SAM, by=DAN)
        acknowledged.act(MIA, approvals.refuse, role="manager", reason="too much")
        refused = acknowledged.open_escalation
        assert (refused.state, refused.holder, refused.awaited) == ("raised", None, (MIA,))

    def test_approver_complained_about_is_asked_no_more(self, harness: ContactHarness) -> None:
        harness.settings = settings_with(THREE_LEVELS)
        harness.receive()
        harness.ask_for_supervisor()
        harness.press(SAM)
        resolve_with_refund(harness, SAM, 500)
        harness.complain(MIA, by=KIM)
        waiting = harness.open_escalation
        assert (waiting.state, waiting.awaited) == ("approval_asked", (DAN,))
        assert harness.events(ApprovalAsked)[-1].approvers == (DAN,)

    def test_pending_request_is_closed_with_contact(self, acknowledged: ContactHarness) -> None:
        resolve_with_refund(acknowledged, SAM, 500)
        acknowledged.resolve()
        assert (acknowledged.ended[-1].state, acknowledged.ended[-1].approval) == ("closed", None)
        assert acknowledged.timers == {}
