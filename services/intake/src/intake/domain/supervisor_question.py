"""Did the customer ask for a supervisor? A person says so, if the model is not sure (ADR 0080)."""

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
from intake.domain.state import was_open_until_merged


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
    return _ask(decision, question)


def answer(contact: Contact, said: QuestionAnswer, actor: Actor, at: datetime) -> Decision:
    """Let a yes request a supervisor; raises SupervisorQuestionNotFoundError."""
    question = open_question(contact)
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


def open_question(contact: Contact) -> SupervisorQuestion | None:
    """Return what a person may answer. Who ended a contact has read what the customer wrote."""
    return None if contacts.is_ended(contact) else contact.supervisor_question


def take_over(decision: Decision, merged: Contact) -> Decision:
    """Let the target of a merge keep the question of the merged contact, unless it has its own.

    `decision` is what else the target takes over. Nobody is asked for whom a supervisor was
    requested, nor about a contact that somebody had ended before it was merged.
    """
    question, target = merged.supervisor_question, decision.contact
    if (
        question is None
        or target.supervisor_question is not None
        or not _is_open(target)
        or not was_open_until_merged(merged.latest)
    ):
        return decision
    return _ask(decision, question)


def _ask(decision: Decision, question: SupervisorQuestion) -> Decision:
    contact = decision.contact
    event = SupervisorQuestionAsked(
        contact_id=contact.contact_id,
        occurred_at=question.asked_at,
        message_id=question.message_id,
        quote=question.quote,
        evidence=question.evidence,
    )
    asking = replace(contact, supervisor_question=question)
    return Decision(asking, (*decision.events, event))


def _is_open(contact: Contact) -> bool:
    return contact.supervisor_quote is None and not contacts.is_ended(contact)
