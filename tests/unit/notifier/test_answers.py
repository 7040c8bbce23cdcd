from datetime import timedelta

import pytest
from msgspec.structs import replace

from common.contracts.notifications import Action, NotificationActedOn
from notifier.domain import answers
from notifier.domain.errors import AnswerTooLateError, NothingToAcknowledgeError
from notifier.domain.escalations import Escalation, EscalationState
from notifier.domain.notifications import Notification
from unit.notifier.examples import AT, ESCALATION, escalation, notification

SOON = AT + timedelta(seconds=20)
ACTIONS: tuple[Action, ...] = ("acknowledge", "take_over")


def acted(action: Action) -> Notification:
    return replace(notification(), acted_at=SOON, action=action)


@pytest.mark.parametrize("action", ACTIONS)
def test_first_answer_is_an_event(action: Action) -> None:
    done = answers.answer(notification(), escalation("raised"), action, SOON)
    assert (done.notification.acted_at, done.notification.action) == (SOON, action)
    (event,) = done.events
    assert isinstance(event, NotificationActedOn)
    assert (event.escalation_id, event.person_id, event.action) == (ESCALATION, "dana", action)


@pytest.mark.parametrize(
    "current",
    [
        escalation("raised"),
        escalation("acknowledged", "dana"),
        escalation("taken_over", "dana"),
    ],
)
def test_same_answer_again_changes_nothing(current: Escalation) -> None:
    assert not answers.answer(acted("acknowledge"), current, "acknowledge", SOON).events
    assert not answers.answer(acted("take_over"), current, "take_over", SOON).events


@pytest.mark.parametrize("current", [escalation("raised"), escalation("acknowledged", "dana")])
def test_contact_can_be_taken_over_after_acknowledgement_once(current: Escalation) -> None:
    assert answers.possible_actions(acted("acknowledge"), current) == ("take_over",)
    done = answers.answer(acted("acknowledge"), current, "take_over", SOON)
    assert len(done.events) == 1
    assert answers.possible_actions(done.notification, current) == ()
    assert not answers.answer(done.notification, current, "acknowledge", SOON).events


def test_holder_who_waits_for_an_approval_cannot_take_over() -> None:
    waiting = replace(escalation("acknowledged", "dana"), approval_asked=True)
    assert answers.possible_actions(notification(), waiting) == ()


@pytest.mark.parametrize("action", ACTIONS)
def test_lapsed_answer_can_be_given_again(action: Action) -> None:
    asked_again = escalation("raised", at=SOON + timedelta(minutes=15))
    assert answers.possible_actions(acted(action), asked_again) == ACTIONS
    assert answers.answer(acted(action), asked_again, action, SOON).events


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("state", "by"),
    [
        ("acknowledged", "omar"),
        ("taken_over", "omar"),
        ("handed_back", "dana"),
        ("resolved", "dana"),
        ("closed", None),
    ],
)
def test_late_answer_is_refused(state: EscalationState, by: str | None, action: Action) -> None:
    assert answers.possible_actions(notification(), escalation(state, by)) == ()
    with pytest.raises(AnswerTooLateError):
        answers.answer(notification(), escalation(state, by), action, SOON)


def test_warning_takes_no_answer() -> None:
    warning = notification(reason="warning")
    with pytest.raises(NothingToAcknowledgeError):
        answers.answer(warning, None, "acknowledge", SOON)
    assert answers.possible_actions(warning, None) == ()


def test_link_is_seen_once() -> None:
    opened = answers.see(notification(), SOON)
    assert (len(opened.events), opened.notification.seen_at) == (1, SOON)
    assert not answers.see(opened.notification, SOON + timedelta(minutes=1)).events
