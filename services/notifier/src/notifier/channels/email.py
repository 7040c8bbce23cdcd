"""E-mail, over SMTP: text and simple HTML, with the signed link."""

import ssl
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Literal, assert_never

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from markupsafe import Markup

from notifier.domain import notifications, wording
from notifier.domain.delivering import Outcome, Postponed, Refused, Sent, Unknown
from notifier.domain.notifications import Content, Notification
from notifier.domain.recipients import EmailAddress
from notifier.links import Links

Security = Literal["none", "starttls", "tls"]
_PERMANENT = 500


class Email:
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
        self._host = host
        self._port = port
        self._security = security
        self._credentials = credentials
        self._sender = sender
        self._links = links
        self._timeout = timeout.total_seconds()

    async def close(self) -> None:
        """Every message has its own connection, so there is nothing left open."""

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        url = self._links.url(notification.notification_id)
        message = compose(notification, self._sender, url, at)
        use_tls, start_tls = _tls(self._security)
        username, password = self._credentials or (None, None)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=username,
                password=password,
                timeout=self._timeout,
                use_tls=use_tls,
                start_tls=start_tls,
            )
        except (SMTPException, OSError) as error:
            return outcome(error)
        return Sent({"message_id": str(message["Message-ID"])})


def _tls(security: Security) -> tuple[bool, bool]:
    """Return whether TLS begins at once, and whether it begins by STARTTLS."""
    match security:
        case "none":
            return False, False
        case "starttls":
            return False, True
        case "tls":
            return True, False
        case _:
            assert_never(security)


def outcome(error: SMTPException | OSError) -> Outcome:
    match error:
        # Our password, our TLS: an operator mends it, the address is not to blame.
        case SMTPConnectError() | SMTPAuthenticationError() | SMTPNotSupported():
            return Postponed(f"not reached: {error}")
        case ssl.SSLCertVerificationError():
            return Postponed(f"not trusted: {error}")
        case SMTPRecipientsRefused(recipients=refusals):
            return _by_code(max(refusal.code for refusal in refusals), str(error))
        case SMTPResponseException(code=code):
            return _by_code(code, f"{code} {error}")
        case _:
            return Unknown(f"the connection broke: {error!r}")


def _by_code(code: int, detail: str) -> Outcome:
    if code >= _PERMANENT:
        return Refused(f"the mail server refused: {detail}")
    return Postponed(f"the mail server refused for now: {detail}")


def compose(notification: Notification, sender: str, url: str, at: datetime) -> EmailMessage:
    """Write the message. Its Message-ID stays the same, so that a copy can be told from another."""
    content = notification.content
    message = EmailMessage()
    message["From"] = sender
    if isinstance(notification.address, EmailAddress):
        message["To"] = notification.address.address
    message["Subject"] = " ".join(content.headline.split())
    message["Date"] = format_datetime(at)
    domain = parseaddr(sender)[1].partition("@")[2] or "localhost"
    message["Message-ID"] = f"<{notification.notification_id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    button = "Acknowledge" if notifications.offers_answer(notification) else "Open"
    message.set_content(_text(content, button, url, at))
    message.add_alternative(str(_html(content, button, url, at)), subtype="html")
    return message


def _text(content: Content, button: str, url: str, at: datetime) -> str:
    deadline = wording.deadline(content, at)
    lines = (
        content.headline,
        "",
        content.why,
        "",
        " · ".join(wording.circumstances(content)),
        *((deadline,) if deadline else ()),
        "",
        f"{button}: {url}",
        "",
    )
    return "\n".join(lines)


def _html(content: Content, button: str, url: str, at: datetime) -> Markup:
    deadline = wording.deadline(content, at)
    return _PAGE.format(
        headline=content.headline,
        why=content.why,
        circumstances=" · ".join(wording.circumstances(content)),
        deadline=_DEADLINE.format(deadline) if deadline else "",
        url=url,
        button=button,
    )


_DEADLINE = Markup("<p><strong>{}</strong></p>")
_PAGE = Markup("""\
<!doctype html>
<html><body style="font-family: sans-serif; max-width: 36em">
<h2>{headline}</h2>
<p>{why}</p>
<p>{circumstances}</p>
{deadline}
<p><a href="{url}" style="display: inline-block; padding: 0.7em 1.4em; color: #fff;
background: #0b5; border-radius: 0.4em; text-decoration: none">{button}</a></p>
</body></html>
""")
