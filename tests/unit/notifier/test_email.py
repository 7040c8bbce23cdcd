import ssl
from datetime import timedelta

import pytest
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPNotSupported,
    SMTPReadTimeoutError,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from notifier.channels import email
from notifier.domain.delivering import Postponed, Refused, Unknown
from unit.notifier.examples import AT, EMAIL, ID, notification

URL = "https://up.example.com/v1/acknowledgements/" + "x" * 120
SENDER = "Upstairs <upstairs@example.com>"


def test_a_mail_says_what_why_how_long_and_what_to_press() -> None:
    mail = email.compose(notification(EMAIL), SENDER, URL, AT)
    assert mail["To"] == "dana@example.com"
    assert mail["Subject"] == "Billing chat from Ada: first response 2 min overdue"
    assert mail["Message-ID"] == f"<{ID}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == AT
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text
    assert text.get_content() == (
        "Billing chat from Ada: first response 2 min overdue\n\n"
        "No reply within 10 min. Representative: rui.\n\n"
        "Nobody below you took it · high severity · level manager\n"
        "Answer until 14:12:30 UTC (12 min left).\n\n"
        f"Acknowledge: {URL}\n"
    )
    assert html
    assert f'href="{URL}"' in html.get_content()


def test_the_same_notification_has_the_same_message_id() -> None:
    first = email.compose(notification(EMAIL), SENDER, URL, AT)
    later = email.compose(notification(EMAIL), SENDER, URL, AT + timedelta(minutes=1))
    assert first["Message-ID"] == later["Message-ID"]


def test_customers_words_stay_words() -> None:
    mail = email.compose(
        notification(EMAIL, headline="Hi\r\nBcc: all@example.com", why="<script>"), SENDER, URL, AT
    )
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hi Bcc: all@example.com"
    html = mail.get_body(("html",))
    assert html
    assert "<script>" not in html.get_content()


def test_a_warning_has_a_link_to_open() -> None:
    mail = email.compose(notification(EMAIL, escalation_id=None, respond_by=None), SENDER, URL, AT)
    text = mail.get_body(("plain",))
    assert text
    assert f"Open: {URL}" in text.get_content()
    assert "Answer until" not in text.get_content()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SMTPConnectError("refused"), Postponed),
        (SMTPAuthenticationError(535, "bad password"), Postponed),
        (SMTPNotSupported("STARTTLS"), Postponed),
        (ssl.SSLCertVerificationError("self-signed"), Postponed),
        (SMTPResponseException(451, "try later"), Postponed),
        (SMTPResponseException(554, "spam"), Refused),
        (SMTPRecipientsRefused([SMTPRecipientRefused(550, "no such user", "d@x")]), Refused),
        (SMTPRecipientsRefused([SMTPRecipientRefused(450, "greylisted", "d@x")]), Postponed),
        (SMTPServerDisconnected("gone"), Unknown),
        (SMTPReadTimeoutError("silence"), Unknown),
        (ConnectionResetError("reset"), Unknown),
    ],
)
def test_what_the_mail_server_says(error: SMTPException | OSError, kind: type[object]) -> None:
    assert isinstance(email.outcome(error), kind)
