"""Reads every mailbox that is due, each by one process at a time."""

import asyncio
import ssl
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Final

import certifi
import structlog
from pydantic import ValidationError

from common.contracts.validation_messages import summarize
from common.core.access_tokens import AccessToken
from common.core.backoff import pause
from common.core.errors import PermanentError, is_transient
from common.core.ids import new_id
from common.core.networks import read_networks
from common.storage.database import Database
from intake.access_tokens import (
    AccessTokens,
    SignInError,
    failure_code,
)
from intake.channels.imap import Imap, ImapOptions
from intake.connections.activity import NoticedActivity
from intake.domain.mailboxes import Mailbox
from intake.domain.model import ChannelConnection
from intake.mailboxes.apps import MailboxApps
from intake.mailboxes.errors import MailboxError, TokenRefusedError
from intake.mailboxes.session import MailboxSession
from intake.metrics import MailboxMetrics
from intake.settings import Settings
from intake.store import UnitOfWork
from intake.store.mailboxes import ARE_THERE_MAILBOXES, LeaseLostError
from intake.workers.mailbox_reading import MailboxReading, MailRules, TooManyKeptMailsError

# Mailboxes that a process reads at the same time; each has a thread that waits for its server.
_SLOTS: Final = 4
_LONGEST_PAUSE_S: Final = 15.0
# After it a process that is to stop breaks off its sessions.
_GRACE_S: Final = 3.0
_FAULTS_OF_MAILBOXES: Final = (MailboxError, SignInError, PermanentError, ValidationError)

log = structlog.get_logger()


