"""One reading of a mailbox: each mail is stored once, and only then marked in the mailbox."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import structlog

from common.core.clock import monotonic
from common.core.errors import PermanentError, is_transient
from common.storage.database import Database
from common.storage.dead_letters import DeadLetter, measure_waiting, store_dead_letter
from intake.channel_events import apply_events
from intake.channels.base import WebhookRequest
from intake.channels.imap import RECEIVED_HEADER, Imap, ImapOptions
from intake.deliveries import MAX_KEPT, MAX_KEPT_BYTES, Delivery
from intake.domain.customers import CustomerNamespaces
from intake.domain.mailboxes import Folder, Mailbox, next_uids
from intake.domain.model import ChannelConnection
from intake.domain.understanding.signs import SignReader
from intake.event_preparation import PreparedEvent
from intake.mailboxes.errors import MailboxError
from intake.mailboxes.session import Envelope, MailboxSession
from intake.metrics import MailboxMetrics
from intake.store import UnitOfWork
from intake.store.mailboxes import LeaseLostError

T = TypeVar("T")

# Then other mailboxes have their turn. A session has time left for one more large mail then.
MAX_MAILS: Final = 200
_TURN_S: Final = 120.0
# Clocks and time zones of a server that gives its mails new numbers.
_OVERLAP: Final = timedelta(days=1)
_CHANNEL: Final = Imap()

log = structlog.get_logger()


class MailTooLargeError(PermanentError):
    """The mail is larger than UPSTAIRS_MAIL_BODY_MB. Its head is kept; the mailbox has the rest."""


class MailNotFetchedError(PermanentError):
    """The server did not hand over the mail in several attempts. The mailbox still has it."""


class TooManyKeptMailsError(PermanentError):
    """Too many mails of this connection wait among the dead letters: replay or discard them."""


@dataclass(frozen=True)
class MailRules:
    """What of intake decides how a mail is read."""

    namespaces: CustomerNamespaces
    signs: SignReader
    max_bytes: int


@dataclass(frozen=True, slots=True)
class _Mail:
    uid: int
    content: bytes
    received_at: datetime | None
    error: Exception | None = None


class MailboxReading:
    """`mailbox` is how far it got, also after an error.

    `kept_because` names the error for which the last mail was put aside.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        connection: ChannelConnection,
        session: MailboxSession,
        database: Database[UnitOfWork],
        rules: MailRules,
        metrics: MailboxMetrics,
        threads: Executor,
    ) -> None:
        self.mailbox = mailbox
        self.has_new_mail = False
        self.kept_because: str | None = None
        self._connection = connection
        self._options = ImapOptions.model_validate(connection.options)
        self._session = session
        self._database = database
        self._rules = rules
        self._metrics = metrics
        self._threads = threads

    async def read(self, stopping: asyncio.Event) -> bool:
        """Read new mails; return whether more are waiting.

        Raises MailboxError, LeaseLostError, TooManyKeptMailsError, or what the database raises.
        """
        folder = await self._wait_for(self._session.open)
        if not self.mailbox.is_known(self._source, folder):
            await self._begin(folder)
        behind = self.mailbox.last_uid
        waiting = await self._wait_for(lambda: self._session.search_behind(behind))
        uids = next_uids(waiting, behind, MAX_MAILS)
        ends_at = monotonic() + _TURN_S
        for uid in uids:
            if stopping.is_set() or monotonic() > ends_at:
                return True
            await self._take(uid, stopping)
        return len(uids) == MAX_MAILS

    @property
    def _source(self) -> str:
        options = self._options
        return f"{options.user} at {options.host}:{options.port}, {options.folder}"

    async def _begin(self, folder: Folder) -> None:
        """Find where to begin in a folder that is new to us, or has new numbers.

        Of one with new numbers, what came since we read it last is read again; what is known
        then changes nothing.
        """
        read_at = self.mailbox.read_at
        if self.mailbox.source == self._source and read_at is not None:
            day = (read_at - _OVERLAP).date()
            recent = await self._wait_for(lambda: self._session.search_since(day))
            last_uid = min(recent) - 1 if recent else await self._newest(folder)
        else:
            last_uid = 0 if self._options.begin == "all" else await self._newest(folder)
        self.mailbox = self.mailbox.begin(self._source, folder, last_uid)
        async with self._database.transaction() as uow:
            await uow.mailboxes.save(self.mailbox)
        log.info("mailbox_begun", connection=self._connection.connection, behind=last_uid)

    async def _newest(self, folder: Folder) -> int:
        if folder.uid_next is not None:
            return max(folder.uid_next - 1, 0)
        return max(await self._wait_for(lambda: self._session.search("ALL")), default=0)

    async def _take(self, uid: int, stopping: asyncio.Event) -> None:
        try:
            mail = await self._wait_for(lambda: self._fetch(uid))
        except MailboxError as error:
            if not stopping.is_set():
                await self._give_up(uid, error)
            raise
        advanced = self.mailbox.advance(uid)
        if mail is None:
            self.mailbox = advanced
            return
        if await self._store(mail, advanced):
            await self._mark(uid)
        self.mailbox = advanced

    def _fetch(self, uid: int) -> _Mail | None:
        """Return None if the mail is gone; only the head of one that is too large."""
        described = self._session.describe(uid)
        if described is None:
            return None
        if described.size > self._rules.max_bytes:
            return self._fetch_head(uid, described)
        content = self._session.fetch(uid, self._rules.max_bytes)
        if content is None:
            return None
        if len(content) > self._rules.max_bytes:
            return self._fetch_head(uid, described)
        return _Mail(uid, content, described.received_at)

    def _fetch_head(self, uid: int, described: Envelope) -> _Mail:
        head = self._session.fetch_head(uid)
        return _Mail(uid, head, described.received_at, MailTooLargeError())

    async def _store(self, mail: _Mail, advanced: Mailbox) -> bool:
        """Apply the mail, or keep it as a dead letter; return whether it was applied."""
        try:
            events = await self._wait_for(lambda: self._prepare(mail))
            async with self._database.transaction() as uow:
                await uow.mailboxes.save(advanced)
                applied = await apply_events(self._connection, events, uow)
        except LeaseLostError:
            raise
        except Exception as error:
            if is_transient(error):
                raise
            await self._keep(mail, error, advanced)
            return False
        is_repeated = all(each.repeated for each in applied)
        self._metrics.mails.labels("repeated" if is_repeated else "applied").inc()
        # A folder with new numbers is read again: that is no sign that mails still come.
        self.has_new_mail |= not (applied and is_repeated)
        return True

    def _prepare(self, mail: _Mail) -> list[PreparedEvent]:
        if mail.error is not None:
            raise mail.error
        delivery = Delivery(_CHANNEL, self._connection, _request(mail))
        return [*delivery.read(self._rules.namespaces, self._rules.signs).events]

    async def _keep(self, mail: _Mail, error: Exception, advanced: Mailbox) -> None:
        """Keep the mail as a dead letter and go on behind it; raises TooManyKeptMailsError."""
        prefix = Delivery(_CHANNEL, self._connection, _request(mail)).origin_prefix
        letter = DeadLetter(
            origin=f"{prefix}{self.mailbox.uid_validity}-{mail.uid}",
            error=error,
            payload=mail.content,
            type=f"mail.{self._connection.kind}",
            headers={name: text.encode() for name, text in _request(mail).headers.items()},
        )
        async with self._database.transaction() as uow:
            await uow.mailboxes.save(advanced)
            is_new = await store_dead_letter(uow.connection, letter, claimed=False)
            if is_new:
                count, size = await measure_waiting(uow.connection, prefix)
                if count > MAX_KEPT or size > MAX_KEPT_BYTES:
                    raise TooManyKeptMailsError
        self._metrics.dead_letters.inc()
        self._metrics.mails.labels("kept").inc()
        self.has_new_mail = True
        self.kept_because = type(error).__name__
        log.warning("mail_kept", origin=letter.origin, error=type(error).__name__)

    async def _give_up(self, uid: int, error: MailboxError) -> None:
        """Count that the mail can't be fetched; after some attempts go on without it."""
        failed = self.mailbox.fail_at(uid)
        if not failed.is_exhausted:
            self.mailbox = failed
            return
        reason = MailNotFetchedError(f"{MailNotFetchedError.__doc__} {error}")
        await self._keep(_Mail(uid, b"", None), reason, failed.advance(uid))
        self.mailbox = failed.advance(uid)

    async def _mark(self, uid: int) -> None:
        """Mark what is stored. If that fails the mail stays as it is: it is not read again."""
        try:
            await self._wait_for(lambda: self._session.mark(uid))
        except MailboxError as error:
            self._metrics.mails.labels("not_marked").inc()
            log.warning(
                "mail_not_marked",
                connection=self._connection.connection,
                uid=uid,
                error=str(error),
            )

    async def _wait_for(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _request(mail: _Mail) -> WebhookRequest:
    received_at = mail.received_at
    headers = {RECEIVED_HEADER: received_at.isoformat()} if received_at else {}
    return WebhookRequest(headers, mail.content)
