"""Sessions with the mail server, each of which carries many mails, one after the other."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiosmtplib
from aiosmtplib import (
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponse,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPStatus,
)

from common.core.clock import monotonic

# Many servers end a session that is idle for a minute or more, and some firewalls forget it.
_LONGEST_IDLE_S = 30
_QUIT_TIMEOUT_S = 1


class SmtpSession(aiosmtplib.SMTP):
    """Knows whether the server has taken anything of the mail."""

    took_sender = False

    async def mail(self, sender: str, /, **options: Any) -> SMTPResponse:
        response = await super().mail(sender, **options)
        self.took_sender = True
        return response


class SmtpSessions:
    """Opens a session where none is free, so there are as many as mails are sent at a time."""

    def __init__(self, make_session: Callable[[], SmtpSession]) -> None:
        self._make_session = make_session
        # With the time since when each is free; the last was used last.
        self._free: list[tuple[SmtpSession, float]] = []

    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        """Raises SMTPException or OSError."""
        while (session := self._free_session()) is not None:
            try:
                await self._send(session, sender, recipient, message)
            except SMTPSenderRefused as error:
                # It takes no further mail in this session; nothing of this one was sent.
                if error.code != SMTPStatus.domain_unavailable:
                    raise
            except ConnectionError:
                # The server has ended it since the mail before.
                if session.took_sender:
                    raise
            else:
                return
        session = self._make_session()
        await session.connect()
        await self._send(session, sender, recipient, message)

    async def close(self) -> None:
        sessions, self._free = self._free, []
        for session, _ in sessions:
            with suppress(SMTPException, OSError):
                await session.quit(timeout=_QUIT_TIMEOUT_S)
            session.close()

    def _free_session(self) -> SmtpSession | None:
        while self._free:
            session, since = self._free.pop()
            if session.is_connected and monotonic() - since < _LONGEST_IDLE_S:
                return session
            session.close()
        return None

    async def _send(
        self, session: SmtpSession, sender: str, recipient: str, message: bytes
    ) -> None:
        session.took_sender = False
        options = () if f"{sender}{recipient}".isascii() else ("SMTPUTF8",)
        try:
            await session.sendmail(sender, recipient, message, mail_options=options)
        except (SMTPResponseException, SMTPRecipientsRefused):
            # The server refuses this mail, not the session; if it ended that, it is closed.
            self._release(session)
            raise
        except BaseException:
            session.close()
            raise
        self._release(session)

    def _release(self, session: SmtpSession) -> None:
        if session.is_connected:
            self._free.append((session, monotonic()))
