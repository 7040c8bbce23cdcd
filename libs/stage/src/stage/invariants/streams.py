"""Invariant 5: no gaps at any consumer, each effect once, no offset ahead of its effect."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import orjson

from common.contracts import BY_TYPE
from common.contracts.services import TOPIC_OWNERS
from common.storage.dead_letters import OUTBOX_ORIGIN_PREFIX
from stage.invariants import inbox_effects, projections
from stage.invariants.findings import Findings
from stage.invariants.snapshot import JournalRow, Record, ServiceTables, Snapshot


def check(snapshot: Snapshot, findings: Findings) -> None:
    _check_sequences(snapshot, findings)
    _check_repeats(snapshot.records, findings)
    event_ids = {record.event_id for record in snapshot.records}
    for service, tables in snapshot.tables.items():
        _check_published(snapshot, service, tables, findings)
        _check_handled(snapshot, service, tables, findings)
        _check_single_effect(service, tables.journal, event_ids, findings)
    inbox_effects.check(snapshot, findings)


def _check_sequences(snapshot: Snapshot, findings: Findings) -> None:
    """Numbers have no gap, except where Kafka refused an event: a dead letter declares that."""
    refused = _refused_events(snapshot)
    refused_numbers: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for tables in snapshot.tables.values():
        for row in tables.journal:
            if row.event_id in refused:
                refused_numbers[row.topic, row.key].add(row.sequence)
    for (topic, key), records in snapshot.streams.items():
        missing = refused_numbers[topic, key]
        sequences = [record.sequence for record in records if record.sequence not in missing]
        expected = (number for number in itertools.count(1) if number not in missing)
        gapless = sequences == list(itertools.islice(expected, len(sequences)))
        findings.require(gapless, "a gap or a wrong order", topic, key, sequences)


def _refused_events(snapshot: Snapshot) -> set[str]:
    return {
        letter.event_id
        for tables in snapshot.tables.values()
        for letter in tables.dead_letters
        if letter.event_id is not None and letter.origin.startswith(OUTBOX_ORIGIN_PREFIX)
    }


def _check_repeats(records: Iterable[Record], findings: Findings) -> None:
    first: dict[str, Record] = {}
    for record in records:
        if record.event is None:
            continue
        original = first.setdefault(record.event_id, record)
        same = _content(original) == _content(record)
        findings.require(same, "a repeated record that differs", original.origin, record.origin)


def _content(record: Record) -> tuple[object, ...]:
    return record.topic, record.partition, record.type, record.sequence, record.value


def _check_published(
    snapshot: Snapshot, service: str, tables: ServiceTables, findings: Findings
) -> None:
    """Compare a journal with its topic: the same events with the same sequence numbers."""
    published = {
        record.event_id: record.sequence
        for (topic, _), records in snapshot.streams.items()
        if TOPIC_OWNERS[topic] == service
        for record in records
    }
    waiting = {event_id for row in tables.outbox for event_id in row.event_ids}
    refused = _refused_events(snapshot)
    for row in tables.journal:
        sequence = published.pop(row.event_id, None)
        unpublished = row.event_id in refused or row.event_id in waiting
        findings.require(
            row.sequence == sequence or unpublished,
            "in the journal, and not published under its number",
            service,
            row.event_id,
            sequence,
        )
    for event_id in published:
        findings.require(False, "published, but not in the journal", service, event_id)


def _check_handled(
    snapshot: Snapshot, service: str, tables: ServiceTables, findings: Findings
) -> None:
    """Every subscribed event is in the inbox once, projected, or in the dead letters."""
    claims = Counter(row.event_id for row in tables.inbox)
    dead_lettered = {letter.event_id for letter in tables.dead_letters}
    # An unreadable record is identified only by its origin.
    dead_origins = {letter.origin.partition("@")[0] for letter in tables.dead_letters}
    for record in _subscribed_records(snapshot.records, tables):
        if record.event is None:
            done = record.origin in dead_origins
        elif record.type in tables.projected_types:
            done = projections.is_kept(record, tables) or record.event_id in dead_lettered
        else:
            done = claims[record.event_id] > 0 or record.event_id in dead_lettered
        ahead = record.offset < snapshot.committed_offsets.get(
            (service, record.topic, record.partition), 0
        )
        message = "never handled, and its offset is committed" if ahead else "never handled"
        findings.require(done, message, service, record.event_id, record.origin)
        once = claims[record.event_id] <= 1
        findings.require(once, "claimed twice", service, record.event_id, record.origin)


def _subscribed_records(records: Iterable[Record], tables: ServiceTables) -> Iterator[Record]:
    topics = {BY_TYPE[kind].topic for kind in tables.subscribed_types}
    for record in records:
        if record.type in tables.subscribed_types or (
            record.type is None and record.topic in topics
        ):
            yield record


def _check_single_effect(
    service: str, journal: Sequence[JournalRow], event_ids: set[str], findings: Findings
) -> None:
    """Require that each event was handled in one transaction, and so at one time.

    Rows of one cause with two times, or two equal rows, mean that it was handled twice. This covers
    events only; the other invariants cover timers.
    """
    times: defaultdict[str, set[datetime]] = defaultdict(set)
    rows: Counter[tuple[str, str, bytes]] = Counter()
    for row in journal:
        if row.cause is not None and row.cause in event_ids:
            times[row.cause].add(row.at)
            content = orjson.dumps(row.data, option=orjson.OPT_SORT_KEYS)
            rows[row.cause, row.type, content] += 1
    for cause, at in times.items():
        findings.require(len(at) == 1, "handled twice", service, cause)
    for (cause, kind, _), count in rows.items():
        findings.require(count == 1, "the same effect twice", service, cause, kind)
