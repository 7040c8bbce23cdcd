"""Servers that hang, lie or break off: every session ends, and no mail holds up others."""

import asyncio
import base64
import itertools
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from common.core.clock import TimeSource
from common.core.networks import read_networks
from common.storage.database import Database
from intake.channels.imap import ImapOptions
from intake.domain.customers import CustomerNamespaces
from intake.domain.mailboxes import next_uids
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.mailboxes import client
from intake.mailboxes.errors import MailboxError
from intake.mailboxes.session import MailboxSession
from intake.metrics import MailboxMetrics
from intake.store import UnitOfWork
from intake.workers.mailbox_reading import MailRules
from integration.intake.harness import key
from integration.intake.mailbox_harness import Intake
from support.databases import rows
from support.hostile_imap import CLOSE, DRIP, HANG, hostile_server
from support.probe import run_workers, sum_samples
from support.waiting import until

PASSWORD = "a-password-of-a-test-7f3c"
MB = 1024 * 1024


def open_session(port: int, *, session_s: float = 300, **options: Any) -> MailboxSession:
    account = {"host": "127.0.0.1", "port": port, "user": "support", "tls": "none"}
    return MailboxSession(
        ImapOptions.model_validate(account | options),
        (PASSWORD,),
        ssl.create_default_context(),
        read_networks("127.0.0.1"),
        session_s=session_s,
    )


def read_first_mail(session: MailboxSession) -> bytes | None:
    try:
        session.open()
        (uid, *_) = session.search_behind(0)
        session.describe(uid)
        return session.fetch(uid, 1000)
    finally:
        session.close()


async def failure(
    replies: Mapping[str, bytes], read: Callable[[MailboxSession], object] = read_first_mail
) -> str:
    """Return why the mailbox can't be read."""
    with hostile_server(replies) as server:
        session = open_session(server.port, session_s=2)
        with pytest.raises(MailboxError) as failed:
            await asyncio.to_thread(read, session)
    return str(failed.value)


async def test_polite_server_is_read() -> None:
    with hostile_server({}) as server:
        content = await asyncio.to_thread(read_first_mail, open_session(server.port))
    assert content is not None
    assert content.endswith(b"Hello, again.")


@pytest.mark.parametrize("step", ["greeting", "CAPABILITY", "LOGIN", "SELECT", "UID SEARCH"])
@pytest.mark.parametrize("reply", [HANG, CLOSE, b"\xff\x00 nonsense\r\n", b"* BYE bye\r\n"])
async def test_session_ends_wherever_the_server_breaks_off(step: str, reply: bytes) -> None:
    assert await failure({step: reply})


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"* 1 FETCH (UID 1 BODY[]<0> {99999999999}\r\n", "more than it was asked for"),
        (b"* 1 FETCH (UID 1 BODY[]<0> {%d}\r\n" % (20 * MB), "more than it was asked for"),
        (b"* 1 FETCH (UID 1 BODY[]<0> {500}\r\nFrom: a@b", "in time"),
        (b"* 1 FETCH (UID 1 BODY[]<0> " + b"x" * (9 * MB), "line without an end"),
        ((b"* OK " + b"x" * 10_000 + b"\r\n") * 2000, "more than it was asked for"),
        (b"{tag} NO [EXPUNGEISSUED] no such mail\r\n", "FETCH is refused"),
        (b"A9999 OK done\r\n", ""),
    ],
)
async def test_fetch_is_bounded_whatever_the_server_sends(reply: bytes, reason: str) -> None:
    assert reason in await failure({"UID FETCH": reply})


async def test_server_that_drips_is_left_in_time() -> None:
    assert "in time" in await failure({"UID SEARCH": DRIP})


async def test_gone_mail_and_empty_mail_are_told_apart() -> None:
    with hostile_server({"UID FETCH": b"{tag} OK done\r\n"}) as server:
        assert await asyncio.to_thread(read_first_mail, open_session(server.port)) is None
    empty = b'* 1 FETCH (UID 1 BODY[]<0> "")\r\n{tag} OK done\r\n'
    with hostile_server({"UID FETCH": empty}) as server:
        assert await asyncio.to_thread(read_first_mail, open_session(server.port)) == b""


