"""Texts in events: never longer than a reader needs, so that an event never outgrows the broker.

A longer text is cut where the event is made. Lengths count characters; one takes up to six bytes.
"""

from functools import partial
from typing import Annotated, Final

from pydantic import AfterValidator, WithJsonSchema

REASON_LENGTH: Final = 300
EXPLANATION_LENGTH: Final = 1000
NOTE_LENGTH: Final = 2000


def excerpt(text: str, length: int = REASON_LENGTH) -> str:
    """Return at most `length` characters; the last one shows that the text goes on."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


# A subject, a name, or why somebody did something.
ReasonText = Annotated[
    str,
    AfterValidator(partial(excerpt, length=REASON_LENGTH)),
    WithJsonSchema({"type": "string", "maxLength": REASON_LENGTH}),
]
# Why a page comes to a person: several reasons in one line.
ExplanationText = Annotated[
    str,
    AfterValidator(partial(excerpt, length=EXPLANATION_LENGTH)),
    WithJsonSchema({"type": "string", "maxLength": EXPLANATION_LENGTH}),
]
# What a person writes for others to read at length.
NoteText = Annotated[
    str,
    AfterValidator(partial(excerpt, length=NOTE_LENGTH)),
    WithJsonSchema({"type": "string", "maxLength": NOTE_LENGTH}),
]
