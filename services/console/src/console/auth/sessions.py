"""Begins, checks and ends sessions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from common.contracts.event import PersonRole
from common.core.ids import new_id
from common.storage.database import Database
from console.auth.secrets import digest_of, make_token
from console.domain.session import MAX_LIFE, Session
from console.store import UnitOfWork

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Person:
    """Who has proven to be this person, and has a role; `id_token` as in `Session`."""

    person: str
    role: PersonRole
    name: str
    zone: str
    id_token: str | None = None


@dataclass(frozen=True, slots=True)
class Browser:
    """As a person recognises it in the list of sessions."""

    name: str
    address: str


class SessionKeeper:
    """The sessions, by the token in the cookie of the browser."""

    def __init__(self, database: Database[UnitOfWork]) -> None:
        self._database = database

    async def begin(self, person: Person, browser: Browser) -> str:
        """Begin a session and return its token."""
        token = make_token()
        async with self._database.transaction() as uow:
            session = Session(
                session_id=new_id(),
                person_id=person.person,
                role=person.role,
                name=person.name,
                zone=person.zone,
                browser=browser.name,
                address=browser.address,
                id_token=person.id_token,
                created_at=uow.now,
                seen_at=uow.now,
                ends_at=uow.now + MAX_LIFE,
            )
            await uow.sessions.add(session, digest_of(token))
        log.info("session_begun", person_id=person.person, session_id=session.session_id)
        return token

    async def find(self, token: str) -> Session | None:
        """Return the session if it is valid, and mark it as seen."""
        async with self._database.transaction() as uow:
            session = await uow.sessions.find(digest_of(token))
            return await _used(session, uow)

    async def get(self, session_id: str) -> Session | None:
        async with self._database.transaction() as uow:
            return await uow.sessions.get(session_id)

    async def keep_alive(self, session_id: str) -> bool:
        """Mark a session as seen; return whether it is still valid.

        A page that stays open calls this every 30 s, so that its session does not count as idle.
        """
        async with self._database.transaction() as uow:
            session = await uow.sessions.get(session_id)
            return await _used(session, uow) is not None

    async def list_of(self, person: str) -> Sequence[Session]:
        """Return the person's valid sessions, newest first."""
        async with self._database.transaction() as uow:
            sessions = await uow.sessions.list_of(person)
            return [session for session in sessions if session.is_valid(uow.now)]

    async def end(self, session_id: str, person: str) -> bool:
        """End a session of this person; return whether there was one."""
        async with self._database.transaction() as uow:
            is_ended = await uow.sessions.delete(session_id, person)
        if is_ended:
            log.info("session_ended", person_id=person, session_id=session_id)
        return is_ended

    async def end_all_of(self, person: str) -> int:
        """End all sessions of the person and return their number."""
        async with self._database.transaction() as uow:
            number = await uow.sessions.delete_all_of(person)
        log.info("sessions_ended", person_id=person, sessions=number)
        return number


async def _used(session: Session | None, uow: UnitOfWork) -> Session | None:
    if session is None or not session.is_valid(uow.now):
        return None
    if not session.must_be_marked(uow.now):
        return session
    await uow.sessions.mark_seen(session.session_id, uow.now)
    return replace(session, seen_at=uow.now)
