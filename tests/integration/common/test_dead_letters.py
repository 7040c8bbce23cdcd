"""Records that nobody can read: each is put aside with its reason, and hurts nothing around it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import msgspec
import orjson

from common.contracts.contacts import ContactReceived, Customer, CustomerWrote
from common.contracts.event import ContactId, CustomerId
from common.messaging.envelope import encode
from common.messaging.subscriptions import HandlerRegistry
from common.storage.database import Database
from common.storage.dead_letters import from_readable
from support.databases import rows
from support.probe import (
    POISON,
    Broker,
    Replica,
    UnitOfWork,
    add_note,
    customer_wrote,
    make_envelope,
    new_contact,
    run_workers,
    sum_samples,
    take_note,
)
from support.waiting import until

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Raw:
    """A record as it is on the wire."""

    key: bytes | None
    headers: Headers
    value: bytes | None

    def header(self, name: str, value: bytes | None) -> "Raw":
        return replace(
            self, headers=[*(header for header in self.headers if header[0] != name), (name, value)]
        )

    def without(self, name: str) -> "Raw":
        return replace(self, headers=[header for header in self.headers if header[0] != name])

    def data(self, **changes: object) -> "Raw":
        return replace(self, value=orjson.dumps({**orjson.loads(self.value or b""), **changes}))


def received(contact_id: ContactId) -> ContactReceived:
    return ContactReceived(
        contact_id=contact_id,
        occurred_at=customer_wrote(contact_id).occurred_at,
        channel="email",
        customer=Customer(customer_id=CustomerId("c-1")),
        subject="Charged twice",
        topic_of_contact="billing",
        language="en",
        priority="high",
    )


def raw(event: Any) -> Raw:
    return Raw(
        event.contact_id.encode(),
        list(encode(make_envelope(event))),
        msgspec.json.encode(event),
    )


TERMS_OF_LIBRARIES = re.compile(
    r"Input should|Field required|[Vv]alue error|pattern|[\[\]^]|isoformat|base 10|codec|pydantic"
)
UNREADABLE: dict[str, tuple[Callable[[Raw], Raw], str]] = {
    "no headers": (
        lambda record: replace(record, headers=[]),
        "these attributes are missing: ce_specversion, ce_id",
    ),
    "no id": (lambda record: record.without("ce_id"), "these attributes are missing: ce_id"),
    "no sequence": (
        lambda record: record.without("ce_sequence"),
        "these attributes are missing: ce_sequence",
    ),
    "type without value": (
        lambda record: record.header("ce_type", None),
        "there is no event of type ",
    ),
    "other version": (lambda record: record.header("ce_specversion", b"0.3"), "CloudEvents 0.3"),
    "not a UUID": (
        lambda record: record.header("ce_id", b"17"),
        "ce_id 17 must be a UUID of version 7",
    ),
    "UUID version 4": (
        lambda record: record.header("ce_id", str(uuid4()).encode()),
        "must be a UUID of version 7",
    ),
    "id of no year": (
        lambda record: record.header("ce_id", b"ffffffff-ffff-7fff-bfff-ffffffffffff"),
        "must be a UUID of version 7",
    ),
    "id with NUL": (lambda record: record.header("ce_id", b"\x00"), "must be a UUID of version 7"),
    "header with NUL": (
        lambda record: record.header("ce_time", b"\x00 \\u0000"),
        "must be a date and a time, for example",
    ),
    "header not UTF-8": (
        lambda record: record.header("ce_source", b"\xff"),
        "a header is not UTF-8",
    ),
    "time": (
        lambda record: record.header("ce_time", b"noon"),
        "ce_time noon must be a date and a time",
    ),
    "sequence": (
        lambda record: record.header("ce_sequence", b"first"),
        "ce_sequence first must be a whole number",
    ),
    "attribute twice": (
        lambda record: replace(record, headers=[*record.headers, ("CE_Sequence", b"2")]),
        "attribute ce_sequence comes twice",
    ),
    "foreign source": (
        lambda record: record.header("ce_source", b"/upstairs/notifier"),
        "source /upstairs/notifier is not the topic's owner, /upstairs/intake",
    ),
    "bad JSON": (
        lambda record: replace(record, value=b"{not json"),
        "the value is not JSON: object keys must be strings",
    ),
    "no value": (lambda record: replace(record, value=None), "the value is not JSON"),
    "not an object": (
        lambda record: replace(record, value=b"[]"),
        "data at its root: must be an object",
    ),
    "unknown channel": (
        lambda record: record.data(channel="fax"),
        "data at channel: must be 'call'",
    ),
    "no subject": (lambda record: record.data(subject=None), "data at subject: must be a text"),
    "deep": (
        lambda record: record.data(customer={"customer_id": 7}),
        "data at customer/customer_id: must be a text",
    ),
    "time without zone": (
        lambda record: record.data(occurred_at="2026-03-02T09:30:00"),
        "data at occurred_at: must be a date and a time with its zone",
    ),
    "other key": (
        lambda record: replace(record, key=b"somebody"),
        "key somebody is not the event's key",
    ),
    "no key": (lambda record: replace(record, key=None), "key  is not the event's key"),
    "key with NUL": (lambda record: replace(record, key=b"\x00\x01"), "is not the event's key"),
    "key not UTF-8": (lambda record: replace(record, key=b"\xff"), "the key is not UTF-8 text"),
    "no contact's id": (
        lambda record: replace(record.data(contact_id="17"), key=b"17"),
        "key 17 must be an id that we made: a UUID in small letters",
    ),
    "contact's id in capitals": (
        lambda record: replace(record.data(contact_id="A" * 32), key=b"A" * 32),
        "must be an id that we made",
    ),
}


async def ignore(_event: ContactReceived, _uow: UnitOfWork) -> None:
    pass


SUBSCRIPTIONS = (
    HandlerRegistry[UnitOfWork]().on(ContactReceived, ignore).on(CustomerWrote, take_note)
)


async def put(broker: Broker, *records: Raw) -> None:
    """Write records to one partition, so that they stay in order."""
    async with broker.open_producer() as producer:
        for record in records:
            await producer.send_and_wait(
                broker.topic(), record.value, key=record.key, headers=record.headers, partition=0
            )


async def reasons(database: Database[UnitOfWork]) -> list[str]:
    letters = await rows(database, "SELECT reason FROM dead_letters ORDER BY id")
    return [row.reason for row in letters]


async def test_malformed_record_becomes_a_dead_letter_with_the_reason(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    good = new_contact()
    records = [broken(raw(received(new_contact()))) for broken, _ in UNREADABLE.values()]
    await put(broker, *records, raw(customer_wrote(good, "good")))
    replica = Replica(database, broker, SUBSCRIPTIONS, dead_letter_limit=100)
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == len(records) + 1)
    stored = await reasons(database)
    assert len(stored) == len(UNREADABLE)
    for reason, (kind, (_, expected)) in zip(stored, UNREADABLE.items(), strict=True):
        assert reason.startswith("UntrustedRecordError: "), kind
        assert expected in reason, kind
        assert not TERMS_OF_LIBRARIES.search(reason), kind
    kept = await rows(database, "SELECT payload, headers FROM dead_letters ORDER BY id")
    assert [row.payload for row in kept] == [record.value for record in records]
    for row, record in zip(kept, records, strict=True):
        headers = {name: from_readable(value) for name, value in row.headers.items()}
        assert headers == dict(record.headers)
    assert [tuple(row) for row in await rows(database, "SELECT notes FROM probes")] == [(["good"],)]


async def test_unknown_event_type_is_skipped_and_counted(replica: Replica, broker: Broker) -> None:
    """A newer version's event: whatever is in it, it is not for us."""
    good = new_contact()
    unheard_of = raw(customer_wrote(good)).header("ce_type", b"upstairs.unheard_of.v1")
    await put(
        broker, unheard_of, replace(unheard_of, value=b"\xff"), raw(customer_wrote(good, "good"))
    )
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == 3)
    assert replica.count_messages("skipped") == 2
    assert await reasons(replica.database) == []
    (row,) = await rows(replica.database, "SELECT notes FROM probes")
    assert row.notes == ["good"]


