"""An IMAP client in bounded time and memory, whatever the server sends.

Python's `imaplib` speaks the protocol; here are the parts of it that a program may replace: how it
connects, reads and writes (ADR 0083).
"""

import imaplib
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from common.core.clock import monotonic
from common.core.networks import Network, is_listed, is_public, read_address
from intake.mailboxes.errors import InwardAddressError, MailboxError

_CONNECT_TIMEOUT_S: Final = 10.0
# Without a byte of the server.
_SILENCE_S: Final = 30.0
_RECEIVED_AT_ONCE: Final = 64 * 1024
# The numbers of a million mails.
_MAX_LINE_BYTES: Final = 8 * 1024 * 1024
# Of what a server sends for one command besides the mail that was asked for.
_MAX_OVERHEAD_BYTES: Final = 16 * 1024 * 1024


def connect(
    host: str, port: int, networks: Sequence[Network], deadline: float, *, encrypted: bool
) -> socket.socket:
    """Connect to the host, unless any of its addresses is one that may not be called.

    The addresses are looked up once, so that a later look can't give another. However many there
    are, `deadline` ends it, by `monotonic`. Raises MailboxError or OSError.
    """
    places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [read_address(str(each[4][0])) for each in places]
    listed = [is_listed(address, networks) for address in addresses]
    if not all(own or is_public(each) for own, each in zip(listed, addresses, strict=True)):
        raise InwardAddressError
    if not encrypted and not all(listed):
        raise MailboxError("Without TLS only servers in UPSTAIRS_MAILBOX_NETWORKS are read.")
    failure: OSError | None = None
    for family, kind, protocol, _, address in places:
        patience = _patience(_CONNECT_TIMEOUT_S, deadline)
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(patience)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure or OSError("the host has no address")


class BoundedClient(imaplib.IMAP4):
    """Takes an open connection; `deadline` ends the session, by `monotonic`."""

    def __init__(self, connection: socket.socket, host: str, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._buffer = bytearray()
        self._buffered_from: socket.socket | None = None
        self._budget = 0
        self.expect(0)
        super().__init__(host)

    def expect(self, size: int) -> None:
        """Allow the next commands answers of this size, and what belongs to them."""
        self._budget = size + _MAX_OVERHEAD_BYTES

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        del timeout
        self.host, self.port, self.sock = host, port, self._connection

    def read(self, size: int) -> bytes:
        if size > self._budget:
            raise self.error("the server sends more than it was asked for")
        while len(self._buffered) < size:
            self._receive()
        return self._take(size)

    def readline(self) -> bytes:
        searched = 0
        while (end := self._buffered.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > _MAX_LINE_BYTES:
                raise self.error("the server sends a line without an end")
            self._receive()
        return self._take(end + 1)

    def send(self, data: Any) -> None:
        self.sock.settimeout(_patience(_SILENCE_S, self._deadline))
        self.sock.sendall(data)

    def shutdown(self) -> None:
        self.abort_connection()
        self.sock.close()

    def abort_connection(self) -> None:
        """End what another thread waits for."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    @property
    def _buffered(self) -> bytearray:
        """What was received and not read; what came before TLS does not count after it."""
        if self._buffered_from is not self.sock:
            self._buffer.clear()
            self._buffered_from = self.sock
        return self._buffer

    def _take(self, size: int) -> bytes:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _receive(self) -> None:
        self.sock.settimeout(_patience(_SILENCE_S, self._deadline))
        data = self.sock.recv(_RECEIVED_AT_ONCE)
        if not data:
            raise self.abort("the server closed the connection")
        self._budget -= len(data)
        if self._budget < 0:
            raise self.error("the server sends more than it was asked for")
        self._buffer += data


def encrypt(
    connection: socket.socket, host: str, context: ssl.SSLContext, deadline: float
) -> ssl.SSLSocket:
    connection.settimeout(_patience(_SILENCE_S, deadline))
    return context.wrap_socket(connection, server_hostname=host)


def _patience(seconds: float, deadline: float) -> float:
    """Return how long to wait for the server; raises TimeoutError behind the deadline."""
    remaining = deadline - monotonic()
    if remaining <= 0:
        raise TimeoutError("the session took too long")
    return min(seconds, remaining)
