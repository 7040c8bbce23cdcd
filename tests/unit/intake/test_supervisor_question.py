"""What happens to a message of which nobody can be sure that it asks for a supervisor."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from common.contracts.contacts import (
    CustomerWrote,
    SupervisorQuestionAnswered,
    SupervisorQuestionAsked,
    SupervisorRequested,
)
from intake.domain import contacts, supervisor_question
from intake.domain.actors import Actor
from intake.domain.errors import SupervisorQuestionNotFoundError
from intake.domain.model import Contact, Decision
from unit.intake.examples import AT, CONTACT, RITA, message

TEXT = "Is there anybody above this?"
DOUBT = "model 0.61"
LATER = AT + timedelta(minutes=1)
ACTOR = Actor("assigned", person_id=RITA)


def _written(contact: Contact = CONTACT) -> Decision:
    wrote = message(TEXT)
    return supervisor_question.ask(contacts.write(contact, wrote), wrote, DOUBT)


def test_doubtful_message_asks_the_representative() -> None:
    decision = _written()
    wrote, question = decision.events
    assert isinstance(wrote, CustomerWrote)
    assert isinstance(question, SupervisorQuestionAsked)
    assert (question.quote, question.evidence) == (TEXT, DOUBT)
    assert decision.contact.supervisor_question is not None
    assert decision.contact.supervisor_quote is None


def test_second_doubtful_message_asks_nothing_more() -> None:
    assert len(_written(_written().contact).events) == 1


def test_contact_with_a_request_asks_nothing_more() -> None:
    requested = contacts.request_supervisor(CONTACT, "Your boss, please", AT).contact
    assert _written(requested).contact.supervisor_question is None


def test_yes_requests_a_supervisor() -> None:
    decision = supervisor_question.answer(_written().contact, "yes", ACTOR, LATER)
    answered, requested = decision.events
    assert isinstance(answered, SupervisorQuestionAnswered)
    assert (answered.answer, answered.by) == ("yes", RITA)
    assert isinstance(requested, SupervisorRequested)
    assert requested.quote == TEXT
    assert decision.contact.supervisor_question is None


def test_no_ends_the_question_and_requests_nobody() -> None:
    decision = supervisor_question.answer(_written().contact, "no", ACTOR, LATER)
    (answered,) = decision.events
    assert isinstance(answered, SupervisorQuestionAnswered)
    assert answered.answer == "no"
    assert decision.contact == replace(
        _written().contact, supervisor_question=None, latest=decision.contact.latest
    )


def test_sure_request_and_end_of_the_contact_end_the_question() -> None:
    requested = contacts.request_supervisor(_written().contact, "Your boss!", LATER)
    assert requested.contact.supervisor_question is None
    resolved = contacts.resolve(_written().contact, LATER, ACTOR)
    assert resolved.contact.supervisor_question is None


def test_answer_without_a_question_is_refused() -> None:
    with pytest.raises(SupervisorQuestionNotFoundError):
        supervisor_question.answer(CONTACT, "yes", ACTOR, LATER)
