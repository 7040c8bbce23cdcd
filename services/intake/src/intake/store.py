"""All SQL of intake, and its unit of work."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Table, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.contacts import Customer
from common.contracts.event import ContactId, CustomerId
from common.storage.rows import LockedTable
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from intake import tables
from intake.domain import Contact, Message


@dataclass(frozen=True, slots=True)
class Connection:
    """A channel that is connected: its secret, and what the kind of channel needs besides."""

    connection: str
    kind: str
    secret: str
    options: dict[str, Any]


Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """`result` is what the caller is told; `fingerprint` tells its request from others."""

    scope: str
    key: str
    fingerprint: str
    result: str

    @property
    def place(self) -> Place:
        return self.scope, self.key


class Contacts(LockedTable[ContactId, Contact]):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, tables.contacts, Contact)

    async def look(self, contact_id: ContactId) -> Contact | None:
        return await self._one(tables.contacts.c.contact_id == contact_id)

    async def of(self, connection: str, external_ref: str) -> ContactId | None:
        """Find the contact of an outside ticket, and keep others from making it meanwhile."""
        await self.connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtext(f"{connection} {external_ref}")))
        )
        found = await self._one(
            (tables.contacts.c.connection == connection)
            & (tables.contacts.c.external_ref == external_ref)
        )
        return found.contact_id if found else None

    async def _one(self, condition: Any) -> Contact | None:
        rows = await self.connection.execute(select(tables.contacts).where(condition))
        row = rows.mappings().first()
        return self.read(dict(row)) if row else None


class Customers:
    """Customers as their channels last described them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._described: dict[CustomerId, Customer] = {}

    def put(self, customer: Customer) -> None:
        self._described[customer.customer_id] = customer

    async def flush(self) -> None:
        if self._described:
            rows = _customers.dump_json(list(self._described.values())).decode()
            await self._connection.execute(_DESCRIBE, {"rows": rows})


class Messages:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._new: list[Message] = []

    def add(self, message: Message) -> None:
        self._new.append(message)

    async def flush(self) -> None:
        if self._new:
            rows = [asdict(message) for message in self._new]
            await self._connection.execute(insert(tables.messages), rows)

    async def of(self, contact_id: ContactId) -> list[Message]:
        messages = tables.messages
        rows = await self._connection.execute(
            select(messages).where(messages.c.contact_id == contact_id).order_by(messages.c.at)
        )
        return [Message(**row) for row in rows.mappings()]


class Accepted:
    """What callers were told is accepted, by the key under which they may send it again."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._first: dict[Place, Claim] = {}
        self._fresh: set[Place] = set()

    async def claim(self, claim: Claim, at: datetime) -> Claim | None:
        """Return nothing if this is the first under its key, else the first one."""
        if claim.place not in self._first:
            await self.hold([claim], at)
        if claim.place in self._fresh:
            self._fresh.remove(claim.place)
            return None
        return self._first[claim.place]

    async def hold(self, claims: Sequence[Claim], at: datetime) -> None:
        """Look ahead for many: of those under one key the first of them counts."""
        new: dict[Place, Claim] = {}
        for claim in claims:
            new.setdefault(claim.place, claim)
        if not new:
            return
        rows = _claims.dump_json(list(new.values())).decode()
        fresh = await self._connection.execute(_ACCEPT, {"rows": rows, "at": at})
        self._fresh.update((row.scope, row.key) for row in fresh)
        self._first.update(new)
        if repeated := new.keys() - self._fresh:
            accepted = tables.accepted
            earlier = await self._connection.execute(
                select(
                    accepted.c.scope, accepted.c.key, accepted.c.fingerprint, accepted.c.result
                ).where(tuple_(accepted.c.scope, accepted.c.key).in_(repeated))
            )
            self._first.update({(row.scope, row.key): Claim(*row) for row in earlier})


class Connections:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def save(self, connection: Connection) -> None:
        await self._connection.execute(
            _upsert(tables.connections, "connection"), asdict(connection)
        )

    async def find(self, kind: str, name: str) -> Connection | None:
        connections = tables.connections
        rows = await self._connection.execute(
            select(connections).where(connections.c.connection == name, connections.c.kind == kind)
        )
        row = rows.mappings().first()
        return Connection(**row) if row else None


class UnitOfWork(BaseUnitOfWork):
    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        super().__init__(connection, now)
        self.contacts = Contacts(connection)
        self.customers = Customers(connection)
        self.messages = Messages(connection)
        self.accepted = Accepted(connection)
        self.connections = Connections(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.contacts,)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        await self.contacts.lock_all(contact_ids)

    async def flush(self) -> None:
        # Contacts refer to customers, and messages to contacts.
        await self.customers.flush()
        await super().flush()
        await self.messages.flush()


_customers = TypeAdapter(list[Customer])
_claims = TypeAdapter(list[Claim])

# In one order, so that two transactions that meet the same rows do not deadlock.
_DESCRIBE = text("""
    INSERT INTO customers (customer_id, name, tier, region)
    SELECT customer_id, name, tier, region
    FROM jsonb_populate_recordset(NULL::customers, CAST(CAST(:rows AS text) AS jsonb))
    ORDER BY customer_id
    ON CONFLICT (customer_id) DO UPDATE
    SET name = excluded.name, tier = excluded.tier, region = excluded.region
""")
_ACCEPT = text("""
    INSERT INTO accepted (scope, key, fingerprint, result, at)
    SELECT scope, key, fingerprint, result, :at
    FROM jsonb_populate_recordset(NULL::accepted, CAST(CAST(:rows AS text) AS jsonb))
    ORDER BY scope, key
    ON CONFLICT DO NOTHING RETURNING scope, key
""")


def _upsert(table: Table, key: str) -> Any:
    statement = insert(table)
    changes = {c.name: statement.excluded[c.name] for c in table.columns if c.name != key}
    return statement.on_conflict_do_update(index_elements=[key], set_=changes)
