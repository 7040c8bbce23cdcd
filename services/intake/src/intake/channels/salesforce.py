"""Salesforce: Outbound Messages (SOAP), and Change Data Capture (JSON), which a relay posts."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from common.http.webhooks import BadSignatureError
from intake.channels import salesforce_changes
from intake.channels.base import (
    ChannelEvent,
    MalformedBodyError,
    Reply,
    UnreadablePart,
    WebhookRequest,
)
from intake.channels.event_keys import event_key
from intake.channels.fields import read_id
from intake.channels.salesforce_case import (
    SalesforceOptions,
    is_same_id,
    read_case,
    read_message,
)
from intake.channels.salesforce_soap import (
    ACKNOWLEDGEMENT,
    Notification,
    read_outbound_message,
)
from intake.channels.shared_secret import verify_address_secret, verify_shared_secret
from intake.domain.model import ChannelConnection

_MESSAGES: Final = ("CaseComment", "EmailMessage")


class Salesforce:
    kind = "salesforce"
    proof = (
        "An Outbound Message has the secret in its address, and the id of the "
        "organization of the options; what a relay posts may have the secret in a header."
    )
    options = SalesforceOptions

    def verify(
        self, connection: ChannelConnection, request: WebhookRequest, _now: datetime
    ) -> None:
        if not _is_soap(request):
            # A relay can send a header.
            verify_shared_secret(connection, request)
            return
        verify_address_secret(connection, request)
        try:
            organization = read_outbound_message(request.body).organization
        except MalformedBodyError:
            # Who has the secret is heard: it is kept.
            return
        if not is_same_id(organization, connection.options["organization"]):
            raise BadSignatureError

    def parse(
        self, connection: ChannelConnection, request: WebhookRequest
    ) -> list[ChannelEvent | UnreadablePart]:
        options = SalesforceOptions.model_validate(connection.options)
        if not _is_soap(request):
            return salesforce_changes.read_changes(request.body, options)
        message = read_outbound_message(request.body)
        return [
            part
            for number, notification in enumerate(message.notifications, 1)
            for part in _events(notification, f"Notification {number}", options)
        ]

    def reply(self, request: WebhookRequest) -> Reply | None:
        return Reply(ACKNOWLEDGEMENT, "text/xml; charset=utf-8") if _is_soap(request) else None


def _is_soap(request: WebhookRequest) -> bool:
    return request.media_type.endswith("xml") or b"<" in request.body[:8]


def _events(
    notification: Notification, place: str, options: SalesforceOptions
) -> Iterator[ChannelEvent | UnreadablePart]:
    record_id = read_id(notification.fields.get("Id"))
    if record_id is None or not notification.notification_id:
        yield UnreadablePart(place, "It has no id.", "fields-missing", {"fields": "id"})
        return
    fields = notification.fields | {"Id": record_id}
    event_id = event_key(notification.notification_id)
    if notification.kind == "Case":
        yield from read_case(fields, options, event_id, "outbound-message", None)
    elif notification.kind in _MESSAGES:
        yield from read_message(notification.kind, fields, options, event_id)
