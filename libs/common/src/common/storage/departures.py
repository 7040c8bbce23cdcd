"""People who have left: their API keys and tokens are refused."""

from sqlalchemy import text

from common.contracts.people import PersonDescribed
from common.storage.api_keys import ApiKeyStore
from common.storage.connection import Connection
from common.storage.uow import UnitOfWork


async def end_access_of_leaver(event: PersonDescribed, uow: UnitOfWork) -> None:
    """Revoke the API keys of a person who has left, and refuse their tokens until they return."""
    values = {"person": event.person_id, "version": event.version, "has_left": not event.active}
    await uow.connection.execute(_PUT, values)
    if not event.active:
        keys = ApiKeyStore(uow.connection)
        await keys.revoke_of_person(event.person_id, made_until=event.occurred_at, now=uow.now)


async def leavers(connection: Connection) -> frozenset[str]:
    return frozenset((await connection.execute(_LEAVERS)).scalars())


# An event that is replayed must not undo a newer one.
_PUT = text("""
    INSERT INTO departures (person_id, version, has_left) VALUES (:person, :version, :has_left)
    ON CONFLICT (person_id) DO UPDATE SET version = excluded.version, has_left = excluded.has_left
    WHERE departures.version < excluded.version
""")
_LEAVERS = text("SELECT person_id FROM departures WHERE has_left")
