"""Texts in events: never longer than a reader needs, so that an event never outgrows the broker.

A longer text is cut where the event is made. Lengths count characters; one takes up to six bytes.
"""

from typing import Annotated, Final

from msgspec import Meta

REASON_LENGTH: Final = 300
EXPLANATION_LENGTH: Final = 1000
NOTE_LENGTH: Final = 2000
# Where `Meta.extra` has the length; msgspec itself would refuse a longer text.
LENGTH: Final = "length"


def excerpt(text: str, length: int = REASON_LENGTH) -> str:
    """Return at most `length` characters; the last one shows that the text goes on."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _cut_to(length: int) -> Meta:
    return Meta(extra={LENGTH: length}, extra_json_schema={"maxLength": length})


# A subject, a name, or why somebody did something.
ReasonText = Annotated[str, _cut_to(REASON_LENGTH)]
# Why a page comes to a person: several reasons in one line.
ExplanationText = Annotated[str, _cut_to(EXPLANATION_LENGTH)]
# What a person writes for others to read at length.
NoteText = Annotated[str, _cut_to(NOTE_LENGTH)]
