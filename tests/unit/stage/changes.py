"""Ways to change a history, each for one purpose; `chained` joins several."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from common.contracts.event import Event
from stage.invariants import Snapshot
from stage.invariants.snapshot import Threshold
from unit.stage.examples import Topics, event_id

T = TypeVar("T")

# The number of the first record of a sound history.
RECEIVED = 0

Change = Callable[[Snapshot], Snapshot]


def publishing(*events: Event) -> Change:
    """Publish these events as well, with correct journals and inboxes."""

    def change(snapshot: Snapshot) -> Snapshot:
        topics = Topics(
            list(snapshot.records),
            {name: list(tables.journal) for name, tables in snapshot.tables.items()},
        )
        for event in events:
            topics.publish(event)
        return replace(
            snapshot,
            records=topics.records,
            tables={
                name: replace(topics.tables(name), timers=tables.timers)
                for name, tables in snapshot.tables.items()
            },
        )

    return change


def replacing(**changes: Any) -> Change:
    return lambda snapshot: replace(snapshot, **changes)


def changing_each(name: str, **changes: Any) -> Change:
    """Change every row of a table."""
    return lambda snapshot: replacing(
        **{name: [replace(row, **changes) for row in getattr(snapshot, name)]}
    )(snapshot)


def changing_tables(service: str, **changes: Any) -> Change:
    return lambda snapshot: replace(
        snapshot, tables={**snapshot.tables, service: replace(snapshot.tables[service], **changes)}
    )


def without(name: str, number: int) -> Change:
    """Remove one row of a table, or one record."""
    return lambda snapshot: replacing(**{name: _without(getattr(snapshot, name), number)})(snapshot)


def without_in(service: str, name: str, number: int) -> Change:
    """Remove one row of a table of one service."""

    def change(snapshot: Snapshot) -> Snapshot:
        rows_before = getattr(snapshot.tables[service], name)
        return changing_tables(service, **{name: _without(rows_before, number)})(snapshot)

    return change


def _without(items: Sequence[T], number: int) -> list[T]:
    return [item for n, item in enumerate(items) if n != number % len(items)]


def changed_record(number: int, **changes: Any) -> Change:
    def change(snapshot: Snapshot) -> Snapshot:
        records = list(snapshot.records)
        records[number] = replace(records[number], **changes)
        return replace(snapshot, records=records)

    return change


def repeated(number: int, **changes: Any) -> Change:
    """Publish a record twice, as a relay does that dies before it deletes the row."""

    def change(snapshot: Snapshot) -> Snapshot:
        again = replace(snapshot.records[number], offset=99, origin="again", **changes)
        return replace(snapshot, records=[*snapshot.records, again])

    return change


def caused(service: str, *numbers: int) -> Change:
    """Give these journal rows the same cause."""

    def change(snapshot: Snapshot) -> Snapshot:
        rows = list(snapshot.tables[service].journal)
        for number in numbers:
            rows[number] = replace(rows[number], cause=event_id(RECEIVED))
        return changing_tables(service, journal=rows)(snapshot)

    return change


def clock_of_ada(*thresholds: Threshold) -> Change:
    def change(snapshot: Snapshot) -> Snapshot:
        ada, bo = snapshot.tracked_contacts
        clock = replace(ada.clocks[0], thresholds=thresholds)
        return replace(snapshot, tracked_contacts=[replace(ada, clocks=(clock,)), bo])

    return change


def chained(*changes: Change) -> Change:
    def change(snapshot: Snapshot) -> Snapshot:
        for step in changes:
            snapshot = step(snapshot)
        return snapshot

    return change
