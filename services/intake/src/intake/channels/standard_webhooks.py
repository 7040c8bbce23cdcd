"""Plain webhooks with our documented body, signed by the rules of Standard Webhooks."""

import base64
import binascii
from datetime import datetime
from typing import Any, Final

from common.http.webhooks import BadSignatureError, SignatureScheme, verify_signature
from intake.channels.base import (
    ChannelEvent,
    MalformedBodyError,
    Reply,
    WebhookModel,
    WebhookRequest,
)
from intake.channels.event_keys import event_key
from intake.channels.fields import Text, Time, moment_at, read_json
from intake.channels.inbound_events import read_event
from intake.channels.options import MappingOptions
from intake.domain.model import ChannelConnection

SIGNATURE_HEADER: Final = "webhook-signature"
ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
_SCHEME: Final = SignatureScheme(encoding="base64", time_format="unix", prefix="v1,", separator=" ")
_KEY_PREFIX: Final = "whsec_"


class Envelope(WebhookModel):
    type: Text = None
    timestamp: Time = None
    data: Any = None


class StandardWebhooks:
    kind = "webhook"
    proof = (
        "The signature is as Standard Webhooks says: the headers webhook-id, "
        "webhook-timestamp and webhook-signature."
    )
    options = MappingOptions

    def verify(self, connection: ChannelConnection, request: WebhookRequest, now: datetime) -> None:
        verify_standard_webhook(connection, request, now)

    def parse(self, connection: ChannelConnection, request: WebhookRequest) -> list[ChannelEvent]:
        options = MappingOptions.model_validate(connection.options)
        envelope = read_json(request.body, Envelope)
        if envelope.type is None:
            raise MalformedBodyError("The body has no type.", "fields-missing", fields="type")
        moment = moment_at(envelope.timestamp)
        event_id = event_key(request.headers.get(ID_HEADER, ""))
        return read_event(event_id, envelope.type, moment, envelope.data, options)

    def reply(self, _request: WebhookRequest) -> Reply | None:
        return None


def verify_standard_webhook(
    connection: ChannelConnection, request: WebhookRequest, now: datetime
) -> None:
    """Raise BadSignatureError or StaleRequestError, as `Channel.verify` does."""
    webhook_id = request.headers.get(ID_HEADER, "")
    if not webhook_id:
        raise BadSignatureError
    timestamp = request.headers.get(TIMESTAMP_HEADER, "")
    verify_signature(
        _SCHEME,
        secrets=[_key(secret) for secret in connection.secrets],
        signed=f"{webhook_id}.{timestamp}.".encode() + request.body,
        signature=request.headers.get(SIGNATURE_HEADER, ""),
        timestamp=timestamp,
        now=now,
    )


def _key(secret: bytes) -> bytes:
    """Return the key that `whsec_…` writes in base64; any other secret is the key itself."""
    encoded = secret.removeprefix(_KEY_PREFIX.encode())
    if encoded == secret:
        return secret
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return secret
