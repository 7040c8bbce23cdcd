"""Deliveries as nobody would write them, and what must be true of the events that are read."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from common.core.text import is_visible
from intake.channels.base import WebhookRequest
from intake.channels.fields import YEARS
from intake.channels.registry import CHANNELS
from intake.deliveries import Delivery, UnreadableDeliveryError
from intake.domain.customers import CustomerNamespaces
from intake.domain.model import ChannelConnection
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.event_preparation import PreparedEvent
from integration.intake.channel_samples import (
    EVENT,
    SAMPLES,
    SECRET,
    SENDGRID,
    STRUCTURED,
    Sample,
)

_NAMESPACES: Final = CustomerNamespaces({})
_SIGNS: Final = SignReader(standard_rules())
# What intake keeps of a text and of an address. All else is a line, or an id with the name of a
# system before it.
_MAX_CHARACTERS: Final = {"text": 100_000, "url": 2_000}
_MAX_LINE_CHARACTERS: Final = 400
# What an event says besides what was prepared of it.
_EVENT_FIELDS: Final = ("event_id", "event_type", "moment", "message_ref", "into", "file")
# The name of a file is cleaned later, and a long type goes into a digest.
_CLEANED_LATER: Final = frozenset({"name", "event_type"})

COMMENT: Final = dataclasses.replace(
    SENDGRID,
    name="zendesk comment",
    kind="zendesk",
    options={},
    media_type="application/json",
    body=json.dumps(
        {
            "id": "01KQ3",
            "type": "zen:event-type:ticket.comment_added",
            "time": "2026-11-28T10:00:00.123456789Z",
            "detail": {
                "id": "81",
                "subject": "Boiler is cold",
                "description": "No hot water since MARK.",
                "status": "OPEN",
                "priority": "HIGH",
                "requester_id": "7001",
                "tags": ["billing", "vip"],
                "created_at": "2026-11-28T09:00:00Z",
                "updated_at": "2026-11-28T10:00:00Z",
            },
            "event": {
                "comment": {
                    "id": "9001",
                    "body": "No hot water since MARK.",
                    "is_public": True,
                    "author": {"id": "7001", "is_staff": False},
                    "attachment": {
                        "id": "f-1",
                        "filename": "a.pdf",
                        "content_type": "application/pdf",
                        "content_url": "https://files.example.com/a.pdf",
                    },
                },
                "meta": {"sequence": {"id": "01KQ2", "position": 1}},
                "current": "PENDING",
            },
        }
    ).encode(),
)


def _with_type(name: str) -> Sample:
    body = COMMENT.body.replace(b"comment_added", name.encode())
    return dataclasses.replace(COMMENT, name=f"zendesk {name}", body=body)


# Every field of a contact that our own events know.
WHOLE_EVENT: Final = dataclasses.replace(
    STRUCTURED,
    name="whole event",
    body=json.dumps(
        {
            **EVENT,
            "time": "2026-11-28T10:00:00Z",
            "data": {
                "contact": {
                    "ref": "T-7",
                    "channel": "chat",
                    "customer": {"id": "c-7", "name": "Ada", "tier": "vip", "region": "de-by"},
                    "subject": "Boiler",
                    "topic": "repairs",
                    "language": "de",
                    "priority": "high",
                    "campaign": "recall-7",
                    "tags": ["vip"],
                },
                "message": {
                    "id": "m-1",
                    "text": "No hot water since MARK.",
                    "mail_headers": {"precedence": "bulk"},
                    "written_at": "2026-11-28T09:00:00Z",
                },
            },
        }
    ).encode(),
)
EVERY_KIND: Final = [
    WHOLE_EVENT,
    *SAMPLES,
    COMMENT,
    _with_type("attachment_linked_to_comment"),
    _with_type("status_changed"),
    _with_type("priority_changed"),
]
IN_JSON: Final = [sample for sample in EVERY_KIND if sample.body.startswith((b"{", b"["))]

TIMES: Final[Sequence[str]] = [
    "0001-01-01T00:00:00+14:00",
    "0001-01-01",
    "1970-12-31T23:59:59Z",
    "2199-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-W53-7",
    "24:00",
    "Mon, 01 Jan 0001 00:00:00 +1400",
    "Thu, 31 Dec 1970 23:59:59 +0000",
    "Fri, 31 Dec 9999 23:59:59 -1400",
    "Fri, 31 Dec 9999 23:59:59 -9999999999",
    "/Date(99999999999999999)/",
    "/Date(-99999999999999999+0100)/",
    "-62135596801",
    "253402300800000",
    "1e400",
    "nan",
]
TEXTS: Final[Sequence[str]] = [
    "",
    " \t\r\n\v\x1c\x85\u2028",
    "\x00",
    "a\x00b",
    "\ud83d",
    "\ude00\ud83d",
    "\u202e\u200b\ufeff",
    "a\u0301" * 200,
    # Twice as long in small letters, and eighteen times in another form of Unicode.
    "\u0130" * 300,
    "\ufdfa" * 40,
    "{" * 400,
    "x" * 120_000,
    "9" * 10_000,
    "%00%ED%A0%80",
    "<a@b.c>",
    "https://\x00\ud800/",
    "https://example.com/\r\nX: y",
    "\u0660\u0661",
    "\u00b2",
    "=?utf-8?q?=00=ED=A0=80?=",
]


def nested(levels: int, name: str) -> Any:
    """Return objects in objects."""
    value: Any = 1
    for _ in range(levels):
        value = {name: value}
    return value


def _nested_lists(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


STRUCTURES: Final[Sequence[Any]] = [
    [],
    {},
    [[], {}, None, 7],
    *(nested(900, name) for name in ("data", "detail", "Value", "Id", "key")),
    _nested_lists(900),
    [{"key": _nested_lists(900)}],
    [_nested_lists(300)],
]
NUMBERS: Final[Sequence[Any]] = [
    0,
    -1,
    2**63,
    10**30,
    10**4000,
    -(10**400),
    float("nan"),
    float("-inf"),
    True,
    None,
]
ODD_VALUES: Final[Sequence[Any]] = [*TIMES, *TEXTS, *NUMBERS, *STRUCTURES]

odd_texts = st.one_of(
    st.sampled_from([*TIMES, *TEXTS]), st.text(st.characters(codec=None), max_size=20)
)
odd_values = st.one_of(st.sampled_from(ODD_VALUES), odd_texts, st.integers(), st.floats())


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of each value in a JSON document, of an object or list before its parts."""
    yield place
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for name, item in items:
        yield from places(item, (*place, name))


