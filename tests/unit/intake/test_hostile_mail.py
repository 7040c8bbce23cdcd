"""Anybody may send a mail: none takes long to read, and none is an error of ours."""

from collections.abc import Mapping
from contextlib import suppress
from time import process_time
from typing import Final

import pytest

from common.core.clock import TimeSource
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
    "empty lines of a delivery status": _FROM
    + b"Content-Type: message/delivery-status\n\n"
    + b"\n" * _BYTES,
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
# What a mail of up to 32 MB may have. Without limits each of these takes 20 s or more.
_LARGE: Final = 10_000_000
_LARGE_LIMIT_S: Final = 10
LARGE_MAILS: Final[Mapping[str, bytes]] = {
    "empty lines": _MULTIPART + b"\n" * _LARGE,
    "lines of an old system": _MULTIPART + b"\r" * _LARGE,
    "lines in parts in parts": MAILS["parts in parts"].partition(b"--x%s\n" % (b"y" * 48))[0]
    + b"\n" * (_LARGE // 5),
    **{
        f"slow charset {name}": _FROM
        + f"Content-Type: text/plain; charset={name}\n\na-".encode()
        + b"b" * 1_000_000
        for name in ("punycode", "punycode-")
    },
    "page of tags": _FROM + b"Content-Type: text/html\n\n" + b"<b>" * (_LARGE // 3),
}
_SENDER: Final = _DISPOSITION + b"; name=from\r\n\r\na@example.org\r\n"
LARGE_FIELDS: Final[Mapping[str, bytes]] = {
    "headers": b"A: b\n" * (_LARGE // 5),
    "message-headers": b"[" + b'["To", "a@b.c"],' * (_LARGE // 16) + b"0]",
    "to": b"a@b.c," * (_LARGE // 6),
    "html": b"<a " * (_LARGE // 3),
}


@pytest.mark.parametrize("name", LARGE_MAILS)
def test_large_hostile_mail_is_read_or_refused_soon(name: str) -> None:
    began_at = process_time()
    with suppress(MalformedBodyError):
        mail_events(read_raw_mail(LARGE_MAILS[name]), MailOptions(), "e-1", None)
    assert process_time() - began_at < _LARGE_LIMIT_S


@pytest.mark.parametrize("name", LARGE_FIELDS)
def test_large_field_of_a_form_is_read_or_refused_soon(name: str) -> None:
    field = _DISPOSITION + b"; name=%s\r\n\r\n" % name.encode() + LARGE_FIELDS[name]
    form = _SENDER + field + b"\r\n--x--\r\n"
    request = WebhookRequest({"content-type": "multipart/form-data; boundary=x"}, form)
    connection = ChannelConnection("acme", "sendgrid", "a-secret-of-a-test-7f3c", {})
    began_at = process_time()
    with suppress(MalformedBodyError):
        SendGrid().parse(connection, request)
    assert process_time() - began_at < _LARGE_LIMIT_S


def test_mail_with_32_mb_of_files_is_read() -> None:
    part = b"Content-Type: multipart/%s; boundary=%s\n\n--%s\n"
    heads = b"".join(part % (kind, kind, kind) for kind in (b"mixed", b"related", b"alternative"))
    file = b"Content-Disposition: attachment; filename=a.pdf\nContent-Transfer-Encoding: base64\n\n"
    content = b"".join([_FROM, heads, b"\nHi\n--mixed\n", file, (b"QUFB" * 19 + b"\n") * 430_000])
    (file_read,) = read_raw_mail(content).files
    assert file_read.size_bytes == 430_000 * 57


@pytest.mark.parametrize("name", MAILS)
def test_hostile_mail_is_read_or_refused_soon(name: str) -> None:
    began_at = process_time()
    with suppress(MalformedBodyError):
        mail_events(read_raw_mail(MAILS[name]), MailOptions(), "e-1", None)
    assert process_time() - began_at < _LIMIT_S


@pytest.mark.parametrize("name", PAGES)
def test_hostile_page_is_read_soon(name: str) -> None:
    began_at = process_time()
    html_text(f"<p>Boiler</p>{PAGES[name]}")
    assert process_time() - began_at < _LIMIT_S


@pytest.mark.parametrize("name", FORMS)
def test_hostile_form_without_a_signature_is_refused_soon(name: str) -> None:
    request = WebhookRequest({"content-type": "multipart/form-data; boundary=x"}, FORMS[name])
    connection = ChannelConnection("acme", "mailgun", "a-secret-of-a-test-7f3c", {})
    began_at = process_time()
    with pytest.raises(BadSignatureError):
        Mailgun().verify(connection, request, TimeSource().utc_now())
    with suppress(MalformedBodyError):
        SendGrid().parse(connection, request)
    assert process_time() - began_at < _LIMIT_S


def test_page_with_comments_has_its_words_only() -> None:
    page = "<!-- a <b> c --><p>2 < 3</p><!--[if mso]><p>no</p><![endif]--><p>Boiler<br>is cold"
    assert html_text(page) == "2 < 3\nBoiler\nis cold"
