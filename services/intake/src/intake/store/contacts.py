"""The SQL of contacts."""

from collections.abc import Iterable

from sqlalchemy import select, text

from common.contracts.event import ContactId, CustomerId, SystemName
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from intake import tables
from intake.domain.actors import Actor
from intake.domain.model import Contact, ContactFilters
from intake.domain.timers import CustomerAbsenceDue
from intake.store.contact_list import conditions, is_readable


class Contacts(LockedTable[ContactId, Contact]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.contacts, Contact)
        # Of the tickets that this transaction has locked; None for one without a contact.
        self._of_refs: dict[tuple[SystemName, str], ContactId | None] = {}

    async def find_external(
        self, system: SystemName, external_refs: Iterable[str]
    ) -> dict[str, ContactId]:
        """Return the contacts of these tickets of a system, by the ticket.

        Until the transaction ends, no other transaction can make a contact of these tickets.
        """
        refs = set(external_refs)
        unknown = sorted(ref for ref in refs if (system, ref) not in self._of_refs)
        if unknown:
            parameters = {"system": system, "refs": unknown}
            await self.connection.execute(_LOCK_REFS, parameters)
            rows = await self.connection.execute(_CONTACTS_OF_REFS, parameters)
            self._of_refs.update({(system, ref): None for ref in unknown})
            self._of_refs.update(
                {(system, row.external_ref): ContactId(row.contact_id) for row in rows}
            )
        contacts = ((ref, self._of_refs[system, ref]) for ref in refs)
        return {ref: contact_id for ref, contact_id in contacts if contact_id is not None}

    def put(self, value: Contact) -> None:
        if value.external_ref is not None:
            self._of_refs[value.received_from, value.external_ref] = value.contact_id
        super().put(value)

    async def lock_merges(self, system: SystemName) -> None:
        """Until the transaction ends, no other one applies a merge that this system reports."""
        await self.connection.execute(_LOCK_MERGES, {"system": system})

    async def is_customer_away(self, contact_id: ContactId) -> bool:
        """Return whether the customer has left a chat and is waited for."""
        values = {"contact_id": contact_id, "slot": CustomerAbsenceDue.__name__}
        return bool((await self.connection.execute(_IS_AWAY, values)).scalar_one())

    async def page(
        self, filters: ContactFilters, actor: Actor, after: ContactId | None, limit: int
    ) -> list[Contact]:
        """Return the contacts that the actor may read, newest first."""
        table = tables.contacts
        customer_ids: list[CustomerId] = []
        if filters.customer_id is not None:
            parameters = {"customer_id": filters.customer_id}
            customer_ids = (await self.connection.execute(_SAME_CUSTOMERS, parameters)).scalars()
            if not customer_ids:
                return []
        query = select(table).where(*conditions(filters, customer_ids), is_readable(actor))
        if after is not None:
            query = query.where(table.c.contact_id < after)
        query = query.order_by(table.c.contact_id.desc()).limit(limit)
        rows = await self.connection.execute(query)
        return [self.read(dict(row)) for row in rows]


# Everywhere in one order, so that two transactions with the same rows do not deadlock.
_LOCK_REFS = text("""
    SELECT pg_advisory_xact_lock(lock) FROM (
        SELECT DISTINCT lock_key('ref ' || CAST(:system AS text) || ' ' || ref) AS lock
        FROM unnest(CAST(:refs AS text[])) AS ref
        ORDER BY lock
    ) AS locks
""")
_IS_AWAY = text("""
    SELECT EXISTS (SELECT FROM timers WHERE contact_id = :contact_id AND slot = :slot)
""")
_LOCK_MERGES = text("SELECT pg_advisory_xact_lock(lock_key('merges ' || CAST(:system AS text)))")
_SAME_CUSTOMERS = text("""
    SELECT member.customer_id FROM customers AS named JOIN customers AS member
        ON member.customer_id = coalesce(named.survivor_id, named.customer_id)
            OR member.survivor_id = coalesce(named.survivor_id, named.customer_id)
    WHERE named.customer_id = :customer_id
""")
_CONTACTS_OF_REFS = text("""
    SELECT external_ref, CAST(contact_id AS text) AS contact_id FROM contacts
    WHERE received_from = :system AND external_ref = ANY (CAST(:refs AS text[]))
""")