class MailboxWorker:
    """A mailbox that can't be read is tried again, less and less often, and stops no other."""

    name = "mailboxes"

    def __init__(
        self,
        settings: Settings,
        database: Database[UnitOfWork],
        rules: MailRules,
        noticed: NoticedActivity,
        metrics: MailboxMetrics,
        tokens: AccessTokens,
    ) -> None:
        self._database = database
        self._rules = rules
        self._noticed = noticed
        self._metrics = metrics
        self._tokens = tokens
        self._apps = MailboxApps(settings.microsoft_login_url, settings.google_token_url)
        self._interval = timedelta(seconds=settings.mailbox_poll_seconds)
        self._pause_s = min(settings.mailbox_poll_seconds / 4, _LONGEST_PAUSE_S)
        self._networks = read_networks(settings.mailbox_networks)
        self._ca_file = settings.mailbox_ca_file
        self._sessions: set[MailboxSession] = set()
        self._no_session = asyncio.Event()
        self._no_session.set()

    async def run(self, stopping: asyncio.Event) -> None:
        context = _make_context(self._ca_file)
        with ThreadPoolExecutor(_SLOTS, thread_name_prefix="mailbox") as threads:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._abort_sessions(stopping))
                for _ in range(_SLOTS):
                    tasks.create_task(self._read_in_turn(stopping, threads, context))

    async def _abort_sessions(self, stopping: asyncio.Event) -> None:
        """When the process is to stop, let each finish its mail; then end what threads wait for."""
        await stopping.wait()
        await pause(_GRACE_S, self._no_session)
        for session in self._sessions:
            session.abort()

    async def _read_in_turn(
        self, stopping: asyncio.Event, threads: Executor, context: ssl.SSLContext
    ) -> None:
        while not stopping.is_set():
            was_due = False
            try:
                was_due = await self._read_next(stopping, threads, context)
            except Exception as error:
                if is_transient(error):
                    log.warning("mailboxes_backing_off", error=repr(error))
                else:
                    log.exception("mailbox_worker_failed")
            if not was_due:
                await pause(self._pause_s, stopping)

    async def _read_next(
        self, stopping: asyncio.Event, threads: Executor, context: ssl.SSLContext
    ) -> bool:
        """Read the mailbox that is due longest; return False if none is."""
        if not (await self._database.fetch_row(ARE_THERE_MAILBOXES))["any"]:
            return False
        async with self._database.transaction() as uow:
            mailbox = await uow.mailboxes.claim_due(new_id())
        if mailbox is None:
            return False
        reading: MailboxReading | None = None
        try:
            connection = await self._get_connection(mailbox)
            token = await self._get_token(connection)
            session = self._make_session(connection, context, token)
            reading = self._make_reading(mailbox, connection, session, threads)
            try:
                more = await self._read(reading, session, stopping, threads)
            except TokenRefusedError:
                # It may have been revoked. Nothing was read with it.
                token = await self._get_token(connection, refused=token)
                session = self._make_session(connection, context, token)
                reading = self._make_reading(mailbox, connection, session, threads)
                more = await self._read(reading, session, stopping, threads)
        except LeaseLostError:
            log.warning("mailbox_lease_lost", connection=mailbox.connection)
            # If it was paused, the lease is still ours.
            async with self._database.transaction() as uow:
                await uow.mailboxes.release(reading.mailbox if reading else mailbox, uow.now)
        except Exception as error:
            reached = reading.mailbox if reading else mailbox
            if not await self._end_failed(reached, error, is_stopping=stopping.is_set()):
                raise
        else:
            await self._end(reading.mailbox, more=more)
        return True

    async def _get_connection(self, mailbox: Mailbox) -> ChannelConnection:
        async with self._database.transaction() as uow:
            connection = await uow.channel_connections.get(
                Imap.kind, mailbox.connection, with_app_secret=True
            )
        if connection is None:
            raise LeaseLostError
        return connection

    async def _get_token(
        self, connection: ChannelConnection, refused: AccessToken | None = None
    ) -> AccessToken | None:
        """Return None for a mailbox with a password; raises SignInError."""
        sign_in = self._apps.sign_in(connection)
        return None if sign_in is None else await self._tokens.get(connection, sign_in, refused)

    def _make_session(
        self, connection: ChannelConnection, context: ssl.SSLContext, token: AccessToken | None
    ) -> MailboxSession:
        options = ImapOptions.model_validate(connection.options)
        return MailboxSession(
            options,
            connection.passwords,
            context,
            self._networks,
            token=token.value if token else None,
        )

    def _make_reading(
        self,
        mailbox: Mailbox,
        connection: ChannelConnection,
        session: MailboxSession,
        threads: Executor,
    ) -> MailboxReading:
        return MailboxReading(
            mailbox, connection, session, self._database, self._rules, self._metrics, threads
        )

    async def _read(
        self,
        reading: MailboxReading,
        session: MailboxSession,
        stopping: asyncio.Event,
        threads: Executor,
    ) -> bool:
        self._sessions.add(session)
        self._no_session.clear()
        try:
            return await reading.read(stopping)
        finally:
            self._note(reading)
            await asyncio.get_running_loop().run_in_executor(threads, session.close)
            self._sessions.discard(session)
            if not self._sessions:
                self._no_session.set()

    async def _end(self, mailbox: Mailbox, *, more: bool) -> None:
        """Give the mailbox back; it is due at once if more mails are waiting."""
        self._metrics.polls.labels(mailbox.connection, "read").inc()
        async with self._database.transaction() as uow:
            ended = mailbox.succeed(uow.now)
            wait = timedelta(0) if more else ended.wait(self._interval)
            await uow.mailboxes.release(ended, uow.now + wait)

    async def _end_failed(self, mailbox: Mailbox, error: Exception, *, is_stopping: bool) -> bool:
        """Give the mailbox back; return False if the failure is none of the mailbox."""
        is_of_mailbox = isinstance(error, _FAULTS_OF_MAILBOXES) or not is_transient(error)
        failed = mailbox
        if is_of_mailbox and not is_stopping:
            failed = mailbox.fail(_reason(error))
            self._metrics.polls.labels(mailbox.connection, "failed").inc()
            self._note_failure(mailbox.connection, _code(error), _quotable(error))
            log.warning(
                "mailbox_failed",
                connection=mailbox.connection,
                failures=failed.failures,
                error=failed.error,
                exc_info=None if isinstance(error, _FAULTS_OF_MAILBOXES) else error,
            )
        async with self._database.transaction() as uow:
            wait = failed.wait(self._interval) if failed is not mailbox else timedelta(0)
            await uow.mailboxes.release(failed, uow.now + wait)
        return is_of_mailbox

    def _note(self, reading: MailboxReading) -> None:
        """Note what came; a mailbox without new mails delivered nothing."""
        connection = reading.mailbox.connection
        if reading.has_new_mail:
            now = self._database.clock.utc_now()
            self._noticed.note_delivery(Imap.kind, connection, now)
        if reading.kept_because is not None:
            self._note_failure(connection, "delivery-kept", reading.kept_because)

    def _note_failure(self, connection: str, code: str, detail: str) -> None:
        now = self._database.clock.utc_now()
        self._noticed.note_failure(Imap.kind, connection, now, code, detail)


def _code(error: Exception) -> str:
    if isinstance(error, TooManyKeptMailsError):
        return "too-many-kept-deliveries"
    return failure_code(error, "mailbox-unreadable")


def _quotable(error: Exception) -> str:
    """Return what is wrong without the words of a mail: other errors may quote it."""
    return _reason(error) if isinstance(error, _FAULTS_OF_MAILBOXES) else type(error).__name__


def _reason(error: Exception) -> str:
    return summarize(error, "options") if isinstance(error, ValidationError) else str(error)


def _make_context(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else certifi.where())
