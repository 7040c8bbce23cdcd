"""Anybody may send a mail: none takes long to read, and none is an error of ours."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import pytest

from common.core.clock import TimeSource, monotonic
from common.http.webhooks import BadSignatureError
from intake.channels.base import MalformedBodyError, WebhookRequest
from intake.channels.mail import MailOptions, html_text, mail_events, read_raw_mail
from intake.channels.mailgun import Mailgun
from intake.channels.sendgrid import SendGrid
from intake.domain.model import ChannelConnection

# What a request may have. Without limits each of these takes from ten seconds to half an hour.
_BYTES: Final = 240_000
# Generous: the runner may be busy.
_LIMIT_S: Final = 5
_FROM: Final = b"From: Ada <ada@example.org>\n"
_MULTIPART: Final = _FROM + b"Content-Type: multipart/mixed; boundary=x\n\n"
MAILS: Final[Mapping[str, bytes]] = {
    "addresses": _FROM + b"To: " + b"," * _BYTES + b"\n\nHi",
    "words of an address": _FROM + b"To: " + b"a." * (_BYTES // 2) + b"\n\nHi",
    "comments": _FROM + b"To: " + b"(" * _BYTES + b"\n\nHi",
    "comments in an encoding": _FROM + b"Content-Transfer-Encoding: " + b"(" * 2000 + b"\n\nHi",
    "parameters": _FROM + b"Content-Type: text/plain" + b"; a=b" * (_BYTES // 5) + b"\n\nHi",
    "encoded words": _FROM + b"Subject: " + b"=?utf-8?q?a?= " * (_BYTES // 14) + b"\n\nHi",
    "names of headers": b"".join(b"A%d: b\n" % number for number in range(_BYTES // 9)) + b"\nHi",
    "parts": _MULTIPART + b"--x\n\na\n" * (_BYTES // 7),
    "parts in parts": _MULTIPART
    + b"".join(
        b"--x%s\nContent-Type: multipart/mixed; boundary=x%s\n\n" % (b"y" * at, b"y" * (at + 1))
        for at in range(300)
    )
    + b"\n" * 150_000,
    "mails in mails": _FROM + b"Content-Type: message/rfc822\n\n" * (_BYTES // 32),
}
PAGES: Final[Mapping[str, str]] = {
    "tags without an end": "<a " * (_BYTES // 3),
    "comments without an end": "<!--" * (_BYTES // 4),
    "declarations without an end": "<?" * (_BYTES // 2),
    "sections of no kind": "<![a" * (_BYTES // 4),
}
_DISPOSITION: Final = b"--x\r\nContent-Disposition: form-data"
FORMS: Final[Mapping[str, bytes]] = {
    "parameters": _DISPOSITION + b"; a=b" * (_BYTES // 5) + b"\r\n\r\nv\r\n--x--\r\n",
    "comments": _DISPOSITION + b"; name=a" + b"(" * 5000 + b"\r\n\r\nv\r\n--x--\r\n",
    "parts": (_DISPOSITION + b'; name="a"\r\n\r\nv\r\n') * (_BYTES // 50) + b"--x--\r\n",
    "empty parts": b"--x\r\n\r\na\r\n" * (_BYTES // 10),
    "charsets": _DISPOSITION
    + b"; name=charsets\r\n\r\n"
    + b"[" * 100_000
    + b"\r\n"
    + _DISPOSITION
    + b"; name=token\r\n\r\nt\r\n--x--\r\n",
}


@pytest.mark.parametrize("name", MAILS)
def test_hostile_mail_is_read_or_refused_soon(name: str) -> None:
    began_at = monotonic()
    with suppress(MalformedBodyError):
        mail_events(read_raw_mail(MAILS[name]), MailOptions(), "e-1", None)
    assert monotonic() - began_at < _LIMIT_S


@pytest.mark.parametrize("name", PAGES)
def test_hostile_page_is_read_soon(name: str) -> None:
    began_at = monotonic()
    html_text(f"<p>Boiler</p>{PAGES[name]}")
    assert monotonic() - began_at < _LIMIT_S


@pytest.mark.parametrize("name", FORMS)
def test_hostile_form_without_a_signature_is_refused_soon(name: str) -> None:
    request = WebhookRequest({"content-type": "multipart/form-data; boundary=x"}, FORMS[name])
    connection = ChannelConnection("acme", "mailgun", "a-secret-of-a-test-7f3c", {})
    began_at = monotonic()
    with pytest.raises(BadSignatureError):
        Mailgun().verify(connection, request, TimeSource().utc_now())
    with suppress(MalformedBodyError):
        SendGrid().parse(connection, request)
    assert monotonic() - began_at < _LIMIT_S


def test_page_with_comments_has_its_words_only() -> None:
    page = "<!-- a <b> c --><p>2 < 3</p><!--[if mso]><p>no</p><![endif]--><p>Boiler<br>is cold"
    assert html_text(page) == "2 < 3\nBoiler\nis cold"
