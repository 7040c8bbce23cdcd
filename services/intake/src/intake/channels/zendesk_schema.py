"""What Zendesk sends: strict about what we need, lenient about the rest.

Captures differ from the documentation: states in capitals, numbers for texts, null for anything,
ids above 2^64, times in nanoseconds.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from common.core.text import one_line, opaque_id
from common.http.app import ExternalId
from intake.channels.base import WebhookModel

_LARGEST_POSITION = 1_000_000
# Rather far from the ends of the calendar, where time zones can't be computed.
_YEARS = range(1971, 2200)


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else None


def _id(value: Any) -> str | None:
    try:
        return opaque_id(one_line(_text(value) or ""))
    except ValueError:
        return None


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get((_text(value) or "").lower())


def _tags(value: Any) -> tuple[str, ...]:
    """Read a list, or the text with spaces that a trigger makes of it."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    if not isinstance(value, list):
        return ()
    return tuple(text for item in value if (text := _text(item)) is not None)


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    if time.year not in _YEARS:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _position(value: Any) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return max(0, min(value, _LARGEST_POSITION)) if is_number else 0


def _object(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


def _object_or_none(value: Any) -> Any:
    return value if isinstance(value, dict) else None


def _texts(value: Any) -> Mapping[str, str]:
    fields = value if isinstance(value, dict) else {}
    return {name: text for name, item in fields.items() if (text := _text(item)) is not None}


Text = Annotated[str | None, BeforeValidator(_text)]
Id = Annotated[str | None, BeforeValidator(_id)]
Flag = Annotated[bool | None, BeforeValidator(_flag)]
Tags = Annotated[tuple[str, ...], BeforeValidator(_tags)]
Time = Annotated[datetime | None, BeforeValidator(_time)]
Position = Annotated[int, BeforeValidator(_position)]
Texts = Annotated[Mapping[str, str], BeforeValidator(_texts)]


class Ticket(WebhookModel):
    id: ExternalId
    subject: Text = None
    description: Text = None
    priority: Text = None
    status: Text = None
    requester_id: Id = None
    submitter_id: Id = None
    actor_id: Id = None
    assignee_id: Id = None
    is_public: Flag = None
    created_at: Time = None
    updated_at: Time = None
    tags: Tags = ()


class Author(WebhookModel):
    id: Id = None
    is_staff: Flag = None


class File(WebhookModel):
    id: Id = None
    filename: Text = None
    content_url: Text = None
    content_type: Text = None


class Comment(WebhookModel):
    """`headers` are those of the mail, where a trigger sends them."""

    id: Id = None
    body: Text = None
    is_public: Flag = None
    author: Annotated[Author, BeforeValidator(_object)] = Author()
    attachment: Annotated[File | None, BeforeValidator(_object_or_none)] = None
    headers: Texts = Field({})


class Sequence(WebhookModel):
    """The events of one action in Zendesk have one `id`."""

    id: Id = None
    position: Position = 0


class Meta(WebhookModel):
    sequence: Annotated[Sequence, BeforeValidator(_object)] = Sequence()


class Change(WebhookModel):
    current: Any = None
    previous: Any = None
    target_ticket_id: Id = None
    comment: Annotated[Comment | None, BeforeValidator(_object_or_none)] = None
    meta: Annotated[Meta, BeforeValidator(_object)] = Meta()


class Envelope(WebhookModel):
    """What every webhook has, whatever it is about."""

    type: Text = None


class Delivery(WebhookModel):
    """One webhook about a ticket: `id` is the same when it is delivered again."""

    id: Id = None
    type: str
    time: Time = None
    detail: Ticket
    event: Annotated[Change, BeforeValidator(_object)] = Change()
