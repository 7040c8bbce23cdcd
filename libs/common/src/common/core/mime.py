"""Messages in MIME, read in bounded time.

Python's parser takes minutes for one long header, and recurses as deep as a comment is nested.
Anybody may send such a mail.
"""

import email
from collections.abc import Iterator, Mapping, Sequence
from email import policy
from email.errors import MessageError
from email.message import EmailMessage, MIMEPart
from itertools import islice
from typing import Final, Literal, cast

from common.core.text import clean_text

UnreadableCode = Literal["too-large", "text-unreadable"]

# What Python's parser of headers raises for what people and programs write into them.
HEADER_ERRORS: Final = (
    MessageError,
    AttributeError,
    IndexError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
# The time grows with the square of the length. Those of a part are read several times.
_MAX_HEADER_CHARACTERS: Final = 1000
_MAX_PART_HEADER_CHARACTERS: Final = 300
_MAX_HEADERS: Final = 200
_MAX_PARTS: Final = 100
# Each line is compared with the boundaries of all parts that it is in.
_MAX_MULTIPARTS: Final = 50
# Each may be the boundary of a part, which costs much more than its bytes.
_MAX_BOUNDARIES: Final = 1000
# Lines times the work for each; 60 MB of files in base64, in three parts of parts, are less.
_MAX_LINE_WORK: Final = 8_000_000
_WORK_OF_LINE: Final = 4
# What the parts of delivery reports count as that say what became of a mail.
DELIVERY_STATUS: Final = "text/delivery-status"
_DELIVERY_STATUSES: Final = ("message/delivery-status", "message/global-delivery-status")


class UnreadableMessageError(Exception):
    """The message has more parts or lines than any mail, or can't be read at all."""

    def __init__(self, detail: str, code: UnreadableCode) -> None:
        super().__init__(detail)
        self.code = code


class _Message(EmailMessage):
    """Has a delivery status as text: the parser would make a message of each of its empty lines."""

    def get_content_type(self) -> str:
        kind = super().get_content_type()
        return DELIVERY_STATUS if kind in _DELIVERY_STATUSES else kind


class _BoundedPolicy(policy.EmailPolicy):
    """Cuts headers that are longer than anybody needs."""

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:
        name, value = super().header_source_parse([*sourcelines])
        is_of_part = name.lower().startswith("content-")
        return name, value[: _MAX_PART_HEADER_CHARACTERS if is_of_part else _MAX_HEADER_CHARACTERS]


_POLICY: Final = cast("policy.EmailPolicy[EmailMessage]", _BoundedPolicy(message_factory=_Message))


def parse_message(content: bytes) -> EmailMessage:
    """Raise UnreadableMessageError if it has more lines or parts than any mail."""
    multiparts = content.lower().count(b"multipart/")
    boundaries = content.count(b"\n--") + content.count(b"\r--")
    if multiparts > _MAX_MULTIPARTS or boundaries > _MAX_BOUNDARIES:
        raise UnreadableMessageError("The message has too many parts.", "too-large")
    lines = content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")
    if lines * (_WORK_OF_LINE + multiparts) > _MAX_LINE_WORK:
        raise UnreadableMessageError("The message has too many lines.", "too-large")
    try:
        return email.message_from_bytes(content, policy=_POLICY)
    except HEADER_ERRORS as error:
        raise UnreadableMessageError("The message can't be read.", "text-unreadable") from error


def read_parts(message: EmailMessage) -> Sequence[EmailMessage]:
    """Return the first parts that have no parts themselves."""
    parts = (part for part in message.walk() if not part.is_multipart())
    return [*islice(parts, _MAX_PARTS)]


def read_headers(message: EmailMessage) -> Mapping[str, str]:
    """Return the first header of each name, in lower case."""
    return dict(islice(_first_headers(message), _MAX_HEADERS))


def _first_headers(message: EmailMessage) -> Iterator[tuple[str, str]]:
    names: set[str] = set()
    for name, raw in message.raw_items():
        lowered = name.lower()
        if lowered not in names:
            names.add(lowered)
            yield lowered, _decode(name, raw)


def _decode(name: str, raw: str) -> str:
    try:
        return clean_text(str(_POLICY.header_fetch_parse(name, raw)))
    except HEADER_ERRORS:
        return clean_text(raw)


def read_content_type(part: MIMEPart) -> str:
    try:
        return part.get_content_type()
    except HEADER_ERRORS:
        return "text/plain"


def read_file_name(part: MIMEPart) -> str | None:
    try:
        name = part.get_filename()
    except HEADER_ERRORS:
        return None
    return clean_text(str(name)) if name else None
