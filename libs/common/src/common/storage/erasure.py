"""Erases the words of customers, and those about them, from stored events."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, select, text, true, update

from common.contracts.event import ContactId
from common.core.erasure import WORDS, without_words
from common.storage.connection import Connection
from common.storage.dead_letters import OUTBOX_ORIGIN_PREFIX
from common.storage.idempotency import IdempotencyKeyStore
from common.storage.outbox import Outbox
from common.storage.tables import published_events

_EVERY = true()


async def erase_published(
    connection: Connection,
    contact_ids: Sequence[ContactId],
    condition: ColumnElement[bool] = _EVERY,
    words: Collection[str] = WORDS,
) -> None:
    """Erase `words` in the published events about the contacts that meet the condition.

    Stored answers that show the contacts go as well, and so do the words in copies of events that
    Kafka refused.
    """
    about_contacts = published_events.c.key.in_(contact_ids) & condition
    await erase_words(connection, published_events, about_contacts, words)
    await connection.execute(
        _ERASE_REFUSED, {"contacts": list(contact_ids), "prefix": OUTBOX_ORIGIN_PREFIX}
    )
    await IdempotencyKeyStore(connection).erase_answers(contact_ids)


def erase_unwritten(
    outbox: Outbox, contact_id: ContactId, kept_types: Collection[str] = ()
) -> None:
    """Erase the words in the events about the contact that a transaction has not written yet."""

    def erase(kind: str, data: dict[str, Any]) -> Any:
        return data if kind in kept_types else _without_words_of(kind, data, WORDS)

    outbox.rewrite(contact_id, erase)


async def erase_words(
    connection: Connection,
    table: Table,
    condition: ColumnElement[bool],
    words: Collection[str] = WORDS,
) -> None:
    """Erase `words` in the events of a table, which has `type` and `data`, in its rows."""
    key = list(table.primary_key.columns)
    rows = await connection.execute(select(*key, table.c.type, table.c.data).where(condition))
    for row in rows:
        erased = _without_words_of(row.type, row.data, words)
        if erased != row.data:
            same_row = and_(*(column == row[column.name] for column in key))
            await connection.execute(update(table).where(same_row).values(data=erased))


def _without_words_of(kind: str, data: dict[str, Any], words: Collection[str]) -> Any:
    erased = without_words(data, words)
    # Of a page the reason is one of a few codes.
    if kind == "upstairs.page_requested.v1":
        return {**erased, "reason": data["reason"]}
    return erased


_ERASE_REFUSED = text("""
    UPDATE dead_letters AS letter SET payload = convert_to(CAST(published.data AS text), 'UTF8')
    FROM published_events AS published
    WHERE starts_with(letter.origin, :prefix) AND letter.key = ANY(CAST(:contacts AS text[]))
        AND published.key = letter.key AND CAST(published.event_id AS text) = letter.event_id
""")
