"""Did the customer ask for a supervisor? A person says so, if rules and model can't (ADR 0080)."""

from datetime import datetime

from msgspec.structs import replace

from common.contracts.contacts import (
    QuestionAnswer,
    SupervisorQuestionAnswered,
    SupervisorQuestionAsked,
)
from intake.domain import contacts
from intake.domain.actors import Actor
from intake.domain.errors import SupervisorQuestionNotFoundError
from intake.domain.model import Contact, Decision, Message, SupervisorQuestion


def ask(decision: Decision, message: Message, doubt: str | None) -> Decision:
    """Ask about a message that may request a supervisor; one question at a time is enough.

    `doubt` is the evidence, or None if there is nothing to ask. Nobody is asked of a contact for
    which a supervisor was requested, or on which nobody works.
    """
    contact = decision.contact
    if doubt is None or contact.supervisor_question is not None or not _is_open(contact):
        return decision
    question = SupervisorQuestion(
        message.message_id,
        contacts.excerpt(message.text),
        doubt,
        max(message.at, contact.received_at),
    )
    event = SupervisorQuestionAsked(
        contact_id=contact.contact_id,
        occurred_at=question.asked_at,
        message_id=question.message_id,
        quote=question.quote,
        evidence=doubt,
    )
    asking = replace(contact, supervisor_question=question)
    return Decision(asking, (*decision.events, event))


def answer(contact: Contact, said: QuestionAnswer, actor: Actor, at: datetime) -> Decision:
    """Let a yes request a supervisor; raises SupervisorQuestionNotFoundError."""
    question = contact.supervisor_question
    if question is None:
        raise SupervisorQuestionNotFoundError
    answered = SupervisorQuestionAnswered(
        contact_id=contact.contact_id,
        occurred_at=at,
        answer=said,
        by=actor.person_id,
        reported_by=actor.system,
    )
    settled = replace(contact, supervisor_question=None)
    if said == "no":
        return Decision(settled, (answered,))
    requested = contacts.request_supervisor(settled, question.quote, at)
    return Decision(requested.contact, (answered, *requested.events))


def _is_open(contact: Contact) -> bool:
    return contact.supervisor_quote is None and not contacts.is_ended(contact)
