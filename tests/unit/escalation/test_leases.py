"""Leases: how they are renewed, snoozed, warned of, and end."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from common.contracts.escalations import (
    CoachingRequested,
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationLeaseRenewed,
    EscalationMediated,
    EscalationNoted,
    EscalationReturned,
    EscalationSnoozed,
    EscalationTakenOver,
    PageRequested,
)
from escalation.domain import errors
from escalation.domain.duty.rosters import DutyChanges
from escalation.domain.duty.windows import Absence, Override
from escalation.domain.escalations import actions
from escalation.domain.model import Lease
from escalation.domain.settings.people import PersonAbsences
from escalation.domain.settings.registry import Configuration, Versioned
from unit.escalation.action_examples import lease_of, pages_since, settings_with
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import (
    KIM,
    LADDER,
    MIA,
    RITA,
    SAM,
    second,
)


class TestLeases:
    def test_lease_without_progress_warns_then_climbs(self, acknowledged: ContactHarness) -> None:
        acknowledged.advance_to(10.9)
        assert pages_since(acknowledged, 1) == []
        acknowledged.advance_to(11)
        assert pages_since(acknowledged, 1) == [(SAM, "lease_ending")]
        page = acknowledged.events(PageRequested)[-1]
        assert (page.lease_end, page.explanation) == ("progress", None)
        assert page.respond_by == second(21)
        acknowledged.advance_to(21)
        assert acknowledged.event(EscalationClimbed).reason == "lease of sam expired"
        assert pages_since(acknowledged, 2) == [(MIA, "climbed")]

    def test_warning_is_never_in_first_half_of_lease(self, harness: ContactHarness) -> None:
        harness.settings = settings_with(replace(LADDER, warn_before_s=5))
        harness.receive()
        harness.ask_for_supervisor()
        harness.press(SAM)
        assert harness.open_escalation.warn_at == second(15)
        harness.press(SAM, "take_over")
        assert harness.open_escalation.warn_at == second(55)

    def test_any_progress_renews_lease(self, acknowledged: ContactHarness) -> None:
        acknowledged.advance_to(15)
        acknowledged.act(SAM, actions.add_note, text="I called her.")
        assert acknowledged.event(EscalationLeaseRenewed).lease_expires_at == second(35)
        acknowledged.advance_to(20)
        acknowledged.act(SAM, actions.request_coaching, person_id=RITA, text="Say sorry sooner.")
        acknowledged.act(SAM, actions.renew_lease)
        acknowledged.advance_to(22)
        sides = {"customer_statement": "a", "representative_statement": "b", "proposal": "c"}
        acknowledged.act(SAM, actions.mediate, **sides)
        assert acknowledged.open_escalation.deadline == second(42)
        assert acknowledged.event(EscalationNoted).text == "I called her."
        assert acknowledged.event(CoachingRequested).person_id == RITA
        assert acknowledged.event(EscalationMediated).proposal == "c"
        assert acknowledged.events(EscalationClimbed) == []

    def test_renewal_at_same_time_is_published_once(self, acknowledged: ContactHarness) -> None:
        acknowledged.advance_to(5)
        acknowledged.act(SAM, actions.renew_lease)
        acknowledged.act(SAM, actions.renew_lease)
        assert len(acknowledged.events(EscalationLeaseRenewed)) == 1

    def test_note_of_another_person_renews_nothing(self, acknowledged: ContactHarness) -> None:
        acknowledged.advance_to(15)
        acknowledged.act(MIA, actions.add_note, text="Mind the press.")
        assert acknowledged.events(EscalationLeaseRenewed) == []
        assert acknowledged.open_escalation.deadline == second(21)

    def test_renewed_lease_replaces_warning(self, acknowledged: ContactHarness) -> None:
        earlier = acknowledged.timers["escalation:warning"].timer
        acknowledged.advance_to(5)
        acknowledged.act(SAM, actions.renew_lease)
        acknowledged.send(earlier)
        assert pages_since(acknowledged, 1) == []
        acknowledged.advance_to(15)
        assert pages_since(acknowledged, 1) == [(SAM, "lease_ending")]

    def test_end_of_escalation_cancels_warning(self, acknowledged: ContactHarness) -> None:
        acknowledged.act(SAM, actions.hand_back, guidance="offer a credit")
        assert not [slot for slot in acknowledged.timers if slot.startswith("escalation")]

    def test_acknowledgement_a_millisecond_after_climbing_counts(
        self, raised: ContactHarness
    ) -> None:
        raised.advance_to(5.001)
        raised.press(SAM)
        assert raised.event(EscalationAcknowledged).by == SAM

    def test_take_over_without_ladder_is_a_lease(self, harness: ContactHarness) -> None:
        harness.settings = Configuration()
        harness.receive()
        harness.ask_for_supervisor()
        harness.apply(partial(actions.take_over, by=SAM))
        assert harness.event(EscalationTakenOver).lease_expires_at == second(60)


class TestShifts:
    @pytest.fixture
    def changing(self, harness: ContactHarness) -> ContactHarness:
        """Return a harness at which kim relieves sam at second 12."""
        relief = DutyChanges((Override(KIM, second(12), second(4000)),))
        harness.settings = replace(
            settings_with(), duty_changes={"supervisors": Versioned("supervisors", 1, relief)}
        )
        harness.receive()
        harness.assign()
        harness.ask_for_supervisor()
        harness.advance_to(2)
        harness.press(SAM)
        return harness

    def test_lease_ends_with_shift_and_returns_to_level(self, changing: ContactHarness) -> None:
        assert changing.event(EscalationAcknowledged).lease_expires_at == second(12)
        changing.advance_to(7)
        assert pages_since(changing, 1) == [(SAM, "lease_ending")]
        page = changing.last_page
        assert (page.lease_end, page.level_name) == ("shift", "supervisors")
        assert page.respond_by == second(12)
        changing.advance_to(12)
        returned = changing.event(EscalationReturned)
        assert (returned.from_person, returned.level_name) == (SAM, "supervisors")
        assert returned.reason == "shift of sam ended"
        assert pages_since(changing, 2) == [(KIM, "returned")]
        assert changing.open_escalation.state == "raised"
        changing.press(KIM)
        assert changing.open_escalation.holder == KIM

    def test_snooze_ends_with_shift(self, changing: ContactHarness) -> None:
        changing.act(SAM, actions.snooze, until=second(600), reason="later")
        assert changing.event(EscalationSnoozed).until == second(12)
        changing.advance_to(12)
        assert changing.pages()[-1] == (KIM, "returned")

    def test_progress_does_not_outlast_the_shift(self, changing: ContactHarness) -> None:
        changing.advance_to(8)
        changing.act(SAM, actions.add_note, text="nearly done")
        assert changing.events(EscalationLeaseRenewed) == []
        changing.advance_to(12)
        assert changing.event(EscalationReturned).from_person == SAM

    def test_end_of_shift_without_successor_climbs(self, raised: ContactHarness) -> None:
        away = PersonAbsences((Absence(second(12), second(4000)),))
        raised.settings = raised.settings.with_next(SAM, away)
        raised.press(SAM)
        raised.advance_to(12)
        assert raised.events(EscalationReturned) == []
        climbed = raised.event(EscalationClimbed)
        assert climbed.reason == "shift of sam ended"
        assert raised.pages()[-1] == (MIA, "climbed")

    def test_named_person_has_no_shift(self, raised: ContactHarness) -> None:
        raised.advance_to(5)
        raised.press(MIA)
        assert raised.open_escalation.lease == Lease(MIA, "progress", second(15))


class TestSnoozes:
    def test_snooze_ends_with_page_and_new_lease(self, acknowledged: ContactHarness) -> None:
        acknowledged.act(SAM, actions.snooze, until=second(600), reason="she calls at three")
        assert acknowledged.event(EscalationSnoozed).until == second(600)
        acknowledged.advance_to(599)
        assert pages_since(acknowledged, 1) == []
        acknowledged.advance_to(600)
        assert pages_since(acknowledged, 1) == [(SAM, "snooze_over")]
        assert acknowledged.event(EscalationLeaseRenewed).lease_expires_at == second(620)
        assert lease_of(acknowledged).snoozed_until is None
        acknowledged.advance_to(620)
        assert acknowledged.event(EscalationClimbed).reason == "lease of sam expired"

    def test_snooze_has_longest_duration(self, acknowledged: ContactHarness) -> None:
        with pytest.raises(errors.RefusedError, match="A snooze must end within 1 h from now"):
            acknowledged.act(SAM, actions.snooze, until=second(1 + 3600.001), reason="later")

    def test_snooze_ends_in_the_future(self, acknowledged: ContactHarness) -> None:
        for until in (second(0), second(1)):
            with pytest.raises(errors.PastTimeError, match="must be in the future"):
                acknowledged.act(SAM, actions.snooze, until=until, reason="later")

    def test_snoozes_are_limited(self, acknowledged: ContactHarness) -> None:
        for _ in range(2):
            until = acknowledged.at + timedelta(seconds=30)
            acknowledged.act(SAM, actions.snooze, until=until, reason="later")
        with pytest.raises(errors.RefusedError, match="It was snoozed 2 times already"):
            acknowledged.act(SAM, actions.snooze, until=second(60), reason="later")

    def test_note_keeps_snooze_and_renewal_ends_it(self, acknowledged: ContactHarness) -> None:
        acknowledged.act(SAM, actions.snooze, until=second(600), reason="later")
        acknowledged.act(SAM, actions.add_note, text="Her number is new.")
        assert acknowledged.open_escalation.deadline == second(600)
        acknowledged.act(SAM, actions.renew_lease)
        assert acknowledged.open_escalation.deadline == second(21)
        assert lease_of(acknowledged).snoozed_until is None

    def test_only_holder_may_snooze(self, acknowledged: ContactHarness) -> None:
        with pytest.raises(errors.RefusedError, match="It is acknowledged by sam"):
            acknowledged.act(MIA, actions.snooze, until=second(60), reason="later")
