"""The SQL of consumed events, which `simulate` replays."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import fields

from common.contracts.contract import Contract
from common.contracts.decoding import from_data
from common.contracts.event import ContactEvent, ContactId
from common.core.erasure import ERASED, WORDS
from common.storage.bulk import bulk_insert, to_arrays
from common.storage.connection import Connection
from common.storage.json_text import to_json
from common.storage.writes import Write, write_query
from escalation import tables
from escalation.domain.simulation import REPLAYED_EVENTS

_COLUMNS = ("contact_id", "occurred_at")


class _NewRow(NamedTuple):
    contact_id: ContactId
    at: datetime
    type: str
    event_id: str | None
    data: str


class ConsumedEvents:
    """The events of one transaction, written at its end with one statement.

    Of an event only what a replay may decide by is stored: no words, so there is nothing to erase.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[_NewRow] = []

    def add(self, event: ContactEvent, event_id: str | None) -> None:
        if type(event) in REPLAYED_EVENTS:
            self._rows.append(
                _NewRow(
                    contact_id=event.contact_id,
                    at=event.occurred_at,
                    type=event.type,
                    event_id=event_id,
                    data=to_json(reduce_event(event)),
                )
            )

    def writes(self) -> Iterator[Write]:
        if self._rows:
            yield Write(_INSERT, to_arrays(self._rows))


def restore_event(
    kind: type[ContactEvent], contact_id: ContactId, at: datetime, data: str
) -> ContactEvent:
    """Return the event, with a placeholder where it must have words."""
    stored = msgspec.json.decode(data)
    columns = {"contact_id": contact_id, "occurred_at": at}
    return from_data(kind, {**_placeholders(kind), **stored, **columns})


def reduce_event(contract: Contract) -> dict[str, Any]:
    """Return the fields without those of the columns, words, and what a reader adds by default."""
    return dict(_reduced_fields(contract))


def _reduced_fields(contract: Contract) -> Iterator[tuple[str, Any]]:
    for name, default in _stored_fields(type(contract)):
        value = getattr(contract, name)
        if isinstance(value, Contract):
            yield name, reduce_event(value)
        elif name not in WORDS and value != default:
            yield name, value


@cache
def _stored_fields(kind: type[Contract]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (field.name, field.default) for field in fields(kind) if field.name not in _COLUMNS
    )


@cache
def _placeholders(kind: type[ContactEvent]) -> dict[str, str]:
    return {field.name: ERASED for field in fields(kind) if field.name in WORDS and field.required}


_INSERT = write_query("insert_consumed_events", bulk_insert(tables.consumed_events, arrays=True))
