"""AsyncAPI 3.0, generated from the contracts."""

from collections import defaultdict
from typing import Any

from common.contracts import EVENTS, TOPICS
from common.contracts.event import Event
from common.contracts.json_schemas import make_schemas
from common.contracts.services import INBOUND_TOPIC, REFUSED_TOPIC
from common.messaging.kafka import topic_name

_SCHEMAS = "#/components/schemas/"


def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each event by its type, with its parts in `$defs`."""
    schemas = {}
    for event in EVENTS:
        parts = make_schemas([event])
        whole = parts.pop(event.__name__)
        schemas[event.type] = {**whole, "$defs": parts} if parts else whole
    return schemas


def document(namespace: str = "upstairs") -> dict[str, Any]:
    by_topic: dict[str, list[type[Event]]] = defaultdict(list)
    for event in EVENTS:
        by_topic[event.topic].append(event)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Upstairs events",
            "version": "1",
            "description": "CloudEvents 1.0, Kafka binary binding. The key is the `partitionkey`. "
            "A field that is missing has its default.",
        },
        "defaultContentType": "application/json",
        "channels": {
            topic: {
                "address": topic_name(namespace, topic),
                "messages": {
                    event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}
                    for event in by_topic[topic]
                },
            }
            for topic in TOPICS
        }
        | _inbound_channels(namespace),
        "operations": {
            f"publish_{topic}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic}"},
            }
            for topic in TOPICS
        }
        | _INBOUND_OPERATIONS,
        "components": {
            "messages": {event.__name__: _message(event) for event in EVENTS} | _INBOUND_MESSAGES,
            "schemas": make_schemas(EVENTS, reference=f"{_SCHEMAS}{{name}}"),
        },
    }


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.type,
        **({"summary": event.__doc__.strip().split("\n")[0]} if event.__doc__ else {}),
        "headers": {
            "type": "object",
            "properties": {
                "ce_type": {"const": event.type},
                "ce_id": {"type": "string", "format": "uuid"},
                "ce_sequence": {"type": "string", "pattern": "^[0-9]+$"},
            },
        },
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"{_SCHEMAS}{event.__name__}"},
        },
    }


def _inbound_channels(namespace: str) -> dict[str, Any]:
    """Return the topics of outside systems, whose data docs/channels/events.md describes."""
    names = {INBOUND_TOPIC: "InboundEvent", REFUSED_TOPIC: "RefusedRecord"}
    return {
        topic: {
            "address": topic_name(namespace, topic),
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        }
        for topic, name in names.items()
    }


_TEXT = {"type": "string"}
_NUMBER = {"type": "string", "pattern": "^[0-9]+$"}
_INBOUND_OPERATIONS: dict[str, Any] = {
    "receive_inbound": {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{INBOUND_TOPIC}"},
    },
    "publish_refused": {
        "action": "send",
        "channel": {"$ref": f"#/channels/{REFUSED_TOPIC}"},
    },
}
_INBOUND_MESSAGES: dict[str, Any] = {
    "InboundEvent": {
        "summary": "A CloudEvent of an outside system, in binary or structured mode.",
        "headers": {
            "type": "object",
            "required": ["upstairs-connection"],
            "properties": {
                "upstairs-connection": _TEXT,
                "webhook-id": _TEXT,
                "webhook-timestamp": _NUMBER,
                "webhook-signature": _TEXT,
            },
        },
        "payload": {"type": "object"},
    },
    "RefusedRecord": {
        "summary": "A record that could not be taken in, with its key, headers and first bytes.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": {
                "upstairs-refusal-code": {
                    "enum": [
                        *("malformed", "no-connection", "signature-refused"),
                        *("stale-signature", "connection-paused", "not-applied"),
                    ]
                },
                "upstairs-refusal-detail": _TEXT,
                "upstairs-refused-topic": _TEXT,
                "upstairs-refused-partition": _NUMBER,
                "upstairs-refused-offset": _NUMBER,
                "upstairs-refused-bytes": _NUMBER,
            },
        },
    },
}
