"""All SQL of intake, and its unit of work."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts.contacts import Customer
from common.contracts.event import ContactId
from common.rows import Rows
from common.uow import UnitOfWork as BaseUnitOfWork
from intake import tables
from intake.domain import Contact, Message


@dataclass(frozen=True, slots=True)
class Connection:
    """A channel that is connected: its secret, and what the kind of channel needs besides."""

    connection: str
    kind: str
    secret: str
    options: dict[str, Any]


class Contacts(Rows[ContactId, Contact]):
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

    async def save(self, customer: Customer) -> None:
        await self._connection.execute(
            _upsert(tables.customers, "customer_id"), customer.model_dump()
        )


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

    async def claim(
        self, scope: str, key: str, fingerprint: str, result: str, at: datetime
    ) -> tuple[str, str] | None:
        """Return nothing if this is the first; else the first one's fingerprint and result."""
        accepted = tables.accepted
        claimed = await self._connection.execute(
            insert(accepted)
            .values(scope=scope, key=key, fingerprint=fingerprint, result=result, at=at)
            .on_conflict_do_nothing()
        )
        if claimed.rowcount:
            return None
        first = await self._connection.execute(
            select(accepted.c.fingerprint, accepted.c.result).where(
                accepted.c.scope == scope, accepted.c.key == key
            )
        )
        row = first.one()
        return row.fingerprint, row.result


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
    def rows(self) -> Sequence[Rows[Any, Any]]:
        return (self.contacts,)

    async def hold(self, contact_ids: Sequence[ContactId]) -> None:
        await self.contacts.lock_all(contact_ids)

    async def flush(self) -> None:
        await super().flush()
        await self.messages.flush()


def _upsert(table: Table, key: str) -> Any:
    statement = insert(table)
    changes = {c.name: statement.excluded[c.name] for c in table.columns if c.name != key}
    return statement.on_conflict_do_update(index_elements=[key], set_=changes)
