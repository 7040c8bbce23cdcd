"""AsyncAPI 3.0, generated from the contracts."""

from collections import defaultdict
from typing import Any

from common.contracts import EVENTS, TOPICS
from common.contracts.event import Event
from common.contracts.json_schemas import make_schemas
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
            "description": "CloudEvents 1.0, Kafka binary binding. The key is the `partitionkey`.",
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
        },
        "operations": {
            f"publish_{topic}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic}"},
            }
            for topic in TOPICS
        },
        "components": {
            "messages": {event.__name__: _message(event) for event in EVENTS},
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
