"""Reads cases in their system of which a delivery left out what they are about.

The answer to the delivery does not wait for it. A case that can't be read at once becomes a contact
without it, and is filled when it is read.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from common.core.backoff import pause
from common.core.errors import is_transient
from common.core.ids import new_id
from common.storage.database import Database
from intake import deliveries
from intake.access_tokens import (
    AccessTokens,
    CredentialsRefusedError,
    SignInError,
    failure_code,
)
from intake.case_systems.base import (
    CaseGoneError,
    CaseSystem,
    CaseUnreadableError,
    TokenRefusedError,
)
from intake.channel_events import apply_events
from intake.channels.base import ChannelEvent, MalformedBodyError, WebhookRequest
from intake.connection_secrets import SecretUnavailableError
from intake.connections.activity import NoticedActivity
from intake.deliveries import Delivery
from intake.domain.case_reads import CaseRead
from intake.domain.customers import CustomerNamespaces
from intake.domain.model import ChannelConnection
from intake.domain.understanding.signs import SignReader
from intake.event_preparation import PreparedEvent, prepare_events
from intake.metrics import CaseReadMetrics
from intake.store import UnitOfWork
from intake.store.case_reads import ARE_THERE_READS

# Cases that a process reads at the same time.
_SLOTS: Final = 4
# A delivery to this process wakes it; one to another process is seen after it.
_POLL_S: Final = 4.0
# On shutdown calls have so long to end; what takes longer is read by another process.
_STOP_S: Final = 5.0
_NO_TIME: Final = timedelta(0)
_EXPECTED: Final = (
    CaseUnreadableError,
    MalformedBodyError,
    SecretUnavailableError,
    SignInError,
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CaseRules:
    """What of intake decides how a case is read."""

    namespaces: CustomerNamespaces
    signs: SignReader


class _ErasedError(Exception):
    """The customer of the case was erased after the delivery came."""


class CaseReadingWorker:
    """One case that can't be read stops no other."""

    name = "case reading"

    def __init__(
        self,
        systems: Mapping[str, CaseSystem],
        tokens: AccessTokens,
        database: Database[UnitOfWork],
        rules: CaseRules,
        noticed: NoticedActivity,
        metrics: CaseReadMetrics,
        *,
        poll_s: float = _POLL_S,
    ) -> None:
        self._systems = systems
        self._tokens = tokens
        self._database = database
        self._rules = rules
        self._noticed = noticed
        self._metrics = metrics
        self._poll_s = poll_s
        self._woken = asyncio.Event()
        database.after_commit(lambda uow: self._woken.set() if uow.case_reads.has_new else None)

    async def run(self, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            slots = [tasks.create_task(self._read_in_turn(stopping)) for _ in range(_SLOTS)]
            await stopping.wait()
            self._woken.set()
            await asyncio.wait(slots, timeout=_STOP_S)
            for slot in slots:
                slot.cancel()

    async def _read_in_turn(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            was_due = False
            self._woken.clear()
            try:
                was_due = await self._read_next()
            except Exception as error:
                if is_transient(error):
                    log.warning("case_reading_backing_off", error=repr(error))
                    await pause(self._poll_s, stopping)
                else:
                    log.exception("case_reading_failed")
            if not was_due and not stopping.is_set():
                await pause(self._poll_s, self._woken)

    async def _read_next(self) -> bool:
        """Read the case that is due longest; return False if none is."""
        if not (await self._database.fetch_row(ARE_THERE_READS))["any"]:
            return False
        async with self._database.transaction() as uow:
            read = await uow.case_reads.claim_due(new_id())
        if read is None:
            return False
        try:
            connection = await self._get_connection(read)
            content = await self._fetch(read, connection)
            outcome = await self._fill(read, connection, content)
        except Exception as error:
            # What is expected may have been caused by a file or a network of others.
            if is_transient(error) and not isinstance(error, _EXPECTED):
                raise
            outcome = await self._end_failed(read, error)
        self._metrics.reads.labels(read.kind, outcome).inc()
        return True

    async def _get_connection(self, read: CaseRead) -> ChannelConnection:
        async with self._database.transaction() as uow:
            connection = await uow.channel_connections.get(
                read.kind, read.connection, with_app_secret=True
            )
        if connection is None or read.kind not in self._systems:
            raise CaseGoneError("the connection is not set up any more")
        return connection

    async def _fetch(self, read: CaseRead, connection: ChannelConnection) -> bytes:
        if connection.state == "paused":
            raise CaseUnreadableError("the connection is paused")
        system = self._systems[read.kind]
        sign_in = system.sign_in(connection)
        if sign_in is None:
            raise CaseGoneError("the connection does not say any more where cases are read")
        token = await self._tokens.get(connection, sign_in)
        try:
            return await system.read(connection, read.case_ref, token)
        except TokenRefusedError:
            # It may have been revoked.
            token = await self._tokens.get(connection, sign_in, refused=token)
        try:
            return await system.read(connection, read.case_ref, token)
        except TokenRefusedError as error:
            # Tried again: the app may be made a user soon, and systems say so in outages, too.
            reason = f"{error} to a new access token: the app is no user there"
            raise CredentialsRefusedError(reason) from error

    async def _fill(self, read: CaseRead, connection: ChannelConnection, content: bytes) -> str:
        """Apply what was read, once: nobody else has the attempt."""
        request, system = _request(read), self._systems[read.kind]
        case_events = system.events_of(connection, request, content, is_late=read.is_opened)
        events = await self._prepare(connection, case_events)
        try:
            async with self._database.transaction() as uow:
                if not await uow.case_reads.lock(read):
                    return "erased"
                await uow.case_reads.remove(read)
                await apply_events(connection, events, uow)
                await self._require_not_erased(read, events, uow)
        except _ErasedError:
            return await self._fill_without_words(read, connection)
        return "read"

    async def _fill_without_words(self, read: CaseRead, connection: ChannelConnection) -> str:
        system = self._systems[read.kind]
        without = system.events_without_words(connection, _request(read))
        events = await self._prepare(connection, without)
        async with self._database.transaction() as uow:
            if await uow.case_reads.lock(read):
                await uow.case_reads.remove(read)
                await apply_events(connection, events, uow)
        return "erased"

    async def _require_not_erased(
        self, read: CaseRead, events: Sequence[PreparedEvent], uow: UnitOfWork
    ) -> None:
        """Raise _ErasedError; the rows of the customer are locked, so that no erasure is missed."""
        for customer_id in {each.contact.customer.customer_id for each in events}:
            if await uow.erasure.is_erased_since(customer_id, read.requested_at):
                raise _ErasedError

    async def _end_failed(self, read: CaseRead, error: Exception) -> str:
        """Make the contact without what can't be read, and try again later unless it is in vain."""
        reason = _reason(error)
        code, now = failure_code(error, "case-unreadable"), self._database.clock.utc_now()
        self._noticed.note_failure(read.kind, read.connection, now, code, reason)
        log.warning(
            "case_unreadable",
            system=f"{read.kind}:{read.connection}",
            attempts=read.attempts,
            error=reason,
            exc_info=None if isinstance(error, _EXPECTED) else error,
        )
        try:
            return await self._postpone(read, error, reason)
        except Exception as failure:
            if is_transient(failure):
                raise
            return await self._keep(read, failure)

    async def _postpone(self, read: CaseRead, error: Exception, reason: str) -> str:
        outcome = "failed"
        if isinstance(error, CaseGoneError):
            outcome = "gone"
        elif read.is_expired(self._database.clock.utc_now()):
            outcome = "expired"
        connection = await self._find_connection(read)
        events = [] if read.is_opened else await self._events_without_case(read, connection)
        async with self._database.transaction() as uow:
            if not await uow.case_reads.lock(read):
                return "erased"
            await apply_events(connection, events, uow)
            if outcome == "failed":
                stated_wait = error.wait if isinstance(error, CaseUnreadableError) else None
                await uow.case_reads.postpone(
                    read, reason, max(read.wait(), stated_wait or _NO_TIME)
                )
            else:
                await uow.case_reads.remove(read)
        return outcome

    async def _find_connection(self, read: CaseRead) -> ChannelConnection:
        """Return how it is set now, without its secrets, also if it is archived."""
        async with self._database.transaction() as uow:
            setup = await uow.channel_connections.find(read.kind, read.connection)
        if setup is None:
            raise deliveries.ConnectionRemovedError
        return ChannelConnection(setup.connection, setup.kind, "", setup.options, setup.state)

    async def _events_without_case(
        self, read: CaseRead, connection: ChannelConnection
    ) -> Sequence[PreparedEvent]:
        delivery = Delivery(self._systems[read.kind].channel, connection, _request(read))
        content = await asyncio.to_thread(delivery.read, self._rules.namespaces, self._rules.signs)
        return [*content.events, *(each for case in content.cases for each in case.otherwise)]

    async def _keep(self, read: CaseRead, failure: Exception) -> str:
        """Keep the delivery as a dead letter: no contact can be made of it."""
        connection = ChannelConnection(read.connection, read.kind, "", {})
        delivery = Delivery(self._systems[read.kind].channel, connection, _request(read))
        if await deliveries.keep(delivery, failure, self._database):
            self._metrics.dead_letters.inc()
        async with self._database.transaction() as uow:
            await uow.case_reads.remove(read)
        return "kept"

    async def _prepare(
        self, connection: ChannelConnection, events: Sequence[ChannelEvent]
    ) -> Sequence[PreparedEvent]:
        return await asyncio.to_thread(
            prepare_events, connection, events, self._rules.namespaces, self._rules.signs
        )


def _request(read: CaseRead) -> WebhookRequest:
    return WebhookRequest(read.headers, read.body)


def _reason(error: Exception) -> str:
    """Return what is wrong without the words of a case: other errors may quote it."""
    return str(error) if isinstance(error, _EXPECTED) else type(error).__name__
