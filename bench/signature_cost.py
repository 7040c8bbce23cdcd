"""The cost of a record's signature: `python -m bench.signature_cost`."""

import timeit
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec

from common.contracts.contacts import CustomerWrote
from common.contracts.event import ContactId, MessageId
from common.core.ids import EventId, new_id
from common.messaging.envelope import Envelope, Headers, decode, encode
from common.messaging.signatures import RecordContent, SigningKey, VerificationKeys

_REPEATS = 5
_RECORDS = 5000
_TOGETHER = (1, 8, 32, 128)
_SERVICE = "intake"
_TOPIC = "upstairs.contacts.v1"


def main() -> None:
    """Print the best of some repeats, in microseconds for a record."""
    signing_key = SigningKey.generate()
    record = _record()
    _print("decode, without verifying", partial(decode, *record[1:]), 1)
    for together in _TOGETHER:
        records = [record] * together
        _print(f"sign {together} together", partial(signing_key.sign, records), together)
        headers = [[*record.headers, *own] for own in signing_key.sign(records)]
        keys = {_SERVICE: [signing_key.public]}
        _print(f"verify {together} together", partial(_verify, keys, record, headers), together)


def _record() -> RecordContent:
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
        sequence=1,
        traceparent=None,
    )
    value = msgspec.json.encode(event)
    return RecordContent(_TOPIC, event.key.encode(), encode(envelope), value)


def _verify(
    public: dict[str, list[str]], record: RecordContent, headers: Sequence[Headers]
) -> None:
    # It has verified none of them before.
    keys = VerificationKeys(public)
    for own in headers:
        keys.check(_SERVICE, record.topic, record.key, own, record.value)


def _print(name: str, measured: Callable[[], object], records: int) -> None:
    count = _RECORDS // records
    best = min(timeit.repeat(measured, number=count, repeat=_REPEATS)) / count / records
    print(f"{name:<26} {best * 1e6:6.1f} µs")


if __name__ == "__main__":
    main()
