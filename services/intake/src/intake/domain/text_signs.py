"""What a customer's message was read as, besides a sure request for a supervisor."""

from typing import Final, NamedTuple

from intake.domain import supervisor_question, vulnerability
from intake.domain.model import Decision, Message


class TextSigns(NamedTuple):
    """`supervisor_doubt` is the evidence, if the customer may ask for one and a person has to say.

    `vulnerability` has the kinds of care that the words are signs of.
    """

    supervisor_doubt: str | None = None
    vulnerability: tuple[str, ...] = ()


NO_SIGNS: Final = TextSigns()


def note(decision: Decision, message: Message, signs: TextSigns) -> Decision:
    """Add to a decision about a message what its text is a sign of."""
    doubtful = supervisor_question.ask(decision, message, signs.supervisor_doubt)
    return vulnerability.note(doubtful, signs.vulnerability, message.at)
