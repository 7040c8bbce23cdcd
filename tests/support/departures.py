"""The API keys and tokens of a person who leaves, as every service treats them."""

from datetime import timedelta
from typing import TypeVar

from common.contracts.event import Role
from common.storage.api_keys import SCOPES, ApiKeyStore, ListedKey, make_key
from common.storage.database import Database
from common.storage.known_people import active_people
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)


async def add_keys(database: Database[U], person: str) -> None:
    """Add a key of the person, and of a system that has the same name."""
    roles: tuple[Role, ...] = ("manager", "channel")
    async with database.transaction() as uow:
        for role in roles:
            assert await ApiKeyStore(uow.connection).add(
                ListedKey(role, person, make_key()),
                scopes=SCOPES,
                origin="command",
                by="test",
                now=uow.now - timedelta(days=1),
            )


async def access_of(database: Database[U], person: str) -> list[str]:
    """Return the roles of the keys that admit the person's name, and "token" if tokens do."""
    async with database.transaction() as uow:
        keys = await ApiKeyStore(uow.connection).active(uow.now)
        people = await active_people(uow.connection)
    tokens = ["token"] if person in people else []
    return [*sorted(key.role for key in keys if key.subject == person), *tokens]