async def test_fields_of_a_newer_producer_are_ignored(replica: Replica, broker: Broker) -> None:
    newer = raw(customer_wrote(new_contact(), "newer")).data(
        mood="angry", attachments=[{"name": "a.pdf"}]
    )
    await put(broker, newer.header("ce_mood", b"angry"))
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == 1)
    (row,) = await rows(replica.database, "SELECT notes FROM probes")
    assert row.notes == ["newer"]
    assert await reasons(replica.database) == []


async def test_data_that_the_database_refuses_becomes_a_dead_letter(
    replica: Replica, broker: Broker
) -> None:
    """It is a surprise of the database's, but it will be the same tomorrow."""
    bad, good = new_contact(), new_contact()
    await put(broker, raw(customer_wrote(bad, "NUL \x00")), raw(customer_wrote(good, "good")))
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == 2)
    (reason,) = await reasons(replica.database)
    assert "unsupported Unicode escape sequence" in reason
    assert [tuple(row) for row in await rows(replica.database, "SELECT notes FROM probes")] == [
        (["good"],)
    ]


async def test_unsuitable_argument_becomes_a_dead_letter_and_is_not_retried(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    async def unfit(_event: CustomerWrote, uow: UnitOfWork) -> None:
        await add_note(ContactId("no id"), "never", uow)

    replica = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(CustomerWrote, unfit))
    await put(broker, raw(customer_wrote(new_contact())))
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == 1)
    assert len(await reasons(database)) == 1
    assert sum_samples(replica.metrics.retries) == 0


async def test_success_between_dead_letters_prevents_the_halt(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    garbage = Raw(b"?", [], b"?")
    good = new_contact()
    replica = Replica(database, broker, dead_letter_limit=3)
    texts = [str(n) for n in range(6)]
    pairs = [(garbage, raw(customer_wrote(good, text))) for text in texts]
    await put(broker, *(record for pair in pairs for record in pair))
    async with run_workers(replica.make_consumer()):
        await until(broker.count_committed, lambda count: count == 12)
        assert not replica.health.troubles
    assert len(await reasons(database)) == 6
    (row,) = await rows(database, "SELECT notes FROM probes")
    assert row.notes == texts


async def test_restart_continues_after_the_dead_letters(
    database: Database[UnitOfWork], broker: Broker
) -> None:
    """Else one could never get past a stretch of poison that is longer than the limit."""
    good = new_contact()
    poison = [raw(customer_wrote(good, POISON)) for _ in range(5)]
    await put(broker, *poison, raw(customer_wrote(good, "good")))
    first, second = (Replica(database, broker, dead_letter_limit=3) for _ in range(2))
    async with run_workers(first.supervise(first.make_consumer())):
        await until(lambda: "halted" in first.health.troubles.get("consumer", ""))
    assert (len(await reasons(database)), await broker.count_committed()) == (3, 0)
    async with run_workers(second.make_consumer()):
        await until(broker.count_committed, lambda count: count == 6)
    assert len(await reasons(database)) == 5
    assert sum_samples(second.metrics.dead_letters) == 2
