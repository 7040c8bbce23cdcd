"""Who may say what on a topic: its owner, in its own name, and signed once keys are known."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import structs

from common.contracts.contacts import CustomerWrote
from common.contracts.event import ContactId, Event, MessageId
from common.contracts.notifications import NotificationActedOn
from common.contracts.services import TOPIC_OWNERS, source_of
from common.core.ids import EventId, new_id
from common.messaging.envelope import (
    Envelope,
    Headers,
    MalformedRecordError,
    UntrustedRecordError,
    encode,
)
from common.messaging.kafka import topic_name
from common.messaging.record_decoder import RecordDecoder
from common.messaging.signatures import (
    KEY_ID_HEADER,
    PROOF_HEADER,
    SIGNATURE_HEADER,
    RecordContent,
    SigningKey,
    SigningKeyError,
    VerificationKeys,
)

NAMESPACE = "upstairs"
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CONTACT = ContactId(new_id())
WROTE = CustomerWrote(
    contact_id=CONTACT, occurred_at=AT, message_id=MessageId(new_id()), excerpt="hello"
)
ACTED = msgspec.convert(
    {
        "contact_id": CONTACT,
        "occurred_at": AT,
        "escalation_id": new_id(),
        "page_id": new_id(),
        "notification_id": new_id(),
        "person_id": "dana",
        "action": "acknowledge",
        "medium": "slack",
    },
    NotificationActedOn,
)
KEYS = {service: SigningKey.generate() for service in set(TOPIC_OWNERS.values())}
PUBLIC = {service: [key.public] for service, key in KEYS.items()}


@dataclass(frozen=True)
class Written:
    topic: str
    key: bytes | None
    headers: Headers
    value: bytes | None

    def header(self, name: str, value: bytes) -> "Written":
        return replace(self, headers=[*{**dict(self.headers), name: value}.items()])


def written(event: Event, source: str | None = None, topic: str | None = None) -> Written:
    envelope = Envelope(
        id=EventId(new_id()),
        type=event.type,
        source=source or source_of(TOPIC_OWNERS[event.topic]),
        key=event.key,
        sequence=1,
        traceparent=None,
    )
    name = topic_name(NAMESPACE, topic or event.topic)
    return Written(name, event.key.encode(), encode(envelope), msgspec.json.encode(event))


def signed(record: Written, key: SigningKey) -> Written:
    return signed_together([record], key)[0]


def signed_together(records: Sequence[Written], key: SigningKey) -> list[Written]:
    contents = [
        RecordContent(
            record.topic,
            record.key or b"",
            [(name, text or b"") for name, text in record.headers],
            record.value or b"",
        )
        for record in records
    ]
    return [
        replace(record, headers=[*record.headers, *signature])
        for record, signature in zip(records, key.sign(contents), strict=True)
    ]


def decoder(keys: dict[str, list[str]] | None = None) -> RecordDecoder:
    return RecordDecoder(NAMESPACE, VerificationKeys(keys) if keys else None)


def test_event_of_the_topics_owner_is_decoded() -> None:
    assert decoder().decode(written(WROTE))[1] == WROTE
    assert decoder(PUBLIC).decode(signed(written(WROTE), KEYS["intake"]))[1] == WROTE


@pytest.mark.parametrize("source", ["/upstairs/intake", "/upstairs/Notifier", "/", "notifier"])
def test_answer_in_a_directors_name_from_a_foreign_source_is_untrusted(source: str) -> None:
    with pytest.raises(UntrustedRecordError, match="not the topic's owner, /upstairs/notifier"):
        decoder().decode(written(ACTED, source))


@pytest.mark.parametrize("topic", ["contacts", "escalations", "people"])
def test_answer_on_a_topic_that_it_does_not_belong_to_is_untrusted(topic: str) -> None:
    """A service that is taken over must not speak for another on its own topic."""
    for source in (source_of("notifier"), source_of(TOPIC_OWNERS[topic])):
        with pytest.raises(UntrustedRecordError, match=f"does not belong to the topic {topic}"):
            decoder().decode(written(ACTED, source, topic))


def test_topic_of_another_system_is_untrusted() -> None:
    with pytest.raises(UntrustedRecordError, match="is not a topic of this system"):
        decoder().decode(replace(written(WROTE), topic="other.contacts.v1"))


OTHER = SigningKey.generate()
FORGERIES: dict[str, Callable[[], Written]] = {
    "unsigned": lambda: written(ACTED),
    "signed by a stranger": lambda: signed(written(ACTED), OTHER),
    "signed by another service": lambda: signed(written(ACTED), KEYS["intake"]),
    "another key's name": lambda: signed(written(ACTED), OTHER).header(
        KEY_ID_HEADER, dict(signed(written(ACTED), KEYS["notifier"]).headers)[KEY_ID_HEADER] or b""
    ),
    "signature not Base64": lambda: signed(written(ACTED), KEYS["notifier"]).header(
        SIGNATURE_HEADER, b"\xff"
    ),
    "signature too short": lambda: signed(written(ACTED), KEYS["notifier"]).header(
        SIGNATURE_HEADER, base64.b64encode(b"short")
    ),
    "key name not UTF-8": lambda: signed(written(ACTED), KEYS["notifier"]).header(
        KEY_ID_HEADER, b"\xff"
    ),
    "proof not Base64": lambda: signed(written(ACTED), KEYS["notifier"]).header(
        PROOF_HEADER, b"\xff"
    ),
    "proof of another record": lambda: signed(written(ACTED), KEYS["notifier"]).header(
        PROOF_HEADER, base64.b64encode(b"r" + b"\x00" * 32)
    ),
    "proof without an end": lambda: signed(written(ACTED), KEYS["notifier"]).header(
        PROOF_HEADER, base64.b64encode((b"r" + b"\x00" * 32) * 17)
    ),
    "value changed": lambda: replace(
        signed(written(ACTED), KEYS["notifier"]),
        value=msgspec.json.encode(structs.replace(ACTED, person_id="mallory")),
    ),
    "no value": lambda: replace(signed(written(ACTED), KEYS["notifier"]), value=None),
    "key changed": lambda: replace(signed(written(ACTED), KEYS["notifier"]), key=new_id().encode()),
    "moved to another topic": lambda: replace(
        signed(written(ACTED), KEYS["notifier"]), topic=topic_name("upstairs", "contacts")
    ),
    "moved to another system": lambda: replace(
        signed(written(ACTED), KEYS["notifier"]), topic=topic_name("staging", "notifications")
    ),
}
ATTRIBUTES = [name for name, _ in encode(Envelope(EventId(new_id()), "", "", "", 1, "a"))]


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forgery_is_untrusted(forgery: str) -> None:
    with pytest.raises(UntrustedRecordError):
        decoder(PUBLIC).decode(FORGERIES[forgery]())


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_records_that_are_signed_together_are_decoded_alone_and_in_any_order(count: int) -> None:
    events = [structs.replace(WROTE, excerpt=f"{place}") for place in range(count)]
    records = signed_together([written(event) for event in events], KEYS["intake"])
    for place in reversed(range(count)):
        assert decoder(PUBLIC).decode(records[place])[1] == events[place]
    assert [decoder(PUBLIC).decode(record)[1] for record in records] == events


def test_record_does_not_take_the_place_of_one_that_was_signed_with_it() -> None:
    first, second = signed_together([written(WROTE), written(WROTE)], KEYS["intake"])
    both = decoder(PUBLIC)
    both.decode(first)
    both.decode(second)
    forged = replace(first, value=msgspec.json.encode(structs.replace(WROTE, excerpt="x")))
    swapped = first.header(PROOF_HEADER, dict(second.headers)[PROOF_HEADER] or b"")
    for record in (forged, swapped):
        with pytest.raises(UntrustedRecordError, match="its signature is not that of intake"):
            both.decode(record)


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_every_attribute_is_signed(attribute: str) -> None:
    record = signed(written(ACTED), KEYS["notifier"]).header(attribute, b"7")
    with pytest.raises(UntrustedRecordError, match="its signature is not that of notifier"):
        decoder(PUBLIC).decode(record)


@pytest.mark.parametrize(
    "header",
    [
        ("x", b"\xff"),
        ("ce_foo", b"1"),
        ("Ce_Type", WROTE.type.encode()),
        ("ce_type", WROTE.type.encode()),
    ],
)
def test_header_added_to_a_signed_record_makes_it_untrusted(header: tuple[str, bytes]) -> None:
    """A stranger can copy a signed record; its owner must not be taken for the culprit."""
    record = signed(written(ACTED), KEYS["notifier"])
    with pytest.raises(UntrustedRecordError, match="no signature covers"):
        decoder(PUBLIC).decode(replace(record, headers=[header, *record.headers]))
    with pytest.raises(UntrustedRecordError, match="no signature covers"):
        decoder(PUBLIC).decode(replace(record, headers=[*record.headers, header]))


def test_repeated_attribute_hides_nothing_behind_the_first_one() -> None:
    record = written(ACTED)
    repeated = replace(record, headers=[("Ce_Type", WROTE.type.encode()), *record.headers])
    with pytest.raises(UntrustedRecordError, match="comes twice"):
        decoder().decode(repeated)


def test_signed_record_that_violates_its_contract_is_its_owners_fault() -> None:
    """So that a bad deployment of a producer is not taken for an attack."""
    broken = signed(replace(written(ACTED), value=b"{}"), KEYS["notifier"])
    with pytest.raises(MalformedRecordError) as raised:
        decoder(PUBLIC).decode(broken)
    assert not isinstance(raised.value, UntrustedRecordError)
    with pytest.raises(UntrustedRecordError):
        decoder().decode(broken)


def test_two_keys_of_a_service_are_valid_during_a_rotation() -> None:
    old, new = KEYS["notifier"], SigningKey.generate()
    both = decoder({**PUBLIC, "notifier": [old.public, new.public]})
    for key in (old, new):
        assert both.decode(signed(written(ACTED), key))[1] == ACTED
    with pytest.raises(UntrustedRecordError):
        decoder({**PUBLIC, "notifier": [new.public]}).decode(signed(written(ACTED), old))


def test_detail_of_an_error_is_bounded() -> None:
    with pytest.raises(UntrustedRecordError) as raised:
        decoder().decode(written(WROTE, "/" + "x" * 900_000))
    assert len(str(raised.value)) <= 500


def test_text_that_is_no_trace_context_is_not_passed_on() -> None:
    """It would go into every event that this one causes, and make them too large."""
    record = written(WROTE).header("ce_traceparent", b"x" * 900_000)
    assert decoder().decode(record)[0].traceparent is None


def test_private_key_is_read_as_pem_and_as_base64() -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    from_pem = SigningKey.parse(pem)
    assert SigningKey.parse(f"{from_pem.seed}\n").public == from_pem.public
    url_safe = from_pem.seed.replace("+", "-").replace("/", "_")
    assert SigningKey.parse(url_safe).public == from_pem.public


@pytest.mark.parametrize("text", ["secret", "Zm9v", "-----BEGIN PRIVATE KEY-----\nx", "é"])
def test_text_that_is_no_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(SigningKeyError) as raised:
        SigningKey.parse(text)
    assert text not in str(raised.value)
    with pytest.raises(SigningKeyError):
        VerificationKeys({"intake": [text]})


def test_key_of_another_kind_is_refused() -> None:
    other = generate_private_key(SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(SigningKeyError):
        SigningKey.parse(pem)
