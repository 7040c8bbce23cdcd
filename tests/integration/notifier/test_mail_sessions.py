"""Mails share sessions with the mail server, and no mail is lost or repeated when one ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiosmtplib
import pytest

from devstack.receivers import MailReceiver
from notifier.channels import smtp_sessions
from notifier.channels.smtp_sessions import SmtpSession, SmtpSessions

MAIL = b"Subject: a page\r\n\r\nPlease look at it.\r\n"


class MailServer(MailReceiver):
    """Counts its sessions, and ends each after so many mails."""

    sessions = 0
    mails_per_session = 1000
    answers_mail = True
    says_goodbye = True
    takes_data = True

    async def handle_EHLO(
        self, _server: object, session: Any, _envelope: object, name: str, responses: list[str]
    ) -> list[str]:
        self.sessions += 1
        session.host_name = name
        session.mails_left = self.mails_per_session
        return responses

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, _options: object
    ) -> str:
        if not self.answers_mail:
            await asyncio.Event().wait()
        if session.mails_left == 0 and not self.says_goodbye:
            server.transport.abort()
        if session.mails_left == 0:
            return "421 too many mails in this session"
        session.mails_left -= 1
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        if not self.takes_data:
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


@pytest.fixture
async def sessions(server: MailServer) -> AsyncIterator[SmtpSessions]:
    async with open_sessions(server) as sessions:
        yield sessions


@asynccontextmanager
async def open_sessions(server: MailServer) -> AsyncIterator[SmtpSessions]:
    make_session = partial(
        SmtpSession, hostname=server.host, port=server.port, timeout=5, start_tls=False
    )
    sessions = SmtpSessions(make_session)
    yield sessions
    await sessions.close()


async def send(sessions: SmtpSessions) -> None:
    await sessions.send("upstairs@example.com", "dana@example.com", MAIL)


async def test_session_carries_many_mails(server: MailServer, sessions: SmtpSessions) -> None:
    for _ in range(3):
        await send(sessions)
    assert (len(server.messages), server.sessions) == (3, 1)


async def test_session_that_takes_no_more_mails_is_replaced(
    server: MailServer, sessions: SmtpSessions
) -> None:
    server.mails_per_session = 2
    for _ in range(5):
        await send(sessions)
    assert (len(server.messages), server.sessions) == (5, 3)


async def test_session_that_the_server_has_ended_is_replaced() -> None:
    first = MailServer()
    async with open_sessions(first) as sessions:
        async with first:
            await send(sessions)
        async with MailServer(first.port) as second:
            await send(sessions)
            assert (len(first.messages), len(second.messages)) == (1, 1)


async def test_session_that_ends_without_a_word_is_replaced(
    server: MailServer, sessions: SmtpSessions
) -> None:
    server.mails_per_session = 2
    server.says_goodbye = False
    for _ in range(5):
        await send(sessions)
    assert (len(server.messages), server.sessions) == (5, 3)


async def test_mail_that_the_server_has_begun_to_take_is_not_sent_again(
    server: MailServer, sessions: SmtpSessions
) -> None:
    await send(sessions)
    server.takes_data = False
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(sessions)
    assert (len(server.messages), server.sessions) == (1, 1)


async def test_session_that_was_idle_for_long_is_replaced(
    server: MailServer, sessions: SmtpSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(sessions)
    monkeypatch.setattr(smtp_sessions, "_LONGEST_IDLE_S", 0)
    await send(sessions)
    assert (len(server.messages), server.sessions) == (2, 2)


async def test_mail_that_is_refused_does_not_end_the_session(
    server: MailServer, sessions: SmtpSessions
) -> None:
    server.answer = "554 spam"
    with pytest.raises(aiosmtplib.SMTPDataError):
        await send(sessions)
    server.answer = "250 OK"
    await send(sessions)
    assert (len(server.messages), server.sessions) == (1, 1)


async def test_session_that_hangs_is_closed_when_the_mail_is_given_up(server: MailServer) -> None:
    session = SmtpSession(hostname=server.host, port=server.port, timeout=5, start_tls=False)
    sessions = SmtpSessions(lambda: session)
    await send(sessions)
    server.answers_mail = False
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await send(sessions)
    assert not session.is_connected


async def test_new_session_that_refuses_is_not_replaced(
    server: MailServer, sessions: SmtpSessions
) -> None:
    server.mails_per_session = 0
    with pytest.raises(aiosmtplib.SMTPSenderRefused):
        await send(sessions)
    assert server.sessions == 1
