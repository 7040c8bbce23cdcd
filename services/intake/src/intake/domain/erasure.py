"""Erasure: the name of a customer and all words of and about the customer are removed."""

from datetime import datetime

from msgspec.structs import replace

from common.contracts.contacts import ContactErased
from common.core.erasure import ERASED
from intake.domain.actors import Actor
from intake.domain.model import Contact, Decision


def erase_contact(contact: Contact, actor: Actor, at: datetime) -> Decision:
    """Erase the subject and the quotes, and let every service erase its copies; again is fine."""
    erased = ContactErased(
        contact_id=contact.contact_id,
        occurred_at=at,
        by=actor.person_id,
        reported_by=actor.system,
    )
    # That the customer asked is no word of theirs.
    quote = None if contact.supervisor_quote is None else ERASED
    question = contact.supervisor_question
    if question is not None:
        question = replace(question, quote=ERASED)
    wordless = replace(
        contact,
        subject=ERASED,
        supervisor_quote=quote,
        supervisor_question=question,
        vulnerability=(),
    )
    return Decision(wordless, (erased,))
