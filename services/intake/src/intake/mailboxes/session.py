"""One session with a mailbox: its calls wait for the server, so they belong into a thread."""

import base64
import imaplib
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from common.core.clock import monotonic
from common.core.networks import Network
from common.core.text import is_visible, one_line
from intake.channels.imap import ImapOptions
from intake.domain.mailboxes import Folder
from intake.mailboxes.client import BoundedClient, connect, encrypt
from intake.mailboxes.errors import MailboxError, TokenRefusedError

_SESSION_S: Final = 300.0
_MAX_REASON: Final = 300
_HEAD_BYTES: Final = 64 * 1024
_NUMBER: Final = re.compile(rb"\d{1,10}")
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d{1,18})")
_RECEIVED: Final = re.compile(rb'INTERNALDATE "([^"]{1,40})"')
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
# What imaplib and ssl raise for whatever a server sends.
_FAILURES: Final = (
    imaplib.IMAP4.error,
    OSError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the server says of a mail before it is fetched: it may be wrong."""

    size: int
    received_at: datetime | None


class MailboxSession:
    """Every call raises MailboxError, with a reason for people and without a password.

    The second password counts if the first is refused, while it is changed. With an access token,
    passwords do not count, and TokenRefusedError says that another one is needed.
    """

    def __init__(
        self,
        options: ImapOptions,
        passwords: tuple[str, ...],
        context: ssl.SSLContext,
        networks: Sequence[Network],
        *,
        token: str | None = None,
        session_s: float = _SESSION_S,
    ) -> None:
        self._options = options
        self._passwords = passwords
        self._token = token
        self._context = context
        self._networks = networks
        self._session_s = session_s
        self._client: BoundedClient | None = None
        self._capabilities: frozenset[bytes] = frozenset()

    def open(self) -> Folder:
        """Connect, log in and open the folder."""
        with self._explain():
            self._client = client = self._connect()
            self._log_in(client)
            self._require(
                client.select(
                    _quoted(self._options.folder), readonly=self._options.after == "leave"
                ),
                "the folder can't be opened",
            )
            validity = self._number("UIDVALIDITY")
            if validity is None:
                raise MailboxError("the server does not number the mails of this folder")
            return Folder(validity, self._number("UIDNEXT"))

    def search(self, criteria: str) -> list[int]:
        """Return the numbers of mails, as the server says."""
        lines = self._call("SEARCH", criteria)
        return [int(number) for line in lines if line for number in _NUMBER.findall(line)]

    def search_behind(self, uid: int) -> list[int]:
        return self.search(f"UID {uid + 1}:*")

    def search_since(self, day: date) -> list[int]:
        return self.search(f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}")

    def describe(self, uid: int) -> Envelope | None:
        """Return None if the mail is gone."""
        answer = b" ".join(_flat(self._call("FETCH", str(uid), "(UID RFC822.SIZE INTERNALDATE)")))
        size = _SIZE.search(answer)
        if size is None:
            return None
        received = _RECEIVED.search(answer)
        return Envelope(int(size[1]), _read_date(received[1]) if received else None)

    def fetch(self, uid: int, max_bytes: int) -> bytes | None:
        """Return the first bytes of the mail, at most one more than `max_bytes`; None if gone."""
        return self._fetch_part(uid, "", max_bytes + 1)

    def fetch_head(self, uid: int) -> bytes:
        return self._fetch_part(uid, "HEADER", _HEAD_BYTES) or b""

    def mark(self, uid: int) -> None:
        """Do with a stored mail what the options say."""
        match self._options.after:
            case "seen":
                self._call("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)")
            case "move":
                self._move(uid, _quoted(self._options.move_to or ""))
            case "leave":
                pass

    def close(self) -> None:
        if self._client is not None:
            with suppress(*_FAILURES):
                self._client.logout()
            with suppress(OSError):
                self._client.shutdown()

    def abort(self) -> None:
        """End what another thread waits for."""
        if self._client is not None:
            self._client.abort_connection()

    def _connect(self) -> BoundedClient:
        options, deadline = self._options, monotonic() + self._session_s
        encrypted = options.tls != "none"
        connection: socket.socket = connect(
            options.host, options.port, self._networks, deadline, encrypted=encrypted
        )
        try:
            if options.tls == "implicit":
                connection = encrypt(connection, options.host, self._context, deadline)
            client = BoundedClient(connection, options.host, deadline)
            if options.tls == "starttls":
                client.starttls(self._context)
        except BaseException:
            connection.close()
            raise
        return client

    def _log_in(self, client: BoundedClient) -> None:
        if self._token is not None:
            self._use_token(client, self._token)
        else:
            self._use_password(client)
        # Servers tell more to those whom they know.
        listed = b" ".join(_flat(self._require(client.capability(), "CAPABILITY is refused")))
        self._capabilities = frozenset(listed.upper().split())

    def _use_token(self, client: BoundedClient, token: str) -> None:
        # The server tells why it refuses it in a challenge, and then waits for an empty answer.
        answers = iter((_token_form(self._options.user, token).encode(), b""))
        try:
            client.authenticate("XOAUTH2", lambda _: next(answers, b""))
        except client.abort:
            raise
        except client.error as error:
            raise TokenRefusedError(
                self._reason(f"the access token is refused: {_text(error)}")
            ) from None

    def _use_password(self, client: BoundedClient) -> None:
        refusals: list[str] = []
        for password in self._passwords:
            refusal = self._try_password(client, password)
            if refusal is None:
                return
            refusals.append(refusal)
        raise MailboxError(refusals[0] if refusals else "there is no password")

    def _try_password(self, client: BoundedClient, password: str) -> str | None:
        """Return why the server refuses it; None if it does not."""
        user = self._options.user
        if not is_visible(password):
            return "the password has a line break or a control character"
        try:
            if "AUTH=PLAIN" in client.capabilities:
                client.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
            else:
                client.login(user, password)
        except client.abort:
            raise
        except client.error as error:
            return self._reason(f"the login is refused: {_text(error)}")
        return None

    def _fetch_part(self, uid: int, part: str, max_bytes: int) -> bytes | None:
        self._opened.expect(max_bytes)
        answer = self._call("FETCH", str(uid), f"(UID BODY.PEEK[{part}]<0.{max_bytes}>)")
        for item in answer:
            if isinstance(item, tuple) and b"BODY[" in item[0]:
                return bytes(item[1])
        # An empty mail may come as a quoted text.
        return b"" if any(b"BODY[" in each for each in _flat(answer)) else None

    def _move(self, uid: int, folder: str) -> None:
        if b"MOVE" in self._capabilities:
            self._call("MOVE", str(uid), folder)
            return
        self._call("COPY", str(uid), folder)
        self._call("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)")
        # Without UIDPLUS it would remove what people have deleted as well.
        if b"UIDPLUS" in self._capabilities:
            self._call("EXPUNGE", str(uid))

    @property
    def _opened(self) -> BoundedClient:
        if self._client is None:
            raise MailboxError("the mailbox is not open")
        return self._client

    def _call(self, command: str, *arguments: str) -> Sequence[Any]:
        with self._explain():
            answer = self._opened.uid(command, *arguments)
            return self._require(answer, f"{command} is refused")

    def _number(self, name: str) -> int | None:
        _, data = self._opened.response(name)
        number = _NUMBER.fullmatch(data[-1] or b"") if data else None
        return int(number[0]) if number else None

    def _require(self, answer: tuple[str, Sequence[Any]], failure: str) -> Sequence[Any]:
        status, data = answer
        if status != "OK":
            text = b" ".join(_flat(data)).decode("utf-8", "replace")
            raise MailboxError(self._reason(f"{failure}: {text}"))
        return data

    @contextmanager
    def _explain(self) -> Iterator[None]:
        try:
            yield
        except MailboxError:
            raise
        except TimeoutError as error:
            raise MailboxError("the server did not answer in time") from error
        except _FAILURES as error:
            # Without the cause: its text may quote what was sent.
            raise MailboxError(self._reason(_text(error))) from None

    def _reason(self, text: str) -> str:
        user = self._options.user
        secrets = [form for each in self._passwords for form in _written_forms(user, each)]
        if self._token is not None:
            sent = _token_form(user, self._token)
            secrets += [base64.b64encode(sent.encode()).decode(), self._token]
        for secret in secrets:
            text = text.replace(secret, "…")
        return one_line(text[:_MAX_REASON])


def _written_forms(user: str, password: str) -> tuple[str, ...]:
    """Return the password as it may have been sent, the longest first."""
    quoted = password.replace("\\", "\\\\").replace('"', '\\"')
    plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    return plain, quoted, password


def _token_form(user: str, token: str) -> str:
    """Write the initial response of XOAUTH2."""
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


def _flat(data: Sequence[Any]) -> Iterator[bytes]:
    for item in data:
        if isinstance(item, tuple):
            yield from item
        elif item:
            yield item


def _text(error: Exception) -> str:
    """Return what an error says; imaplib's may hold the server's bytes."""
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
    return text or type(error).__name__


def _quoted(folder: str) -> str:
    """Write a folder's name as IMAP does: modified UTF-7 (RFC 3501), quoted."""
    encoded = re.sub("[^\x20-\x7e]+|&", _encode_run, folder)
    escaped = encoded.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encode_run(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    encoded = base64.b64encode(match[0].encode("utf-16-be", "replace")).decode()
    return "&" + encoded.rstrip("=").replace("/", ",") + "-"


def _read_date(text: bytes) -> datetime | None:
    try:
        written = text.decode("ascii").strip()
        return datetime.strptime(written, "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
