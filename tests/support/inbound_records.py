"""Records as a channel with an access to Kafka writes them."""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

Headers = list[tuple[str, bytes | None]]

SECRET = "a-secret-of-a-test-7f3c"


def event(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return the CloudEvent of a new contact."""
    contact = {
        "ref": f"T-{number}",
        "channel": "chat",
        "customer": {"id": f"c-{number}"},
        "subject": "Boiler",
    }
    return {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "/shop",
        "type": "upstairs.inbound.contact_received.v1",
        "data": {"contact": contact, "message": {"text": f"No hot water, case {number}."}},
        **changes,
    }


def structured(content: Mapping[str, Any]) -> tuple[Headers, bytes]:
    headers: Headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]
    return headers, json.dumps(content).encode()


def binary(content: Mapping[str, Any]) -> tuple[Headers, bytes]:
    attributes = {name: value for name, value in content.items() if name != "data"}
    headers: Headers = [("content-type", b"application/json")]
    headers += [(f"ce_{name}", str(value).encode()) for name, value in attributes.items()]
    return headers, json.dumps(content["data"]).encode()


def sign(
    headers: Sequence[tuple[str, bytes | None]],
    value: bytes,
    at: datetime,
    *,
    secret: str = SECRET,
    connection: str = "acme",
) -> Headers:
    """Return all headers of the record, signed as docs/channels/cloudevents.md says."""
    attributes = sorted((name, text or b"") for name, text in headers if name.startswith("ce_"))
    lines = b"".join(name.encode() + b": " + text + b"\n" for name, text in attributes)
    covered = lines + b"\n" + value if attributes else value
    timestamp = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), f"msg-1.{timestamp}.".encode() + covered, "sha256")
    return [
        *headers,
        ("upstairs-connection", connection.encode()),
        ("webhook-id", b"msg-1"),
        ("webhook-timestamp", timestamp.encode()),
        ("webhook-signature", b"v1," + base64.b64encode(mac.digest())),
    ]
