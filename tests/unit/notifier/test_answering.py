from dataclasses import replace
from datetime import timedelta

import pytest

from common.contracts.notifications import NotificationActedOn
from notifier.domain import notifications
from notifier.domain.escalations import EscalationState
from notifier.domain.notifications import AlreadySettledError, NothingToAcknowledgeError
from unit.notifier.examples import AT, ESCALATION, escalation, notification

SOON = AT + timedelta(seconds=20)


def test_the_first_answer_is_an_event() -> None:
    done = notifications.acknowledge(notification(), escalation("raised"), SOON)
    assert done.notification.acted_at == SOON
    (acted,) = done.events
    assert isinstance(acted, NotificationActedOn)
    assert (acted.escalation_id, acted.person_id, acted.action) == (
        ESCALATION,
        "dana",
        "acknowledge",
    )


def test_the_same_answer_again_is_none() -> None:
    acted = replace(notification(), acted_at=SOON)
    for known in (
        escalation("raised"),
        escalation("acknowledged", "dana"),
        escalation("taken_over", "dana"),
    ):
        assert not notifications.acknowledge(acted, known, SOON).events
        assert not notifications.awaits_answer(acted, known)


def test_an_answer_that_lapsed_is_asked_for_again() -> None:
    acted = replace(notification(), acted_at=SOON)
    asked_again = escalation("raised", at=SOON + timedelta(minutes=15))
    assert notifications.awaits_answer(acted, asked_again)
    assert notifications.acknowledge(acted, asked_again, SOON).events


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
def test_an_answer_can_come_too_late(state: EscalationState, by: str | None) -> None:
    with pytest.raises(AlreadySettledError):
        notifications.acknowledge(notification(), escalation(state, by), SOON)


def test_a_warning_asks_for_no_answer() -> None:
    with pytest.raises(NothingToAcknowledgeError):
        notifications.acknowledge(notification(escalation_id=None), None, SOON)
    assert not notifications.awaits_answer(notification(escalation_id=None), None)


def test_it_is_seen_once() -> None:
    seen = notifications.see(notification(), SOON)
    assert (len(seen.events), seen.notification.seen_at) == (1, SOON)
    assert not notifications.see(seen.notification, SOON + timedelta(minutes=1)).events
