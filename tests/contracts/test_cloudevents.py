"""Our envelope and the CloudEvents SDK read what the other writes."""

from datetime import UTC, datetime

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from common.contracts.contacts import SupervisorRequested
from common.contracts.event import ContactId
from common.core.ids import EventId, new_id
from common.messaging.envelope import Envelope, decode, encode

AT = datetime(2026, 3, 2, 9, 30, 0, 250000, UTC)
CONTACT = ContactId(new_id())
EVENT = SupervisorRequested(contact_id=CONTACT, occurred_at=AT, quote="Your manager, please ☎")


def envelope(traceparent: str | None) -> Envelope:
    return Envelope(
        id=EventId(new_id()),
        type=EVENT.type,
        source="/upstairs/intake",
        key=CONTACT,
        sequence=12,
        traceparent=traceparent,
    )


ENVELOPES = [
    envelope(None),
    envelope("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"),
]


@pytest.mark.parametrize("written", ENVELOPES, ids=["plain", "traced"])
def test_sdk_reads_our_events(written: Envelope) -> None:
    message = KafkaMessage(
        headers=dict(encode(written)),
        key=CONTACT.encode(),
        value=msgspec.json.encode(EVENT),
    )
    read = from_binary(message, JSONFormat())
    assert read.get_specversion() == "1.0"
    assert (read.get_id(), read.get_type()) == (written.id, EVENT.type)
    assert read.get_source() == "/upstairs/intake"
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("partitionkey") == CONTACT
    assert read.get_extension("sequence") == "12"
    assert read.get_extension("traceparent") == written.traceparent
    assert read.get_data() == msgspec.to_builtins(EVENT)


@pytest.mark.parametrize("written", ENVELOPES, ids=["plain", "traced"])
def test_we_read_events_of_the_sdk(written: Envelope) -> None:
    attributes = {
        "specversion": "1.0",
        "id": written.id,
        "type": EVENT.type,
        "source": written.source,
        "subject": CONTACT,
        "time": AT,
        "datacontenttype": "application/json",
        "partitionkey": CONTACT,
        "sequence": "12",
        **({"traceparent": written.traceparent} if written.traceparent else {}),
    }
    made = CloudEvent(attributes, msgspec.to_builtins(EVENT))
    message = to_binary(made, JSONFormat())
    # We read what others may add, and write only what a reader needs.
    optional = {"ce_subject", "ce_time", "ce_partitionkey"}
    assert message.headers.keys() - optional == dict(encode(written)).keys()
    read, event = decode(str(message.key).encode(), [*message.headers.items()], message.value)
    assert (read, event) == (written, EVENT)
