"""The SQL of what resolutions granted."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime

import orjson
from sqlalchemy import text

from common.contracts.event import ContactId, CustomerId
from common.core.ids import new_id
from common.storage.bulk import bulk_insert
from common.storage.connection import Connection
from common.storage.writes import Write, write_query
from escalation import tables
from escalation.domain.money import Grant


class Grants:
    """The grants of one transaction, written at its end with one statement."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._new: list[Grant] = []

    def add(self, grants: Iterable[Grant]) -> None:
        self._new += grants

    def writes(self) -> Iterator[Write]:
        if self._new:
            rows = [{"grant_id": new_id(), **asdict(grant)} for grant in self._new]
            encoded = orjson.dumps(rows, default=str).decode()
            yield Write(_INSERT, {"rows": encoded})

    async def move(self, contact_id: ContactId, customer_id: CustomerId) -> None:
        """Let the grants of a contact count for another customer."""
        parameters = {"contact": contact_id, "customer": customer_id}
        await self._connection.execute(_MOVE, parameters)

    async def before(
        self, contact_id: ContactId, customer_id: CustomerId | None, since: datetime
    ) -> tuple[Grant, ...]:
        """Return all grants of the contact, and those of the customer since then.

        Other resolutions for this customer wait until this transaction ends.
        """
        if customer_id is not None:
            await self._connection.execute(_LOCK_CUSTOMER, {"customer": customer_id})
        rows = await self._connection.execute(
            _BEFORE, {"contact": contact_id, "customer": customer_id, "since": since}
        )
        return tuple(Grant(**row) for row in rows)

    async def of_all(
        self, contacts: Iterable[ContactId], customers: Iterable[CustomerId], since: datetime
    ) -> tuple[Grant, ...]:
        """Return those of the contacts, and of the customers since then, without any lock."""
        rows = await self._connection.execute(
            _OF_ALL, {"contacts": list(contacts), "customers": list(customers), "since": since}
        )
        return tuple(Grant(**row) for row in rows)


_INSERT = write_query("insert_grants", bulk_insert(tables.grants))
_MOVE = text("""
    UPDATE grants SET customer_id = CAST(:customer AS text)
    WHERE contact_id = CAST(:contact AS uuid)
""")
_LOCK_CUSTOMER = text("""
    SELECT pg_advisory_xact_lock(lock_key('grants ' || CAST(:customer AS text)))
""")
_SELECT = """
    SELECT CAST(escalation_id AS text) AS escalation_id, CAST(contact_id AS text) AS contact_id,
           customer_id, amount, currency, at, by, approved_by
    FROM grants
"""
_OF_ALL = text(f"""
    {_SELECT} WHERE contact_id = ANY(CAST(:contacts AS uuid[]))
       OR (customer_id = ANY(CAST(:customers AS text[])) AND at > :since)
""")
_BEFORE = text(f"""
    {_SELECT} WHERE contact_id = CAST(:contact AS uuid)
       OR (customer_id = CAST(:customer AS text) AND at > :since)
""")
