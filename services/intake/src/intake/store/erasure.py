"""The SQL that erases the words of a customer, and records that it was done."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select, text, update

from common.contracts.event import ContactId, CustomerId, PersonId, SystemName
from common.core.erasure import ERASED, WORDS
from common.storage.connection import Connection
from common.storage.erasure import erase_published
from intake import tables


@dataclass(frozen=True, slots=True)
class ErasureRecord:
    """Who demanded an erasure, and how much it reached; without `completed_at` it broke off."""

    erasure_id: str
    customer_id: CustomerId
    customers: int
    contacts: int
    by: PersonId | None
    reported_by: SystemName | None
    at: datetime
    completed_at: datetime | None = None


class Erasure:
    """Erases the words of a customer. Rows of contacts are locked and written as everywhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def erase_customer(self, customer_id: CustomerId) -> list[CustomerId]:
        """Erase names, regions, addresses and reasons of all who are this customer.

        Returns their ids; none if there is no such customer.
        """
        # Its own statement: the next one sees who has joined them until they were locked.
        await self._connection.execute(_LOCK_CUSTOMERS, {"customer_id": customer_id})
        rows = await self._connection.execute(_ERASE_CUSTOMERS, {"customer_id": customer_id})
        customer_ids = [CustomerId(row.customer_id) for row in rows]
        parameters = {"customer_ids": customer_ids}
        await self._connection.execute(_ERASE_ADDRESSES, parameters)
        await self._connection.execute(_ERASE_REASONS, parameters | {"erased": ERASED})
        return customer_ids

    async def contacts_of(
        self, customer_ids: Sequence[CustomerId], after: ContactId | None, limit: int
    ) -> list[ContactId]:
        contacts = tables.contacts
        query = select(contacts.c.contact_id).where(contacts.c.customer_id.in_(customer_ids))
        if after is not None:
            query = query.where(contacts.c.contact_id > after)
        rows = await self._connection.execute(query.order_by(contacts.c.contact_id).limit(limit))
        return [ContactId(row.contact_id) for row in rows]

    async def erase_words_of(self, contact_ids: Sequence[ContactId]) -> None:
        """Erase messages, comments, the words in published events and stored answers."""
        parameters = {"contact_ids": contact_ids, "erased": ERASED}
        await self._connection.execute(_ERASE_MESSAGES, parameters)
        await self._connection.execute(_ERASE_ATTACHMENTS, parameters)
        await self._connection.execute(_ERASE_ANSWERS, parameters)
        # What is not read yet is not read any more.
        await self._connection.execute(_DELETE_CASE_READS, parameters)
        # Where the customer is goes too; escalation needs its copy while the contact is open.
        words = WORDS | {"region"}
        await erase_published(self._connection, contact_ids, words=words)

    async def is_erased_since(self, customer_id: CustomerId, since: datetime) -> bool:
        """Return whether this customer, or one who is merged with them, was erased since."""
        values = {"customer_id": customer_id, "since": since}
        is_erased: bool = (await self._connection.execute(_ERASED_SINCE, values)).scalar_one()
        return is_erased

    async def begin(self, record: ErasureRecord) -> None:
        await self._connection.execute(insert(tables.erasures), asdict(record))

    async def complete(self, record: ErasureRecord, contacts: int, at: datetime) -> None:
        table = tables.erasures
        await self._connection.execute(
            update(table)
            .where(table.c.erasure_id == record.erasure_id)
            .values(contacts=contacts, completed_at=at)
        )

    async def records(
        self, customer_id: CustomerId | None, before: str | None, limit: int
    ) -> list[ErasureRecord]:
        """Return the newest erasures before that one, of a customer or of all."""
        table = tables.erasures
        query = select(table)
        if customer_id is not None:
            query = query.where(table.c.customer_id == customer_id)
        if before is not None:
            query = query.where(table.c.erasure_id < before)
        rows = await self._connection.execute(
            query.order_by(table.c.erasure_id.desc()).limit(limit)
        )
        return [ErasureRecord(**row) for row in rows]


_LOCK_CUSTOMERS = text("""
    SELECT FROM customers, (
        SELECT coalesce(survivor_id, customer_id) AS id FROM customers
        WHERE customer_id = :customer_id
    ) AS survivor
    WHERE customers.customer_id = survivor.id OR customers.survivor_id = survivor.id
    ORDER BY customers.customer_id FOR UPDATE OF customers
""")
_ERASE_CUSTOMERS = text("""
    UPDATE customers SET name = NULL, region = NULL
    FROM (
        SELECT coalesce(survivor_id, customer_id) AS id FROM customers
        WHERE customer_id = :customer_id
    ) AS survivor
    WHERE customers.customer_id = survivor.id OR customers.survivor_id = survivor.id
    RETURNING customers.customer_id
""")
_ERASE_ADDRESSES = text("""
    DELETE FROM customer_addresses WHERE customer_id = ANY (CAST(:customer_ids AS text[]))
""")
_ERASE_REASONS = text("""
    UPDATE customer_merges SET reason = :erased
    WHERE customer_id = ANY (CAST(:customer_ids AS text[]))
        OR into_id = ANY (CAST(:customer_ids AS text[]))
""")
_ERASE_MESSAGES = text("""
    UPDATE messages SET text = :erased WHERE contact_id = ANY (CAST(:contact_ids AS uuid[]))
""")
_ERASE_ATTACHMENTS = text("""
    DELETE FROM attachments WHERE contact_id = ANY (CAST(:contact_ids AS uuid[]))
""")
_DELETE_CASE_READS = text("""
    DELETE FROM case_reads USING contacts
    WHERE contact_id = ANY (CAST(:contact_ids AS uuid[]))
        AND received_from = kind || ':' || connection AND external_ref = case_ref
""")
_ERASED_SINCE = text("""
    SELECT EXISTS (
        SELECT FROM erasures JOIN customers AS erased USING (customer_id)
        JOIN customers AS named ON named.customer_id = :customer_id
        WHERE erasures.at >= :since
            AND coalesce(erased.survivor_id, erased.customer_id)
                = coalesce(named.survivor_id, named.customer_id))
""")
_ERASE_ANSWERS = text("""
    UPDATE surveys SET answer = jsonb_set(answer, '{comment}', 'null')
    WHERE contact_id = ANY (CAST(:contact_ids AS uuid[])) AND answer IS NOT NULL
""")
