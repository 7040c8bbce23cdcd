"""Signing in without a provider, on the machine of a developer only."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from common.contracts.event import PersonId, PersonRole
from common.storage.database import Database
from console.auth.people import Identity
from console.auth.secrets import digest_of, make_token
from console.errors import PageError
from console.store import UnitOfWork
from console.store.sign_in_links import SignInLink

LINK_LIFE: Final = timedelta(minutes=10)


class DevLogin:
    """Lets anybody in as one of these people. The settings admit it on loopback only.

    A program acts for those who are simulated, and nobody for the others.
    """

    def __init__(
        self,
        database: Database[UnitOfWork],
        people: Mapping[PersonId, PersonRole],
        simulated: Collection[PersonId] = (),
    ) -> None:
        self._database = database
        self.people = people
        self._simulated = simulated

    def offered(self, *, is_simulated: bool) -> dict[PersonId, PersonRole]:
        """Return the people for whom a program acts, or those for whom nobody does."""
        return {
            person: role
            for person, role in self.people.items()
            if (person in self._simulated) == is_simulated
        }

    def choose(self, person: str) -> Identity:
        """Return the person; raises PageError for one who is not offered."""
        role = self.people.get(PersonId(person))
        if role is None:
            raise PageError(404, "not-found")
        return Identity(person, role)

    async def take_link(self, token: str) -> Identity:
        """Return for whom the link is; raises PageError if it was used or is too old."""
        async with self._database.transaction() as uow:
            link = await uow.sign_in_links.take(digest_of(token))
            if link is None or uow.now >= link.expires_at:
                raise PageError(403, "link-used")
        return Identity(link.person, link.role)


async def make_link(
    database: Database[UnitOfWork], public_url: str, person: PersonId, role: PersonRole
) -> str:
    """Return a link that signs the person in, once, for ten minutes."""
    token = make_token()
    async with database.transaction() as uow:
        link = SignInLink(person, role, uow.now + LINK_LIFE)
        await uow.sign_in_links.add(digest_of(token), link)
    return f"{public_url}/enter?once={token}"
