"""CloudEvents in Kafka records: one event each, in binary or structured mode, signed.

Kafka does not say who wrote a record. So it names its connection in a header, as a request does in
its path, and carries a signature of Standard Webhooks (ADR 0083).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from urllib.parse import quote

from common.contracts.event import ID_PATTERN
from common.core.errors import ContentError
from common.http.webhooks import BadSignatureError, StaleRequestError
from intake.channels.base import WebhookRequest
from intake.channels.cloud_events import CloudEventsOptions
from intake.channels.standard_webhooks import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    verify_standard_webhook,
)
from intake.domain.model import ChannelConnection

RefusalCode = Literal[
    "malformed",
    "no-connection",
    "signature-refused",
    "stale-signature",
    "connection-paused",
    "not-applied",
]

CONNECTION_HEADER: Final = "upstairs-connection"
_ATTRIBUTE_PREFIX: Final = "ce_"
_CONTENT_TYPE: Final = "content-type"
_STRUCTURED: Final = "application/cloudevents"
_STRUCTURED_JSON: Final = "application/cloudevents+json"
_PROOF_HEADERS: Final = (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)
_OWN_HEADERS: Final = frozenset((CONNECTION_HEADER, _CONTENT_TYPE, *_PROOF_HEADERS))
_REQUIRED: Final = ("ce_id", "ce_source", "ce_type")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_CONNECTION: Final = re.compile(ID_PATTERN)
_SIGNATURE_REFUSED: Final = (
    "There is no such connection, or the signature is missing or wrong: sign with its secret."
)
_PAUSED: Final = "The connection is paused: it takes nothing. Send it again later."


class RecordRefusedError(ContentError):
    """The record can't be taken in; its writer learns the code and the detail."""

    def __init__(self, code: RefusalCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class InboundRecord:
    """A record as Kafka holds it; `at` is its timestamp, by the broker's clock."""

    topic: str
    partition: int
    offset: int
    at: datetime
    key: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    value: bytes | None


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """A record that names a connection, in the form of a request; `proof` holds what is signed."""

    record: InboundRecord
    connection: str
    request: WebhookRequest
    proof: WebhookRequest


def read_record(record: InboundRecord) -> ConnectionRecord:
    """Raise RecordRefusedError if it is no CloudEvent, or names no connection."""
    headers = _texts(record.headers)
    if not record.value:
        raise RecordRefusedError("malformed", "The record has no value.")
    connection = headers.get(CONNECTION_HEADER)
    if connection is None or not _CONNECTION.fullmatch(connection):
        detail = f"The header {CONNECTION_HEADER} must name a connection of the kind cloudevents."
        raise RecordRefusedError("no-connection", detail)
    attributes, signed = _read_mode(headers, record.value)
    return ConnectionRecord(
        record,
        connection,
        WebhookRequest(attributes, record.value),
        WebhookRequest({name: headers[name] for name in _PROOF_HEADERS if name in headers}, signed),
    )


def verify_record(
    connection: ChannelConnection | None, read: ConnectionRecord
) -> ChannelConnection:
    """Return the connection; raises RecordRefusedError unless its owner wrote the record.

    The signature must have been made when the broker got the record: it may wait here for days.
    """
    if connection is None:
        raise RecordRefusedError("signature-refused", _SIGNATURE_REFUSED)
    if SIGNATURE_HEADER in read.proof.headers or not _admits_unsigned(connection):
        _verify_signature(connection, read)
    if connection.state == "paused":
        raise RecordRefusedError("connection-paused", _PAUSED)
    return connection


def _verify_signature(connection: ChannelConnection, read: ConnectionRecord) -> None:
    try:
        verify_standard_webhook(connection, read.proof, read.record.at)
    except BadSignatureError as error:
        raise RecordRefusedError("signature-refused", _SIGNATURE_REFUSED) from error
    except StaleRequestError as error:
        detail = "It was signed more than five minutes before or after Kafka got it."
        raise RecordRefusedError("stale-signature", detail) from error


def content_to_sign(attributes: Mapping[str, str], value: bytes) -> bytes:
    """Return what stands for the body in the signature of a record in binary mode.

    A line for each attribute, by name, an empty line, and the value.
    """
    lines = [f"{name}: {attributes[name]}\n" for name in sorted(attributes)]
    return "".join([*lines, "\n"]).encode() + value


def _admits_unsigned(connection: ChannelConnection) -> bool:
    return CloudEventsOptions.model_validate(connection.options).unsigned_kafka


def _texts(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """Return the headers that count; one that comes twice would mean two things."""
    texts: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered not in _OWN_HEADERS and not lowered.startswith(_ATTRIBUTE_PREFIX):
            continue
        if lowered in texts:
            raise RecordRefusedError("malformed", f"The header {lowered[:100]} comes twice.")
        texts[lowered] = _text(lowered, value)
    return texts


def _text(name: str, value: bytes | None) -> str:
    try:
        text = (value or b"").decode()
    except UnicodeDecodeError:
        text = "\x00"
    if _CONTROL.search(text) or _CONTROL.search(name):
        raise RecordRefusedError("malformed", f"The header {name[:100]!r} is not plain text.")
    return text


def _read_mode(headers: Mapping[str, str], value: bytes) -> tuple[dict[str, str], bytes]:
    """Return the headers of the same event as a request, and what its signature covers."""
    content_type = headers.get(_CONTENT_TYPE, "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.startswith(_STRUCTURED):
        if media_type != _STRUCTURED_JSON or value.lstrip()[:1] != b"{":
            raise RecordRefusedError("malformed", "A record holds one event, as a JSON object.")
        return {_CONTENT_TYPE: content_type}, value
    attributes = {
        name: text for name, text in headers.items() if name.startswith(_ATTRIBUTE_PREFIX)
    }
    if missing := [name for name in _REQUIRED if not attributes.get(name)]:
        raise RecordRefusedError("malformed", f"These headers are missing: {', '.join(missing)}.")
    request = {
        f"ce-{name.removeprefix(_ATTRIBUTE_PREFIX)}": quote(text)
        for name, text in attributes.items()
    }
    return request | {_CONTENT_TYPE: content_type}, content_to_sign(attributes, value)
