"""What the bench sends to intake is what intake reads: each signature, batch and message."""

import json

from bench import channel_signatures, intake
from intake.channels.base import CaseToRead, UnreadablePart, WebhookRequest
from intake.channels.registry import CHANNELS
from intake.domain.model import ChannelConnection

ORGANIZATION = "00D5g000004AbCdEAK"


def count_contacts(kind: str, body: bytes, **options: str) -> int:
    connection = ChannelConnection("bench", kind, "a-secret-of-a-test-7f3c", options)
    parts = CHANNELS[kind].parse(connection, WebhookRequest({}, body))
    return len(
        {part.contact.ref for part in parts if not isinstance(part, UnreadablePart | CaseToRead)}
    )


def test_kinds_accept_their_signatures() -> None:
    costs = channel_signatures.costs()
    assert {"signature_10kb_us_zendesk", "signature_10kb_us_twilio"} <= set(costs)
    assert all(float(cost) > 0 for cost in costs.values())


def test_batch_has_as_many_contacts_as_events() -> None:
    (batch,) = intake.event_batches(1)
    assert len(json.loads(batch)) == intake.BATCH
    assert count_contacts("cloudevents", batch) == intake.BATCH


def test_outbound_message_has_as_many_cases() -> None:
    message = intake.outbound_message(7)
    assert count_contacts("salesforce", message, organization=ORGANIZATION) == intake.BATCH
