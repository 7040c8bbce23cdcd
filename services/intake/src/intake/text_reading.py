"""What is read of a customer's text, before the transaction that stores it."""

from typing import Final, NamedTuple

from common.core.languages import UNDETERMINED, read_language
from common.core.text import one_line
from intake.channels.base import ExternalContact
from intake.domain.text_signs import NO_SIGNS, TextSigns
from intake.domain.understanding.own_words import fold_own_words
from intake.domain.understanding.signs import SignReader, Signs, StatedNeeds
from intake.domain.understanding.supervisor_request import read_folded_request


class TextReading(NamedTuple):
    """`findings` fills what the channel did not say of a new contact."""

    asks_for_supervisor: bool = False
    signs: TextSigns = NO_SIGNS
    findings: Signs = Signs()


NOTHING_READ: Final = TextReading()
# Of a skill, which a topic is, a name has so many.
_TOPIC_CHARACTERS: Final = 100


def read_text(text: str | None, reader: SignReader) -> TextReading:
    """Read a text that a customer wrote; without one, or if a machine wrote it, nothing."""
    if not text:
        return NOTHING_READ
    folded = fold_own_words(text)
    request, findings = read_folded_request(folded), reader.read_folded(folded)
    kinds = tuple(finding.value for finding in findings.vulnerability)
    return TextReading(request.is_sure, TextSigns(request.doubt, kinds), findings)


def read_needs(contact: ExternalContact) -> StatedNeeds:
    """Return what an outside system says of a contact."""
    topic = one_line(contact.topic[:_TOPIC_CHARACTERS]).lower()
    return StatedNeeds(topic, read_language(contact.language), contact.priority)


def fill(stated: StatedNeeds, reading: TextReading, reader: SignReader) -> StatedNeeds:
    """Return what the channel stated, with what the text says where the channel did not."""
    findings = reading.findings
    language = findings.language if stated.language == UNDETERMINED else None
    return StatedNeeds(
        reader.topic(stated.topic, findings),
        language or stated.language,
        reader.priority(stated.priority, findings),
    )
