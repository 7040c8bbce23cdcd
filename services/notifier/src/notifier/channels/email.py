"""E-mail over SMTP: plain text and simple HTML, with signed links."""

import re
import ssl
from binascii import b2a_qp
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.base64mime import header_encode
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import Compat32
from email.utils import format_datetime, formataddr, parseaddr
from functools import cache, partial
from typing import Literal, Self, assert_never

from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from common.core.mailboxes import ascii_mailbox
from common.http.contact_methods import EmailMethod
from notifier import rendering
from notifier.channels.base import Channel, ChannelAddress
from notifier.channels.message_links import Link, links_of, storm_link
from notifier.channels.smtp_sessions import SmtpSession, SmtpSessions
from notifier.domain.delivery import Outcome, Postponed, Refused, Sent, Unknown
from notifier.domain.mail_stops import stoppable
from notifier.domain.notifications import Notification
from notifier.links import Links
from notifier.message_templates.library import MessageText
from notifier.settings import Settings

Security = Literal["none", "starttls", "tls"]
_PERMANENT = 500
# Of UTF-8 in an encoded word, so that a line has at most 76 characters.
_MAX_WORD_BYTES = 39


class _ShortHeaders(Compat32):
    """Writes headers as they are: ours are short and ASCII, or encoded already."""

    def fold_binary(self, name: str, value: str) -> bytes:
        # Surrogates are bytes that stay as they are.
        return f"{name}: {value}\n".encode("ascii", "surrogateescape")


# Its fields are in common, since the API of router takes them too.
class EmailAddress(EmailMethod, ChannelAddress): ...


class Email(Channel):
    medium = "email"
    address = EmailAddress

    def __init__(
        self,
        host: str,
        port: int,
        security: Security,
        credentials: tuple[str, str] | None,
        sender: str,
        links: Links,
        timeout: timedelta,
    ) -> None:
        use_tls, start_tls = _tls(security)
        username, password = credentials or (None, None)
        make_session = partial(
            SmtpSession,
            hostname=host,
            port=port,
            username=username,
            password=password,
            timeout=timeout.total_seconds(),
            use_tls=use_tls,
            start_tls=start_tls,
        )
        self._sessions = SmtpSessions(make_session)
        self._sender = sender
        self._links = links

    @classmethod
    def from_settings(cls, settings: Settings, links: Links) -> Self:
        password = settings.smtp_password.get_secret_value()
        return cls(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_tls,
            credentials=(settings.smtp_user, password) if settings.smtp_user else None,
            sender=settings.mail_from,
            links=links,
            timeout=timedelta(seconds=settings.delivery_timeout_seconds),
        )

    async def close(self) -> None:
        await self._sessions.close()

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        custom = self.templates.text_of(
            notification, notification.local(at), has_console=self._links.has_console
        )
        message = compose(notification, self._sender, self._links, at, custom)
        _, sender = _parse_sender(self._sender)
        try:
            await self._sessions.send(sender, _mailbox(notification), message.as_bytes())
        except (SMTPException, OSError) as error:
            return outcome(error, EmailAddress.read(notification.address).address)
        return Sent({"message_id": message["Message-ID"]})


def _tls(security: Security) -> tuple[bool, bool]:
    """Return whether TLS begins at once, and whether STARTTLS begins it."""
    match security:
        case "none":
            return False, False
        case "starttls":
            return False, True
        case "tls":
            return True, False
        case _:
            assert_never(security)


def outcome(error: SMTPException | OSError, address: str) -> Outcome:
    """Read an error. More people may read what it says than the address that it names."""
    result = _outcome(error)
    if isinstance(error, SMTPNotSupported) and not address.rpartition("@")[0].isascii():
        result = Refused(f"the mail server takes only addresses in ASCII: {error}")
    if isinstance(result, Sent):
        return result
    return replace(result, reason=_without(address, result.reason))


def _without(address: str, text: str) -> str:
    """Servers name the address as it was sent to them, or in small letters."""
    forms = "|".join(map(re.escape, {address, ascii_mailbox(address)}))
    return re.sub(forms, "the address", text, flags=re.IGNORECASE)


def _outcome(error: SMTPException | OSError) -> Outcome:
    match error:
        # Our password or our TLS is wrong: an operator can fix it, and the address may be right.
        case SMTPConnectError() | SMTPAuthenticationError() | SMTPNotSupported():
            return Postponed(f"not reached: {error}")
        case ssl.SSLCertVerificationError():
            return Postponed(f"not trusted: {error}")
        case SMTPRecipientsRefused(recipients=refusals):
            # A mailbox that is full or greylisted says nothing about the server.
            return _by_code(max(refusal.code for refusal in refusals), str(error), works=True)
        case SMTPResponseException(code=code):
            return _by_code(code, f"{code} {error}")
        case _:
            return Unknown(f"the connection broke: {error!r}")


