"""A contact's life, decided without any I/O."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from common.contracts.contacts import ContactReopened, ContactResolved, SupervisorRequested
from common.contracts.event import ContactId, CustomerId, MessageId, PersonId
from intake import domain
from intake.domain import Contact, EscalationView, Message, WrongStateError

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
CONTACT = Contact(
    contact_id=ContactId("01a200f7-13bd-749f-a0af-38154619ae68"),
    state="open",
    channel="chat",
    connection=None,
    external_ref=None,
    customer_id=CustomerId("c-1"),
    subject="Lost parcel",
    topic="shipping",
    language="en",
    priority="normal",
    received_at=AT,
)
RESOLVED = replace(CONTACT, state="resolved", resolved_at=AT)


def message(text: str, author: domain.Author = "customer") -> Message:
    return Message(MessageId("m"), CONTACT.contact_id, author, None, text, AT)


@pytest.mark.parametrize(
    "text",
    [
        "Let me talk to your supervisor",
        "I want to speak to a MANAGER!",
        "can you get me someone higher please",
        "Escalate this to your team lead now",
        "Ich möchte mit Ihrem Vorgesetzten sprechen. Verbinden Sie mich mit dem Teamleiter",
        "Quiero hablar con su jefe",
        "Je veux parler à votre responsable",
    ],
)
def test_words_that_ask_for_someone_higher(text: str) -> None:
    assert domain.asks_for_supervisor(text)


@pytest.mark.parametrize(
    "text",
    [
        "My supervisor at work gave me this phone.",
        "The manager was very kind, thank you.",
        "Where is my parcel?",
        "",
    ],
)
def test_words_that_do_not(text: str) -> None:
    assert not domain.asks_for_supervisor(text)


def test_a_customer_who_writes_again_reopens() -> None:
    decision = domain.write(RESOLVED, message("It broke again"))
    assert decision.contact.state == "open"
    assert isinstance(decision.events[0], ContactReopened)


def test_a_representative_cannot_reply_to_what_is_resolved() -> None:
    with pytest.raises(WrongStateError, match="resolved"):
        domain.write(RESOLVED, message("Sorry!", "representative"))


def test_a_customer_may_ask_for_someone_higher_after_all_is_done() -> None:
    decision = domain.request_supervisor(RESOLVED, "Your boss, please", AT)
    reopened, asked = decision.events
    assert isinstance(reopened, ContactReopened)
    assert isinstance(asked, SupervisorRequested)


def test_what_is_resolved_upstairs_is_resolved_for_the_customer_once() -> None:
    view = EscalationView("resolved", "supervisor", PersonId("sara"), AT)
    decision = domain.finish_upstairs(CONTACT, PersonId("sara"), "refund: all of it", view)
    assert [type(event) for event in decision.events] == [ContactResolved]
    again = domain.finish_upstairs(decision.contact, PersonId("sara"), "refund", view)
    assert again.events == ()