async def test_fifty_thousand_mails_are_listed_in_one_answer() -> None:
    listed = b"* SEARCH " + b" ".join(b"%d" % uid for uid in range(1, 50_001)) + b"\r\n"

    def search(session: MailboxSession) -> list[int]:
        session.open()
        try:
            return session.search_behind(0)
        finally:
            session.close()

    with hostile_server({"UID SEARCH": listed + b"{tag} OK done\r\n"}) as server:
        uids = await asyncio.to_thread(search, open_session(server.port))
    assert next_uids(uids, 49_000, 200) == [*range(49_001, 49_201)]


async def test_password_that_the_server_repeats_is_not_shown() -> None:
    reason = await failure({"LOGIN": b"{tag} NO wrong: %s\r\n" % PASSWORD.encode()})
    assert reason.startswith("the login is refused")
    assert PASSWORD not in reason


async def test_password_that_the_server_repeats_as_it_was_sent_is_not_shown() -> None:
    plain = base64.b64encode(f"\0support\0{PASSWORD}".encode())
    reason = await failure(
        {
            "CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n",
            "AUTHENTICATE": b"{tag} NO wrong: %s\r\n" % plain,
        }
    )
    assert reason.startswith("the login is refused")
    assert plain.decode() not in reason


async def test_password_is_not_sent_in_clear_to_the_internet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with hostile_server({}) as server:
        monkeypatch.setattr(client, "is_public", lambda _address: True)
        account = {"host": "127.0.0.1", "port": server.port, "user": "support", "tls": "none"}
        session = MailboxSession(
            ImapOptions.model_validate(account), (PASSWORD,), ssl.create_default_context(), ()
        )
        with pytest.raises(MailboxError, match="Without TLS"):
            await asyncio.to_thread(session.open)
        assert server.sessions == 0


async def test_host_with_many_addresses_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner of a name says how many addresses it has, and that none of them answers."""
    moments = itertools.count()

    def look_up(_host: str, port: int, **_kind: object) -> list[Any]:
        place = ("127.0.0.1", port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", place)] * 1000

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(client, "monotonic", lambda: float(next(moments)))
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed_port = server.getsockname()[1]
    with pytest.raises(TimeoutError, match="took too long"):
        client.connect(
            "many.example.com", closed_port, read_networks("127.0.0.1"), 300, encrypted=True
        )


async def test_words_before_tls_do_not_count_after_it() -> None:
    injected = b"* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK done\r\n"
    begin = b"{tag} OK begin\r\n* CAPABILITY IMAP4rev1\r\nINJECTED OK\r\n"
    with hostile_server({"CAPABILITY": injected, "STARTTLS": begin}) as server:
        session = open_session(server.port, session_s=2, tls="starttls")
        with pytest.raises(MailboxError):
            await asyncio.to_thread(session.open)


def was_tried_again(metrics: MailboxMetrics, failed: float) -> bool:
    """Return whether a reading has failed since, or all other mails are stored."""
    is_over = sum_samples(metrics.mails, outcome="applied") == 2
    return is_over or sum_samples(metrics.polls, outcome="failed") > failed


async def test_mail_that_the_server_never_hands_over_is_put_aside(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    database.clock = TimeSource()
    rules = MailRules(CustomerNamespaces({}), SignReader(standard_rules()), max_bytes=1000)
    intake = Intake(database, rules)
    metrics, worker = intake.metrics, intake.worker
    with hostile_server({"UID FETCH 2": CLOSE}) as server:
        options = {"host": "127.0.0.1", "port": server.port, "user": "support", "tls": "none"}
        answer = await api.put(
            "/v1/channels/imap/acme",
            json={"secret": PASSWORD, "options": options | {"begin": "all"}},
            headers=key("admin"),
        )
        assert answer.status_code == 204
        async with run_workers(worker):
            for _ in range(6):
                failed = sum_samples(metrics.polls, outcome="failed")
                await until(partial(was_tried_again, metrics, failed))
                # The waits between the attempts grow.
                database.clock.offset += timedelta(minutes=6)
            await until(lambda: sum_samples(metrics.mails, outcome="applied"), lambda n: n == 2)
    (letter,) = await rows(database, "SELECT reason, origin FROM dead_letters")
    assert letter.reason.startswith("MailNotFetchedError")
    assert letter.origin == "webhook/imap/acme/7-2"
