"""The cost of a record's signature: `python -m bench.signature_cost`."""

import timeit
from datetime import UTC, datetime

from common.contracts.contacts import CustomerWrote
from common.contracts.event import ContactId, MessageId
from common.core.ids import EventId, new_id
from common.messaging.envelope import Envelope, decode, encode
from common.messaging.signatures import SigningKey, VerificationKeys

_REPEATS = 5
_COUNT = 5000
_SERVICE = "intake"
_TOPIC = "upstairs.contacts.v1"


def main() -> None:
    """Print the best of some repeats, in microseconds."""
    now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    event = CustomerWrote(
        contact_id=ContactId(new_id()),
        occurred_at=now,
        message_id=MessageId(new_id()),
        excerpt="I was charged twice for the same order.",
    )
    envelope = Envelope(
        EventId(new_id()),
        event.type,
        "/upstairs/intake",
        event.key,
        now,
        sequence=1,
        traceparent=None,
    )
    signing_key = SigningKey.generate()
    keys = VerificationKeys({_SERVICE: [signing_key.public]})
    key, headers, value = event.key.encode(), encode(envelope), event.model_dump_json().encode()
    signed = [*headers, *signing_key.sign(_TOPIC, key, headers, value)]
    for name, measured in {
        "sign": lambda: signing_key.sign(_TOPIC, key, headers, value),
        "verify": lambda: keys.check(_SERVICE, _TOPIC, key, signed, value),
        "decode, without verifying": lambda: decode(key, signed, value),
    }.items():
        best = min(timeit.repeat(measured, number=_COUNT, repeat=_REPEATS)) / _COUNT
        print(f"{name:<26} {best * 1e6:6.1f} µs")


if __name__ == "__main__":
    main()
