"""Invariant 5: no gaps at any consumer, effects once, and no offset ahead of its effect."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import orjson

from common.contracts import BY_TYPE
from stage.invariants import inbox_effects
from stage.invariants.findings import Findings
from stage.invariants.snapshot import TOPIC_OWNERS, JournalRow, Record, ServiceTables, Snapshot


def check(facts: Snapshot, ledger: Findings) -> None:
    _check_sequences(facts, ledger)
    _check_repeats(facts.records, ledger)
    event_ids = {record.event_id for record in facts.records}
    for service, books in facts.tables.items():
        _check_published(facts, service, books, ledger)
        _check_handled(facts, service, books, ledger)
        _check_single_effect(service, books.journal, event_ids, ledger)
    inbox_effects.check(facts, ledger)


def _check_sequences(facts: Snapshot, ledger: Findings) -> None:
    for (topic, key), records in facts.streams.items():
        sequences = [record.sequence for record in records]
        gapless = sequences == list(range(1, len(records) + 1))
        ledger.require(gapless, "a gap or a wrong order", topic, key, sequences)


def _check_repeats(records: Iterable[Record], ledger: Findings) -> None:
    first: dict[str, Record] = {}
    for record in records:
        if record.event is None:
            continue
        twin = first.setdefault(record.event_id, record)
        same = _content(twin) == _content(record)
        ledger.require(same, "a repeat that differs", twin.origin, record.origin)


def _content(record: Record) -> tuple[object, ...]:
    return record.topic, record.partition, record.type, record.sequence, record.value


def _check_published(facts: Snapshot, service: str, books: ServiceTables, ledger: Findings) -> None:
    """Hold the journal of a service against its topic: the same events under the same numbers."""
    told = {
        record.event_id: record.sequence
        for (topic, _), records in facts.streams.items()
        if TOPIC_OWNERS[topic] == service
        for record in records
    }
    waiting = {row.event_id for row in books.outbox}
    last: Counter[tuple[str, str]] = Counter()
    for row in books.journal:
        last[row.topic, row.key] = max(last[row.topic, row.key], row.sequence)
        sequence = told.pop(row.event_id, None)
        known = row.sequence if row.event_id in waiting else None
        ledger.require(
            row.sequence in (sequence, known),
            "in the journal, and not published under its number",
            service,
            row.event_id,
            sequence,
        )
    for event_id in told:
        ledger.require(False, "published, and not in the journal", service, event_id)
    for stream in books.streams:
        counted = last[stream.topic, stream.key] == stream.sequence
        ledger.require(
            counted, "a number that was given to nothing", service, stream.topic, stream.key
        )


def _check_handled(facts: Snapshot, service: str, books: ServiceTables, ledger: Findings) -> None:
    """Every event that the service subscribes to is in its inbox once, or in its dead letters."""
    claims = Counter(row.event_id for row in books.inbox if row.consumer == service)
    buried = {letter.event_id for letter in books.dead_letters}
    # Where it came from is all that is known of a record that nobody can read.
    places = {letter.origin.partition("@")[0] for letter in books.dead_letters}
    for record in _subscribed_records(facts.records, books):
        if record.event is None:
            done = record.origin in places
        else:
            done = claims[record.event_id] > 0 or record.event_id in buried
        ahead = record.offset < facts.committed_offsets.get(
            (service, record.topic, record.partition), 0
        )
        told = "never handled, and its offset is committed" if ahead else "never handled"
        ledger.require(done, told, service, record.event_id, record.origin)
        once = claims[record.event_id] <= 1
        ledger.require(once, "claimed twice", service, record.event_id, record.origin)


def _subscribed_records(records: Iterable[Record], books: ServiceTables) -> Iterator[Record]:
    topics = {BY_TYPE[kind].topic for kind in books.subscribed_types}
    for record in records:
        if record.type in books.subscribed_types or (
            record.type is None and record.topic in topics
        ):
            yield record


def _check_single_effect(
    service: str, journal: Sequence[JournalRow], event_ids: set[str], ledger: Findings
) -> None:
    """One handling is one transaction, and a transaction has one time.

    So rows of one cause at two times, or two equal rows, come from two handlings. Only an event
    is handled once by its id; what timers cause twice, the other invariants see.
    """
    times: defaultdict[str, set[datetime]] = defaultdict(set)
    rows: Counter[tuple[str, str, bytes]] = Counter()
    for row in journal:
        if row.cause is not None and row.cause in event_ids:
            times[row.cause].add(row.at)
            content = orjson.dumps(row.data, option=orjson.OPT_SORT_KEYS)
            rows[row.cause, row.type, content] += 1
    for cause, at in times.items():
        ledger.require(len(at) == 1, "handled twice", service, cause)
    for (cause, kind, _), count in rows.items():
        ledger.require(count == 1, "the same effect twice", service, cause, kind)