def put(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Return the document with another value at a place."""
    if not place:
        return value
    name, *rest = place
    changed = put(document[name], tuple(rest), value)
    if isinstance(document, dict):
        return {**document, name: changed}
    return [*document[:name], changed, *document[name + 1 :]]


def read(sample: Sample, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    """Read as a request is read: it is refused, or its events can be stored."""
    connection = ChannelConnection("acme", sample.kind, SECRET, sample.options)
    proof = sample.sign(body, 0, SECRET)
    request = WebhookRequest(
        {"content-type": sample.media_type, **proof.headers, **(headers or {})},
        body if proof.body is None else proof.body,
    )
    channel = CHANNELS[sample.kind]
    channel.reply(request)
    try:
        content = Delivery(channel, connection, request).read(_NAMESPACES, _SIGNS)
    except UnreadableDeliveryError:
        return
    for prepared in content.events:
        require_storable(prepared)


def require_storable(prepared: PreparedEvent) -> None:
    """Raise AssertionError, or UnicodeEncodeError for half of a surrogate pair."""
    event = prepared.event
    records: list[tuple[str, Any]] = [(name, getattr(event, name, None)) for name in _EVENT_FIELDS]
    records += [("", prepared.contact), ("", prepared.first), ("", prepared.message)]
    for name, value in (pair for record in records for pair in _fields(*record)):
        if isinstance(value, str) and name not in _CLEANED_LATER:
            value.encode()
            assert "\x00" not in value, name
            assert len(value) <= _MAX_CHARACTERS.get(name, _MAX_LINE_CHARACTERS), name
            assert name == "text" or is_visible(value), name
        elif isinstance(value, datetime):
            assert value.year in YEARS, name


def _fields(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a record, and those of the records in it."""
    items: Iterable[tuple[str, Any]]
    if isinstance(value, msgspec.Struct):
        items = msgspec.structs.asdict(value).items()
    elif dataclasses.is_dataclass(value):
        items = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    elif isinstance(value, tuple):
        names = getattr(value, "_fields", (name,) * len(value))
        items = zip(names, value, strict=True)
    else:
        yield name, value
        return
    for inner, item in items:
        yield from _fields(inner, item)
