"""CloudEvents with our own types, over HTTP: binary, structured, and in batches.

`kafka_records.py` reads those from Kafka.
"""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

from pydantic import Field, ValidationError

from common.contracts.validation_messages import summarize
from common.core.text import clean_text
from intake.channels.base import (
    ChannelEvent,
    MalformedBodyError,
    Reply,
    UnreadablePart,
    WebhookModel,
    WebhookRequest,
)
from intake.channels.event_keys import event_key
from intake.channels.fields import Id, Text, Time, load_json, moment_at
from intake.channels.inbound_events import read_event
from intake.channels.options import MappingOptions
from intake.channels.shared_secret import verify_shared_secret
from intake.channels.standard_webhooks import SIGNATURE_HEADER, verify_standard_webhook
from intake.domain.model import ChannelConnection

_ATTRIBUTE_PREFIX: Final = "ce-"


class Event(WebhookModel):
    """The attributes that matter here; any others are extensions."""

    id: Id = None
    source: Text = None
    type: Text = None
    specversion: Text = None
    time: Time = None
    data: Any = None
    data_base64: Text = None


class CloudEventsOptions(MappingOptions):
    unsigned_kafka: bool = Field(
        False,
        description="Whether records in Kafka that name this connection need no signature: then "
        "everybody who may write to the topic speaks for it.",
    )


class CloudEvents:
    kind = "cloudevents"
    options = CloudEventsOptions
    proof = (
        "The event has a signature as Standard Webhooks says, or the secret as "
        "Authorization: Bearer."
    )

    def verify(self, connection: ChannelConnection, request: WebhookRequest, now: datetime) -> None:
        if request.headers.get(SIGNATURE_HEADER) is not None:
            verify_standard_webhook(connection, request, now)
        else:
            verify_shared_secret(connection, request)

    def parse(
        self, connection: ChannelConnection, request: WebhookRequest
    ) -> list[ChannelEvent | UnreadablePart]:
        options = CloudEventsOptions.model_validate(connection.options)
        return [
            part
            for number, event in enumerate(_events(request), 1)
            for part in _parts(event, f"Event {number}", options)
        ]

    def reply(self, _request: WebhookRequest) -> Reply | None:
        return None


def _events(request: WebhookRequest) -> list[Any]:
    """Return the events as JSON objects; a list is a batch, whatever its media type says."""
    attributes = {
        name.lower().removeprefix(_ATTRIBUTE_PREFIX): clean_text(unquote(value))
        for name, value in request.headers.items()
        if name.lower().startswith(_ATTRIBUTE_PREFIX)
    }
    content = load_json(request.body)
    if "type" in attributes and "id" in attributes:
        return [attributes | {"data": content}]
    return content if isinstance(content, list) else [content]


def _parts(
    content: Any, place: str, options: MappingOptions
) -> Iterator[ChannelEvent | UnreadablePart]:
    try:
        event = Event.model_validate(content)
        if event.id is None or event.type is None or event.source is None:
            yield UnreadablePart(
                place,
                "It has no id, source or type.",
                "fields-missing",
                {"fields": "id, source, type"},
            )
            return
        moment = moment_at(event.time)
        data = event.data if event.data_base64 is None else _decoded(event.data_base64)
        # By the specification, source and id together name an event.
        key = event_key(event.source, event.id)
        yield from read_event(key, event.type, moment, data, options)
    except ValidationError as error:
        yield UnreadablePart(place, f"{summarize(error, 'event')}.")
    except MalformedBodyError as error:
        yield UnreadablePart(place, str(error), error.code, error.parameters)


def _decoded(data: str) -> Any:
    try:
        content = base64.b64decode(data, validate=True)
    # Of text that is not ASCII, Python says it by another error than of wrong characters.
    except ValueError as error:
        raise MalformedBodyError("Its data_base64 is not base64.") from error
    return load_json(content)
