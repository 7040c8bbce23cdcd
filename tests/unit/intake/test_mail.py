"""Mails as SendGrid and Mailgun post them, and as they travel."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.http.webhooks import BadSignatureError, StaleRequestError
from intake.channels.base import (
    ChannelEvent,
    CustomerMessageAdded,
    ExternalFile,
    FileAdded,
    MalformedBodyError,
    RepresentativeMessageAdded,
    WebhookRequest,
)
from intake.channels.mail import MailOptions, mail_events, read_raw_mail
from intake.channels.mailgun import Mailgun
from intake.channels.sendgrid import SendGrid
from intake.domain.model import ChannelConnection
from integration.intake.channel_samples import make_form

SECRET = "a-secret-of-a-test-7f3c"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OPTIONS = MailOptions(own_addresses=("@example.com",))
FORM = "application/x-www-form-urlencoded"


def read(raw: bytes) -> ChannelEvent:
    return mail_events(read_raw_mail(raw), OPTIONS, "e-1", None)[0]


def mail(*lines: str, sender: str = "Ada <ada@example.org>", body: str = "Hello") -> bytes:
    head = [f"From: {sender}", "To: Support <support@example.com>", *lines]
    return ("\r\n".join(head) + f"\r\n\r\n{body}\r\n").encode("latin-1")


def test_customer_is_who_wrote_it() -> None:
    event = read(mail("Message-ID: <a-1@x>", "Subject: =?utf-8?q?Kalte_Heizk=C3=B6rper?="))
    assert isinstance(event, CustomerMessageAdded)
    contact = event.contact
    assert (contact.channel, contact.ref, contact.subject) == (
        "email",
        "<a-1@x>",
        "Kalte Heizkörper",
    )
    assert (contact.customer.customer_id, contact.customer.name) == ("ada@example.org", "Ada")
    assert (event.text.strip(), event.message_ref) == ("Hello", "<a-1@x>")


@pytest.mark.parametrize(
    "lines",
    [
        ("References: <a-1@x>\r\n <b-2@y>", "In-Reply-To: <b-2@y>"),
        ("In-Reply-To: <a-1@x>",),
        ("References: junk <a-1@x>",),
    ],
)
def test_reply_belongs_to_the_thread_that_it_names(lines: tuple[str, ...]) -> None:
    assert read(mail("Message-ID: <c-3@x>", *lines)).contact.ref == "<a-1@x>"


def test_mail_without_message_id_is_the_same_mail_each_time() -> None:
    assert read(mail()).contact.ref == read(mail()).contact.ref
    assert read(mail()).contact.ref != read(mail(body="Other")).contact.ref


def test_mail_of_an_own_address_is_a_reply_to_the_customer() -> None:
    raw = b"From: Rita <rita@EXAMPLE.com>\r\nTo: Ada <ada@example.org>\r\n\r\nHi\r\n"
    event = read(raw)
    assert isinstance(event, RepresentativeMessageAdded)
    assert event.contact.customer[:4] == ("ada@example.org", None, None, None)
    assert event.account == "rita@EXAMPLE.com"


@pytest.mark.parametrize(
    "lines",
    [
        ("Auto-Submitted: auto-replied",),
        ("Precedence: bulk", "X-Autoreply: yes"),
        ('Content-Type: multipart/report; boundary="b"',),
    ],
)
def test_machine_that_begins_a_thread_asks_for_nothing(lines: tuple[str, ...]) -> None:
    event = read(mail(*lines))
    assert isinstance(event, CustomerMessageAdded)
    assert (event.automatic, event.contact.state) == (True, "resolved")


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("us-ascii", "M\xf6chte", "Möchte"),
        ("utf-8", "M\xf6chte", "Möchte"),
        ("x-unknown", "M\xf6chte", "Möchte"),
        ("iso-8859-1", "M\xf6chte", "Möchte"),
    ],
)
def test_charset_that_is_not_true_loses_no_letter(charset: str, body: str, text: str) -> None:
    raw = mail(
        f"Content-Type: text/plain; charset={charset}", "Content-Transfer-Encoding: 8bit", body=body
    )
    event = read(raw)
    assert isinstance(event, CustomerMessageAdded)
    assert event.text.strip() == text


def test_page_is_read_as_its_words() -> None:
    page = "<head><style>p {}</style></head><p>Hello &amp; <b>good</b></p><script>x</script>bye"
    event = read(mail("Content-Type: text/html", body=page))
    assert isinstance(event, CustomerMessageAdded)
    assert event.text == "Hello & good\nbye"


def test_mail_without_sender_is_malformed() -> None:
    with pytest.raises(MalformedBodyError):
        read(b"Subject: x\r\n\r\nHello")


@given(st.binary(max_size=400))
def test_any_bytes_are_a_mail_or_malformed(noise: bytes) -> None:
    for raw in (noise, b"From: a@b.example\r\n" + noise, mail() + noise):
        try:
            event = read(raw)
        except MalformedBodyError:
            continue
        assert "\x00" not in event.contact.subject


def parse(post: dict[str, str], **options: Any) -> ChannelEvent:
    connection = ChannelConnection("acme", "sendgrid", SECRET, options)
    request = WebhookRequest({"content-type": FORM}, urlencode(post).encode())
    (event,) = SendGrid().parse(connection, request)
    return event


def test_post_of_sendgrid_names_its_fields_charsets() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="from"\r\n\r\nada@example.org\r\n'
        b'--b\r\nContent-Disposition: form-data; name="charsets"\r\n\r\n{"text":"iso-8859-1"}\r\n'
        b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nM\xf6chte\r\n'
        b'--b\r\nContent-Disposition: form-data; name="attachment1"; filename="a.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n%PDF\x00\xff\r\n--b--\r\n"
    )
    request = WebhookRequest({"content-type": "multipart/form-data; boundary=b"}, body)
    event, file = SendGrid().parse(ChannelConnection("acme", "sendgrid", SECRET, {}), request)
    assert isinstance(event, CustomerMessageAdded)
    assert event.text == "Möchte"
    assert isinstance(file, FileAdded)
    assert file.message_ref == event.message_ref
    assert file.file == ExternalFile("0", "a.pdf", None, "application/pdf", 6)


@pytest.mark.parametrize("cut", [4, 20, 120, 300])
def test_form_that_is_cut_off_is_malformed(cut: int) -> None:
    body = make_form({"from": "ada@example.org", "text": "Hello", "subject": "x" * 200})[:-cut]
    request = WebhookRequest({"content-type": "multipart/form-data; boundary=xYz"}, body)
    with pytest.raises(MalformedBodyError):
        SendGrid().parse(ChannelConnection("acme", "sendgrid", SECRET, {}), request)


def test_file_in_a_raw_mail_is_a_reference_with_its_size() -> None:
    content = base64.b64encode(b"%PDF" * 1000).decode()
    raw = mail(
        "Message-ID: <a-1@x>",
        'Content-Type: application/pdf; name="a.pdf"',
        "Content-Disposition: attachment; filename=a.pdf",
        "Content-Transfer-Encoding: base64",
        body=content,
    )
    _, file = mail_events(read_raw_mail(raw), OPTIONS, "e-1", None)
    assert isinstance(file, FileAdded)
    assert file.file == ExternalFile("0", "a.pdf", None, "application/pdf", 4000)


def test_raw_post_of_sendgrid_is_read_as_the_mail_in_it() -> None:
    event = parse({"email": mail("Message-ID: <a-1@x>").decode(), "from": "other@example.org"})
    assert event.contact.customer.customer_id == "ada@example.org"


def test_mail_of_a_bot_is_automatic_however_its_address_is_written() -> None:
    event = parse({"from": "Robot@Acme.example", "text": "Done"}, bots=["robot@ACME.example "])
    assert isinstance(event, CustomerMessageAdded)
    assert event.automatic is True


def mailgun_request(
    post: Mapping[str, str] = MappingProxyType({}),
    *,
    secret: str = SECRET,
    age: timedelta = timedelta(0),
) -> WebhookRequest:
    timestamp, token = str(int((NOW - age).timestamp())), "t-81"
    signature = hmac.new(secret.encode(), f"{timestamp}{token}".encode(), hashlib.sha256)
    fields = {
        "timestamp": timestamp,
        "token": token,
        "signature": signature.hexdigest(),
        "from": "Ada <ada@example.org>",
        "recipient": "support@example.com",
        "body-plain": "Hello",
        "message-headers": json.dumps([["Message-Id", "<c-3@x>"], ["References", "<a-1@x>"]]),
        **post,
    }
    return WebhookRequest({"content-type": FORM}, urlencode(fields).encode())


def verify(request: WebhookRequest) -> None:
    connection = ChannelConnection("acme", "mailgun", f"a-newer-key,{SECRET}", {})
    Mailgun().verify(connection, request, NOW)


def test_post_of_mailgun_with_its_signature_is_accepted() -> None:
    verify(mailgun_request())
    (event,) = Mailgun().parse(ChannelConnection("a", "mailgun", SECRET, {}), mailgun_request())
    assert (event.contact.ref, event.event_id) == ("<a-1@x>", "token/t-81")


@pytest.mark.parametrize(
    "post",
    [{"signature": ""}, {"token": "t-82"}, {"timestamp": "1"}, {"timestamp": "", "token": ""}],
)
def test_post_of_mailgun_with_another_signature_is_refused(post: dict[str, str]) -> None:
    with pytest.raises(BadSignatureError):
        verify(mailgun_request(post))
    with pytest.raises(BadSignatureError):
        verify(mailgun_request(secret="a-guess"))


def test_border_of_timestamp_and_token_can_not_be_moved() -> None:
    """`17959` and `1t` sign the same as `179591` and `t`."""
    timestamp = str(int(NOW.timestamp()))
    moved = {"timestamp": timestamp[:-1], "token": f"{timestamp[-1]}t-81"}
    with pytest.raises((BadSignatureError, StaleRequestError)):
        verify(mailgun_request(moved))


def test_post_of_mailgun_of_another_day_is_refused() -> None:
    with pytest.raises(StaleRequestError):
        verify(mailgun_request(age=timedelta(days=1)))
