"""A mailbox on an IMAP server of this machine: pymap, as a process."""

import asyncio
import contextlib
import imaplib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from devstack import free_port
from support.waiting import until

T = TypeVar("T")

PASSWORD = "a-password-of-a-test-7f3c"
USER = "support"
_RUN = "from pymap.main import main; main()"


@dataclass(frozen=True)
class MailServer:
    """What other programs do with the mailbox; each call is a session of its own."""

    port: int
    password: str = PASSWORD

    async def add(self, *mails: bytes, folder: str = "INBOX") -> None:
        def append(client: imaplib.IMAP4) -> None:
            for mail in mails:
                assert client.append(folder, "", "", mail)[0] == "OK"

        await self._use(append)

    async def create(self, folder: str) -> None:
        await self._use(lambda client: client.create(folder))

    async def delete(self, folder: str) -> None:
        await self._use(lambda client: client.delete(folder))

    async def remove(self, uid: int) -> None:
        def expunge(client: imaplib.IMAP4) -> None:
            client.select("INBOX")
            client.uid("STORE", str(uid), "+FLAGS", r"(\Deleted)")
            client.expunge()

        await self._use(expunge)

    async def count(self, criteria: str, folder: str = "INBOX") -> int:
        """Return how many mails of the folder fit, as `UNSEEN` or `ALL`."""

        def search(client: imaplib.IMAP4) -> int:
            client.select(folder, readonly=True)
            _, (numbers,) = client.search(None, criteria)
            return len((numbers or b"").split())

        return await self._use(search)

    async def _use(self, call: Callable[[imaplib.IMAP4], T]) -> T:
        return await asyncio.to_thread(self._in_session, call)

    def _in_session(self, call: Callable[[imaplib.IMAP4], T]) -> T:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=30) as client:
            client.authenticate("PLAIN", lambda _: f"\0{USER}\0{self.password}".encode())
            return call(client)

    def is_up(self) -> bool:
        with contextlib.suppress(OSError), imaplib.IMAP4("127.0.0.1", self.port, timeout=30):
            return True
        return False


@asynccontextmanager
async def mail_server(
    certificate: Path | None = None, password: str = PASSWORD
) -> AsyncIterator[MailServer]:
    """Run a server with one empty mailbox; with a certificate it offers STARTTLS."""
    port = free_port()
    tls = ["--cert", certificate, "--key", certificate] if certificate else ["--no-tls"]
    options: list[Any] = ["--host", "127.0.0.1", "--port", port, *tls, "--no-service", "admin"]
    account = ["dict", "--demo-user", USER, "--demo-password", password]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _RUN, *map(str, options), *account),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    server = MailServer(port, password)
    try:
        await until(lambda: asyncio.to_thread(server.is_up))
        yield server
    finally:
        process.terminate()
        await process.wait()
