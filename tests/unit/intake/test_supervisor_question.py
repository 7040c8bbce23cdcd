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
from common.contracts.event import ContactId
from intake.domain import contacts, supervisor_question
from intake.domain.actors import Actor
from intake.domain.errors import SupervisorQuestionNotFoundError
from intake.domain.model import Contact, Decision
from unit.intake.examples import AT, CONTACT, RITA, message

TEXT = "Is there anybody above this?"
DOUBT = "model 0.61"
LATER = AT + timedelta(minutes=1)
TARGET = replace(CONTACT, contact_id=ContactId("c2"))
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
    resolved = contacts.resolve(_written().contact, LATER, ACTOR).contact
    assert supervisor_question.open_question(resolved) is None
    with pytest.raises(SupervisorQuestionNotFoundError):
        supervisor_question.answer(resolved, "yes", ACTOR, LATER)
    reopened = contacts.reopen(resolved, "again", ACTOR, LATER).contact
    assert reopened.supervisor_question is None


def test_target_of_a_merge_takes_the_question_over_once() -> None:
    merged = contacts.merge(_written().contact, TARGET.contact_id, ACTOR, LATER).contact
    taken = supervisor_question.take_over(Decision(TARGET), merged)
    (question,) = taken.events
    assert isinstance(question, SupervisorQuestionAsked)
    assert (question.contact_id, question.quote) == (TARGET.contact_id, TEXT)
    assert taken.contact.supervisor_question == merged.supervisor_question
    assert supervisor_question.take_over(taken, merged) == taken


def test_target_that_asks_already_or_has_ended_takes_no_question_over() -> None:
    merged = contacts.merge(_written().contact, TARGET.contact_id, ACTOR, LATER).contact
    for target in (
        _written(TARGET).contact,
        contacts.request_supervisor(TARGET, "Your boss!", AT).contact,
        contacts.resolve(TARGET, LATER, ACTOR).contact,
    ):
        assert supervisor_question.take_over(Decision(target), merged) == Decision(target)


def test_question_of_a_contact_that_was_resolved_before_its_merge_is_over() -> None:
    resolved = contacts.resolve(_written().contact, LATER, ACTOR).contact
    merged = contacts.merge(resolved, TARGET.contact_id, ACTOR, LATER + timedelta(hours=1)).contact
    assert supervisor_question.take_over(Decision(TARGET), merged) == Decision(TARGET)


def test_answer_without_a_question_is_refused() -> None:
    with pytest.raises(SupervisorQuestionNotFoundError):
        supervisor_question.answer(CONTACT, "yes", ACTOR, LATER)