def _by_code(code: int, detail: str, *, works: bool = False) -> Outcome:
    if code >= _PERMANENT:
        return Refused(f"the mail server refused: {detail}")
    return Postponed(f"the mail server refused for now: {detail}", works=works)


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page in a summary."""

    words: rendering.Words
    links: tuple[Link, ...]


def compose(
    notification: Notification,
    sender: str,
    links: Links,
    at: datetime,
    custom: MessageText | None = None,
) -> Message:
    """Write the message. Its Message-ID is always the same, so that copies can be recognized.

    `custom`: what a template that is set writes; the links stand before it all the same.
    `EmailMessage` would parse each header, which takes longer than all the rest.
    """
    at = notification.local(at)
    language = notification.language
    words = rendering.words(
        notification.content, at, has_console=links.has_console, language=language
    )
    pages = _listed_pages(notification, links, at)
    stop_url = _stop_url(notification, links)
    values = {
        "words": words,
        "links": _links(notification, links),
        "held_pages": pages,
        "stop_url": stop_url,
    }
    layout = "page" if custom is None else "custom"
    if custom is not None:
        values["lines"] = tuple(map(rendering.Line, custom.body.splitlines()))
    # No line of a part that is quoted-printable begins with it.
    boundary = f"=_{notification.notification_id}"
    message = MIMEMultipart("alternative", boundary=boundary, policy=_ShortHeaders())
    own_mailbox = _parse_sender(sender)
    message["From"] = formataddr(own_mailbox)
    # Only a server with SMTPUTF8 gets other letters than ASCII.
    message["To"] = _mailbox(notification).encode().decode("ascii", "surrogateescape")
    message["Subject"] = _encoded_words(custom.title if custom else words.headline)
    message["Date"] = format_datetime(at)
    domain = own_mailbox[1].partition("@")[2] or "localhost"
    message["Message-ID"] = f"<{notification.notification_id}@{domain}>"
    if notification.escalation_id is not None:
        # A message that does not exist: mail programs show all that answer it as one thread.
        thread = f"<escalation-{notification.escalation_id}@{domain}>"
        message["In-Reply-To"] = message["References"] = thread
    if stop_url is not None:
        # One click of the mail program (RFC 8058); the link in the text asks first.
        message["List-Unsubscribe"] = f"<{stop_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    message.attach(
        _part("plain", rendering.text(f"email/{layout}.txt.j2", language=language, **values))
    )
    message.attach(
        _part("html", rendering.text(f"email/{layout}.html.j2", language=language, **values))
    )
    return message


def _encoded_words(text: str) -> str:
    """Write it as RFC 2047 says, a line for each word; `Header` takes ten times as long."""
    chunks = [""]
    size = 0
    for character in text:
        length = len(character.encode())
        if size + length > _MAX_WORD_BYTES:
            chunks.append("")
            size = 0
        chunks[-1] += character
        size += length
    return "\n ".join(header_encode(chunk, "utf-8") for chunk in chunks)


# There is one sender; to parse it takes longer than to write a header.
_parse_sender = cache(parseaddr)


def _mailbox(notification: Notification) -> str:
    return ascii_mailbox(EmailAddress.read(notification.address).address)


def _part(subtype: str, text: str) -> Message:
    part = MIMENonMultipart("text", subtype, charset="utf-8", policy=_ShortHeaders())
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(b2a_qp(f"{text}\n".encode()).decode())
    return part


def _stop_url(notification: Notification, links: Links) -> str | None:
    """Return the link that stops mails of this kind, for what is not urgent."""
    kind = stoppable(notification)
    if kind is None:
        return None
    return links.mail_stop_url(notification.person_id, kind, notification.link_epoch)


def _links(notification: Notification, links: Links) -> tuple[Link, ...]:
    """Return the message's own links; those of a summary are listed before all its words."""
    match notification.kind:
        case "summary":
            pages = notification.content.summary.pages if notification.content.summary else ()
            storm = storm_link(notification, links)
            numbered = (
                Link(f"{number}. {link.label}", link.url)
                for number, page in enumerate(pages, 1)
                for link in links_of(page, notification.link_epoch, links, notification.language)
            )
            return (*([storm] if storm else ()), *numbered)
        case "page":
            return links_of(notification, notification.link_epoch, links, notification.language)
        case _:
            return ()


def _listed_pages(notification: Notification, links: Links, at: datetime) -> tuple[ListedPage, ...]:
    summary = notification.content.summary
    return tuple(
        ListedPage(
            rendering.words(page.content, at, language=notification.language),
            links_of(page, notification.link_epoch, links, notification.language),
        )
        for page in (summary.pages if summary else ())
    )
