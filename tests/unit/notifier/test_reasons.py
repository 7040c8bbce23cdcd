"""What each reason asks of the reader, and for how long its message is relevant."""

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from common.contracts.event import PersonId
from common.contracts.notifications import Medium
from notifier.channels import slack_messages
from notifier.domain import answers, notifications
from notifier.domain.errors import ApprovalRequiredError, NothingToAcknowledgeError
from notifier.domain.escalations import Escalation
from notifier.domain.reasons import Ask, Reason, asks_for
from notifier.domain.recipients import Recipient
from notifier.links import Links
from unit.notifier.examples import (
    AT,
    EMAIL,
    REASONS,
    SLACK,
    compose_mail,
    escalation,
    notification,
    paged,
)

LINKS = Links("secret", "https://up.example.com/", timedelta(hours=1))
ANSWERED: tuple[Reason, ...] = ("raised", "climbed", "repeated", "returned", "handed_over")
HELD: tuple[Reason, ...] = ("lease_ending", "snooze_over", "approval_refused")


def held_by(person: str, *, approval_asked: bool = False) -> Escalation:
    return replace(escalation("acknowledged", person), approval_asked=approval_asked)


@pytest.mark.parametrize("reason", REASONS)
def test_only_messages_that_ask_for_an_answer_have_its_buttons(reason: Reason) -> None:
    message = slack_messages.page_message(notification(SLACK, reason), LINKS, AT)
    buttons = [button["action_id"] for button in message["blocks"][-1]["elements"]]
    holding = ["snooze", "hand_back"] if reason in HELD else []
    answering = ["acknowledge", "take_over"] if reason in ANSWERED else holding
    assert buttons == [*answering, "open"]
    mail = compose_mail(notification(EMAIL, reason), "up@example.com", LINKS, AT)
    text = mail.get_body(("plain",))
    assert text
    labels = re.findall(r"^([\w ]+): https://up", text.get_content(), re.MULTILINE)
    stops = ["Stop mails of this kind"] if reason in {"updated", "coaching"} else []
    assert labels == (["Acknowledge", "Take over"] if reason in ANSWERED else ["Open", *stops])


def test_coaching_takes_no_answer() -> None:
    with pytest.raises(NothingToAcknowledgeError):
        answers.answer(notification(reason="coaching"), None, "acknowledge", AT)


def test_approval_is_not_given_by_the_link() -> None:
    request = notification(reason="approval_asked")
    for state in (escalation("raised"), held_by("sam", approval_asked=True)):
        assert answers.possible_actions(request, state) == ()
        with pytest.raises(ApprovalRequiredError):
            answers.answer(request, state, "acknowledge", AT)


def test_operations_cannot_acknowledge_an_unanswered_escalation() -> None:
    unanswered = notification(reason="unanswered")
    with pytest.raises(NothingToAcknowledgeError):
        answers.answer(unanswered, escalation("raised"), "acknowledge", AT)


def test_reader_of_an_added_reason_may_answer_while_the_escalation_waits() -> None:
    updated = notification(reason="updated")
    assert "acknowledge" in answers.possible_actions(updated, escalation("raised"))
    assert answers.answer(updated, escalation("raised"), "acknowledge", AT).events


@pytest.mark.parametrize(
    ("current", "asks"),
    [
        (escalation("raised"), {"answer", "help", "nothing"}),
        (held_by("dana"), {"progress", "nothing"}),
        (held_by("sam"), set()),
        (held_by("dana", approval_asked=True), {"approval", "help", "progress", "nothing"}),
        (held_by("sam", approval_asked=True), {"approval", "help"}),
        (escalation("handed_back", "dana"), set()),
        (escalation("resolved", "dana"), set()),
        (escalation("closed"), set()),
    ],
)
def test_message_for_dana_is_relevant_while_the_state_fits_its_reason(
    current: Escalation, asks: set[Ask]
) -> None:
    for reason in REASONS:
        sent = replace(notification(reason=reason), person_id=PersonId("dana"))
        assert notifications.is_relevant(sent, current) == (asks_for(reason) in asks), reason


@pytest.mark.parametrize(
    ("requested", "media", "reason"),
    [
        (None, ("slack", "email"), None),
        (("email",), ("email",), None),
        (("sms", "slack"), ("slack",), None),
        (
            ("sms", "teams"),
            ("slack", "email"),
            "the recipient has no sms or teams: sent on all media",
        ),
        ((), ("slack", "email"), None),
    ],
)
def test_page_goes_to_the_requested_media_that_the_person_has(
    requested: tuple[Medium, ...] | None, media: tuple[Medium, ...], reason: str | None
) -> None:
    page = notifications.page_from(paged(media=requested))
    dana = Recipient(page.person_id, "Dana", (SLACK, EMAIL))
    chosen, why_others = notifications.choose_addresses(page, dana)
    text = why_others.text if why_others else None
    assert (tuple(address.medium for address in chosen), text) == (media, reason)
