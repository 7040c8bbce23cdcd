"""What a contact needs of its representative: a topic that is a skill, and a language."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

from common.contracts.event import ID_PATTERN
from common.core.languages import LONGEST_TAG, parse_language

# A topic in any case, kept in small letters: a skill and a policy name it too.
ContactTopic = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$", to_lower=True)]
# A language tag in any case, kept as BCP 47 writes it. For what people and systems ask for in our
# own API; what a channel sends is read by `read_language`, which refuses nothing.
LanguageTag = Annotated[
    str,
    AfterValidator(parse_language),
    WithJsonSchema({"type": "string", "maxLength": LONGEST_TAG}),
]
