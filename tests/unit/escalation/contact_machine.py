"""Whatever people do and however late timers are, the invariants hold."""

from contextlib import suppress
from functools import partial
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from common.contracts.clocks import ClockBreached, ClockWarned
from common.contracts.escalations import EscalationRaised, PageRequested
from common.contracts.event import (
    EscalationId,
    NotificationId,
    PersonId,
)
from common.contracts.notifications import NotificationFailed
from escalation.domain import errors
from escalation.domain.escalations import actions
from escalation.domain.escalations.causes import outlives_contact
from escalation.domain.escalations.responders import may_act
from escalation.domain.situation import Decide
from escalation.domain.timers import (
    CLOCK_SLOT,
    ESCALATION_SLOT,
    WARNING_SLOT,
    ClockDue,
    LeaseExpires,
)
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import DAN, MIA, RITA, SAM


class ContactMachine(RuleBasedStateMachine):
    """Whatever people do and however late timers are, the invariants hold."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = ContactHarness()
        self.harness.receive()
        self.opened_again: set[EscalationId] = set()

    @rule(seconds=st.floats(0, 40), lag=st.floats(0, 2))
    def time_passes(self, seconds: float, lag: float) -> None:
        self.harness.advance_to(self.harness.now + seconds, lag)

    @rule(act=st.sampled_from(["assign", "reply", "refer", "ask_for_supervisor"]))
    def someone_acts(self, act: str) -> None:
        getattr(self.harness, act)()

    @rule(by=st.sampled_from([SAM, MIA, DAN]), act=st.sampled_from(["acknowledge", "take_over"]))
    @precondition(lambda self: self.harness.escalation is not None)
    def answers(self, by: PersonId, act: str) -> None:
        self._attempt(partial(getattr(actions, act), by=by))

    @rule(by=st.sampled_from([SAM, MIA, DAN]))
    def refers_up(self, by: PersonId) -> None:
        self._attempt(partial(actions.refer_up, by=by, reason="higher"))

    @rule(by=st.sampled_from([SAM, MIA, DAN]))
    def hands_back(self, by: PersonId) -> None:
        self._attempt(partial(actions.hand_back, by=by, guidance="so"))

    @rule(choose=st.randoms(use_true_random=False))
    @precondition(lambda self: self.harness.events(PageRequested))
    def a_page_reaches_nobody(self, choose: Random) -> None:
        """Also one of long ago: failures come late and in any order."""
        page = choose.choice(self.harness.events(PageRequested)[-4:])
        before = len(self.harness.events(PageRequested))
        self.harness.send(
            NotificationFailed(
                contact_id=page.contact_id,
                occurred_at=self.harness.at,
                notification_id=NotificationId("n"),
                page_id=page.page_id,
                person_id=page.person_id,
                attempts=0,
                reason="no such recipient",
            )
        )
        # It goes on once, and waits there.
        assert len(self.harness.events(PageRequested)) <= before + 5

    @rule(about=st.sampled_from([RITA, SAM, MIA]))
    def a_customer_complains(self, about: PersonId) -> None:
        with suppress(errors.ComplaintOpenError):
            self.harness.complain(about)

    @rule(choose=st.randoms(use_true_random=False))
    @precondition(lambda self: self.harness.replaced_timers)
    def a_replaced_timer_fires_all_the_same(self, choose: Random) -> None:
        """It was being fired when it was replaced: cancelling does not wait for it."""
        late = choose.choice(self.harness.replaced_timers)
        before = self.harness.escalation
        self.harness.send(late.timer)
        if not isinstance(late.timer, ClockDue):
            assert self.harness.escalation is before

    @rule()
    @precondition(lambda self: self.harness.contact.is_open)
    def resolves(self) -> None:
        self.harness.resolve()

    @rule()
    @precondition(lambda self: not self.harness.contact.is_open)
    def reopens(self) -> None:
        self.harness.reopen()

    def _attempt(self, step: Decide) -> None:
        try:
            self.harness.apply(step)
        except (errors.RefusedError, errors.ForbiddenError):
            return

    @invariant()
    def an_open_escalation_waits_for_something(self) -> None:
        escalation, timer = self.harness.escalation, self.harness.timers.get("escalation")
        assert (escalation is None) == (timer is None)
        if escalation is not None and timer is not None:
            assert timer.due_at == escalation.deadline
            assert isinstance(timer.timer, LeaseExpires) == (escalation.holder is not None)

    @invariant()
    def a_closed_contact_has_nothing_open_but_what_is_about_us(self) -> None:
        if not self.harness.contact.is_open:
            escalation = self.harness.escalation
            slots: tuple[str, ...] = ()
            if escalation is not None:
                again = escalation.escalation_id in self.opened_again
                assert again or outlives_contact(escalation)
                slots = (ESCALATION_SLOT, WARNING_SLOT, CLOCK_SLOT)
            assert self.harness.timers.keys() <= set(slots)

    @invariant()
    def nobody_judges_a_complaint_about_oneself(self) -> None:
        escalation = self.harness.escalation
        if escalation is not None:
            assert escalation.holder is None or may_act(escalation, escalation.holder)
            assert all(may_act(escalation, person) for person in escalation.awaited)

    @invariant()
    def each_threshold_fires_once_and_never_early(self) -> None:
        fired = [
            (event.clock, event.due_at, getattr(event, "threshold_percent", 100))
            for event in self.harness.published
            if isinstance(event, ClockWarned | ClockBreached)
        ]
        assert len(fired) == len(set(fired))
        assert all(event.lateness_ms >= 0 for event in self.harness.events(ClockBreached))
        assert all(event.lateness_ms >= 0 for event in self.harness.events(ClockWarned))

    @invariant()
    def nobody_gets_one_page_twice(self) -> None:
        pages = [page.page_id for page in self.harness.events(PageRequested)]
        assert len(pages) == len(set(pages))

    @invariant()
    def what_was_raised_has_ended_but_for_one(self) -> None:
        raised = len(self.harness.events(EscalationRaised))
        assert raised == len(self.harness.ended) + (self.harness.escalation is not None)
