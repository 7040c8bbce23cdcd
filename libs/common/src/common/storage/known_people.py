"""The people whom router has described: only they are admitted by tokens, until they leave."""

from sqlalchemy import text

from common.contracts.people import PersonDescribed
from common.storage.api_keys import ApiKeyStore
from common.storage.connection import Connection
from common.storage.uow import UnitOfWork


async def record_person(event: PersonDescribed, uow: UnitOfWork) -> None:
    """Admit the person by tokens; of a person who has left refuse them, and revoke the API keys."""
    values = {"person": event.person_id, "version": event.version, "active": event.active}
    await uow.connection.execute(_PUT, values)
    if not event.active:
        keys = ApiKeyStore(uow.connection)
        await keys.revoke_of_person(event.person_id, made_until=event.occurred_at, now=uow.now)


async def active_people(connection: Connection) -> frozenset[str]:
    return frozenset((await connection.execute(_ACTIVE)).scalars())


# An event that is replayed must not undo a newer one.
_PUT = text("""
    INSERT INTO known_people (person_id, version, active) VALUES (:person, :version, :active)
    ON CONFLICT (person_id) DO UPDATE SET version = excluded.version, active = excluded.active
    WHERE known_people.version < excluded.version
""")
_ACTIVE = text("SELECT person_id FROM known_people WHERE active")
