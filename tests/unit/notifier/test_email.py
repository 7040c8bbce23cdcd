import re
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
from msgspec.structs import replace
from pydantic import ValidationError

from notifier.channels import email
from notifier.domain.delivery import Postponed, Refused, Unknown
from notifier.links import Links
from unit.notifier.examples import (
    ADA,
    AT,
    COMPLAINT,
    EMAIL,
    ESCALATION,
    ID,
    compose_mail,
    notification,
)

LINKS = Links("secret", "https://up.example.com", timedelta(hours=1))
LINK = r"https://up\.example\.com/v1/acknowledgements/[\w.-]+"
SENDER = "Upstairs <upstairs@example.com>"


def test_mail_says_what_why_how_long_and_what_to_press() -> None:
    mail = compose_mail(notification(EMAIL), SENDER, LINKS, AT)
    assert mail["To"] == "dana@example.com"
    assert mail["Subject"] == "Billing chat from “Ada”: first response 2 min overdue"
    assert mail["Message-ID"] == f"<{ID}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == AT
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text
    first, second, *rest = text.get_content().splitlines()
    assert re.fullmatch(f"Acknowledge: {LINK}", first)
    assert re.fullmatch(f"Take over: {LINK}", second)
    assert rest == [
        "",
        "Billing chat from “Ada”: first response 2 min overdue",
        "",
        "Why now: It moved up to your level. No answer from sam.",
        "How long: Answer by 14:12:30 UTC (12 min 30 s left).",
        (
            "What to do: Press Acknowledge to take care of it. "
            "Press Take over to serve the customer yourself."
        ),
        "",
        "No reply within 10 min (policy gold v3).",
        "Subject:",
        "> “Wrong invoice”",
        "Representative: rui",
        "high severity · level manager · high priority · VIP customer · language de",
    ]
    assert html
    assert len(re.findall(f'href="{LINK}"', html.get_content())) == 2
    for part in ("12 min 30 s left", "No answer from sam", "Wrong invoice"):
        assert part in html.get_content()


def test_same_notification_has_the_same_message_id() -> None:
    first = compose_mail(notification(EMAIL), SENDER, LINKS, AT)
    later = compose_mail(notification(EMAIL), SENDER, LINKS, AT + timedelta(minutes=1))
    assert first["Message-ID"] == later["Message-ID"]


def test_customers_words_add_no_header_line_or_element() -> None:
    hostile = "Hi\r\nBcc: all@example.com\r\n\r\n<script>x</script>"
    contact = {**ADA, "customer_name": hostile, "subject": hostile}
    causes = [{**COMPLAINT, "reason": hostile}]
    page = notification(EMAIL, contact=contact, causes=causes, explanation=hostile)
    mail = compose_mail(page, SENDER, LINKS, AT)
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith(
        "Billing chat from “Hi Bcc: all@example.com <script>x</script>”"
    )
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html
    assert "<script>" not in html.get_content()
    assert "“Hi Bcc: all@example.com &lt;script&gt;x&lt;/script&gt;”" in html.get_content()
    assert text
    assert "\nBcc" not in text.get_content()


def test_warning_has_a_link_to_open() -> None:
    mail = compose_mail(notification(EMAIL, "warning", respond_by=None), SENDER, LINKS, AT)
    text = mail.get_body(("plain",))
    assert text
    assert re.match(f"Open: {LINK}", text.get_content())
    assert "How long" not in text.get_content()


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
def test_mail_servers_answer_decides_the_outcome(
    error: SMTPException | OSError, kind: type[object]
) -> None:
    result = email.outcome(error, "dana@example.com")
    assert isinstance(result, kind)


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("Dana.Home@example.com", "dana.home@EXAMPLE.com"),
        ("dana@müller.example.com", "dana@xn--mller-kva.example.com"),
    ],
)
def test_answer_of_the_server_is_shown_without_the_address(address: str, named: str) -> None:
    refusals = [SMTPRecipientRefused(550, f"<{named}> is unknown here", named)]
    result = email.outcome(SMTPRecipientsRefused(refusals), address)
    assert isinstance(result, Refused)
    assert "is unknown here" in result.reason
    assert named not in result.reason


def test_outcome_does_not_name_the_address() -> None:
    refusals = [SMTPRecipientRefused(550, "<dana@example.com>: no such user", "dana@example.com")]
    result = email.outcome(SMTPRecipientsRefused(refusals), "dana@example.com")
    assert isinstance(result, Refused)
    assert "no such user" in result.reason
    assert "dana@" not in result.reason


@pytest.mark.parametrize(
    ("address", "to"),
    [
        ("sara+upstairs@example.com", "sara+upstairs@example.com"),
        ("sara@mail.corp.local", "sara@mail.corp.local"),
        ("sara@münchen.example.com", "sara@xn--mnchen-3ya.example.com"),
        # Only a server with SMTPUTF8 takes it.
        ("jörg@müller.example.com", "jörg@xn--mller-kva.example.com"),
        ("用户@例子.中国", "用户@xn--fsqu00a.xn--fiqs8s"),
    ],
)
def test_address_of_any_script_is_accepted_and_its_domain_sent_in_ascii(
    address: str, to: str
) -> None:
    stored = email.EmailAddress.model_validate({"medium": "email", "address": address}).stored()
    assert compose_mail(notification(stored), SENDER, LINKS, AT)["To"] == to


@pytest.mark.parametrize(
    "address",
    [
        "sara@.example..com",
        "sara@example..com",
        ".sara@example.com",
        "sara",
        "sara@",
        "@example.com",
        "sara@example.com\r\nBcc: all@example.com",
        "Sara <sara@example.com>",
        "sara@exam ple.com",
        f"{'s' * 65}@example.com",
    ],
)
def test_address_that_no_mail_server_takes_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        email.EmailAddress.model_validate({"medium": "email", "address": address})


def test_server_without_smtputf8_refuses_for_good_what_needs_it() -> None:
    error = SMTPNotSupported("SMTPUTF8 is not supported by this server")
    assert isinstance(email.outcome(error, "jörg@example.com"), Refused)
    assert isinstance(email.outcome(error, "sara@müller.example.com"), Postponed)


def test_mails_about_one_escalation_are_one_thread() -> None:
    thread = f"<escalation-{ESCALATION}@example.com>"
    for reason in ("raised", "repeated", "updated"):
        mail = compose_mail(notification(EMAIL, reason), SENDER, LINKS, AT)
        assert (mail["In-Reply-To"], mail["References"]) == (thread, thread)
    about_no_escalation = compose_mail(notification(EMAIL, "warning"), SENDER, LINKS, AT)
    assert about_no_escalation["References"] is None


@pytest.mark.parametrize(
    ("zone", "deadline"),
    [
        ("UTC", "14:12:30 UTC"),
        ("Europe/Berlin", "15:12:30 CET"),
        ("Asia/Dubai", "18:12:30 UTC+04"),
        ("America/New_York", "09:12:30 EST"),
    ],
)
def test_times_are_in_the_readers_zone(zone: str, deadline: str) -> None:
    page = replace(notification(EMAIL), time_zone=zone)
    mail = compose_mail(page, SENDER, LINKS, AT)
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part
        assert f"Answer by {deadline} (12 min 30 s left)." in part.get_content()
