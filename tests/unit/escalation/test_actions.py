"""Passing an escalation on, reopening it, and acting from a notification."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Literal

import pytest

from common.contracts.escalations import (
    EscalationClimbed,
    EscalationHandedBack,
    EscalationHandedOver,
    EscalationReferredUp,
    EscalationReopened,
    EscalationSnoozed,
    PageRequested,
)
from common.contracts.event import PersonId
from escalation.domain import errors
from escalation.domain.escalations import actions
from escalation.domain.situation import Decision
from unit.escalation.action_examples import (
    pages_since,
    resolution_of,
    resolve_with_refund,
)
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import (
    CONTACT,
    KIM,
    MIA,
    RITA,
    SAM,
    second,
)


class TestPassingOn:
    def test_hand_over_pages_colleague(self, acknowledged: ContactHarness) -> None:
        acknowledged.act(SAM, actions.hand_over, to=KIM, context="she knows her")
        assert acknowledged.event(EscalationHandedOver).context == "she knows her"
        assert pages_since(acknowledged, 1) == [(KIM, "handed_over")]
        assert acknowledged.last_page.explanation == "sam hands it over: she knows her"
        assert (acknowledged.open_escalation.state, acknowledged.open_escalation.awaited) == (
            "raised",
            (KIM,),
        )
        assert acknowledged.open_escalation.deadline == second(6)
        acknowledged.press(KIM, "take_over")
        assert acknowledged.open_escalation.holder == KIM

    def test_unanswered_hand_over_climbs(self, acknowledged: ContactHarness) -> None:
        acknowledged.act(SAM, actions.hand_over, to=KIM, context="she knows her")
        acknowledged.advance_to(6)
        assert acknowledged.event(EscalationClimbed).reason == "no answer from kim"

    def test_hand_over_to_oneself_is_refused(self, acknowledged: ContactHarness) -> None:
        with pytest.raises(errors.RefusedError, match="It is acknowledged by sam already"):
            acknowledged.act(SAM, actions.hand_over, to=SAM, context="me")

    def test_referral_up_climbs_with_reason(self, acknowledged: ContactHarness) -> None:
        acknowledged.act(SAM, actions.refer_up, reason="legal")
        assert acknowledged.event(EscalationReferredUp).reason == "legal"
        assert acknowledged.event(EscalationClimbed).reason == "referred up by sam: legal"
        assert pages_since(acknowledged, 1) == [(MIA, "climbed")]

    @pytest.mark.parametrize(
        ("action", "params"),
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
    def test_only_holder_may_act(
        self,
        acknowledged: ContactHarness,
        action: Callable[..., Decision],
        params: dict[str, object],
    ) -> None:
        with pytest.raises(errors.RefusedError, match="It is acknowledged by sam"):
            acknowledged.act(MIA, action, **params)

    def test_hand_over_to_unknown_person_is_refused(self, acknowledged: ContactHarness) -> None:
        with pytest.raises(errors.UnknownPersonError, match="There is no person max"):
            acknowledged.act(SAM, actions.hand_over, to=PersonId("max"), context="x")

    def test_accused_person_may_not_act_on_complaint(self, raised: ContactHarness) -> None:
        raised.complain(KIM)
        with pytest.raises(errors.ForbiddenError, match="The complaint is about you"):
            raised.act(KIM, actions.take_over)
        raised.press(KIM)
        assert raised.surprises == ["late_action_ignored"]
        raised.act(SAM, actions.take_over)
        with pytest.raises(errors.ForbiddenError, match="The complaint is about kim"):
            raised.act(SAM, actions.hand_over, to=KIM, context="yours")


class TestReopening:
    def test_reopening_pages_level_where_it_ended(self, raised: ContactHarness) -> None:
        raised.advance_to(5)
        raised.press(MIA)
        raised.act(MIA, actions.snooze, until=second(60), reason="later")
        resolve_with_refund(raised, MIA, 50, role="manager")
        ended = raised.ended[-1]
        raised.resolve()
        raised.advance_to(30)
        raised.act(SAM, actions.reopen_escalation, ended=ended, reason="no refund came")
        reopened = raised.event(EscalationReopened)
        assert (reopened.level_name, reopened.by) == ("managers", SAM)
        assert raised.pages()[-1] == (MIA, "raised")
        anew = raised.open_escalation
        assert (anew.escalation_id, anew.state) == (ended.escalation_id, "raised")
        assert (anew.resolution, anew.closed_at) == (None, None)
        assert anew.snoozes == 0
        pages = [page.page_id for page in raised.events(PageRequested)]
        assert len(set(pages)) == len(pages)
        raised.press(MIA)
        resolve_with_refund(raised, MIA, 60, role="manager")
        assert resolution_of(raised).amount == 60

    @pytest.mark.parametrize("order", ["end first", "reopening first"])
    @pytest.mark.parametrize("end", ["resolve", "abandon"])
    def test_reopened_escalation_stays_open_whenever_the_end_of_the_contact_comes(
        self, acknowledged: ContactHarness, order: str, end: Literal["resolve", "abandon"]
    ) -> None:
        resolve_with_refund(acknowledged, SAM, 5)
        ended = acknowledged.ended[-1]
        reopen = partial(
            acknowledged.act, SAM, actions.reopen_escalation, ended=ended, reason="no refund came"
        )
        steps = [getattr(acknowledged, end), reopen]
        for step in steps if order == "end first" else reversed(steps):
            step()
        assert not acknowledged.contact.is_open
        assert acknowledged.open_escalation.state == "raised"
        assert acknowledged.open_escalation.awaited == (SAM,)

    def test_reopening_beside_open_escalation_is_refused(
        self, acknowledged: ContactHarness
    ) -> None:
        acknowledged.act(SAM, actions.hand_back, guidance="so")
        ended = acknowledged.ended[-1]
        acknowledged.ask_for_supervisor()
        with pytest.raises(errors.RefusedError, match="The contact has another open escalation"):
            acknowledged.act(SAM, actions.reopen_escalation, ended=ended, reason="again")


Act = Literal["acknowledge", "take_over"]


@pytest.mark.parametrize("action", ["acknowledge", "take_over"])
def test_action_in_notification_equals_action_in_api(raised: ContactHarness, action: Act) -> None:
    raised.press(SAM, action)
    assert raised.open_escalation.holder == SAM
    assert raised.open_escalation.contact_id == CONTACT


class TestFormsInMessages:
    def test_snooze_by_a_message_ends_at_the_latest_when_the_ladder_says(
        self, acknowledged: ContactHarness
    ) -> None:
        acknowledged.press(SAM, "snooze", until=second(24 * 3600), note="She calls at three.")
        snoozed = acknowledged.event(EscalationSnoozed)
        assert snoozed.until == acknowledged.at + timedelta(hours=1)
        assert snoozed.reason == "She calls at three."

    def test_hand_back_by_a_message_has_its_guidance(self, acknowledged: ContactHarness) -> None:
        acknowledged.press(SAM, "hand_back", note="Offer one month free.")
        assert acknowledged.event(EscalationHandedBack).guidance == "Offer one month free."

    @pytest.mark.parametrize("action", ["snooze", "hand_back"])
    def test_form_of_who_does_not_hold_it_changes_nothing(
        self, acknowledged: ContactHarness, action: str
    ) -> None:
        acknowledged.press(KIM, action, until=second(60), note="No.")
        assert acknowledged.open_escalation.holder == SAM

    def test_snooze_that_comes_after_its_end_changes_nothing(
        self, acknowledged: ContactHarness
    ) -> None:
        acknowledged.press(SAM, "snooze", until=second(0), note="Late.")
        assert acknowledged.events(EscalationSnoozed) == []
