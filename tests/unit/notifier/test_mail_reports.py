"""Delivery status notifications as mail servers write them, and what strangers may send instead."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from time import process_time
from typing import Final

import pytest

from notifier.channels.base import MalformedPayloadError
from notifier.channels.mail_reports import read_mail_report
from notifier.domain.receipts import Delivered, NotDelivered
from support.mail_reports import write_report
from unit.notifier.examples import ID

MESSAGE_ID = f"<{ID}@example.com>"
REPORT = write_report(MESSAGE_ID)
HEADERS = "Content-Type: text/rfc822-headers"
STATUS = "Content-Type: message/delivery-status"
EXIM = f"""\
From: Mail Delivery System <Mailer-Daemon@mail.example.com>
X-Failed-Recipients: Dana@Example.COM, omar@example.com
Auto-Submitted: auto-replied
Subject: Mail delivery failed: returning message to sender

A message that you sent could not be delivered.

------ This is a copy of the message, including all the headers. ------

From: Upstairs <upstairs@example.com>
Message-ID: {MESSAGE_ID}
"""
NO_SUCH = NotDelivered("not delivered: 550 5.1.1 <the address>: no such mailbox", is_final=True)


def reports_of(mail: str) -> Mapping[str, object]:
    report = read_mail_report(mail.encode())
    assert report
    assert (report.notification_id, report.message_id) == (ID, MESSAGE_ID)
    return report.reports


def base64_status(report: str) -> str:
    """Encode the status, as RFC 3464 forbids."""
    lines = "RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGRhbmFAZXhhbXBsZS5jb20KQWN0aW9uOiBmYWlsZWQK"
    before, _, rest = report.partition("Reporting-MTA")
    after = rest.partition("--b\n")[2]
    before = before.replace(STATUS, f"{STATUS}\nContent-Transfer-Encoding: base64")
    return f"{before}{lines}\n\n--b\n{after}"


@pytest.mark.parametrize(
    "write",
    [
        lambda report: report,
        # How the message that was returned is described.
        lambda report: report.replace(HEADERS, "Content-Type: message/rfc822"),
        lambda report: report.replace(HEADERS, "Content-Type: message/rfc822-headers"),
        lambda report: report.replace(HEADERS, "Content-Type: text/plain"),
        # No report by its type, but by its parts; also inside of a mail that a gateway has changed.
        lambda report: report.replace(
            "multipart/report; report-type=delivery-status", "multipart/mixed"
        ),
        lambda report: report.replace(STATUS, "Content-Type: message/global-delivery-status"),
        lambda report: (
            'Content-Type: multipart/mixed; boundary="c"\n\n--c\n'
            f"Content-Type: multipart/report{report.partition('multipart/report')[2]}\n--c--\n"
        ),
        # Fields of the message and of the receiver without a line between, and others' cases.
        lambda report: report.replace("mail.example.com\n\nFinal", "mail.example.com\nFinal"),
        lambda report: report.replace("Action: failed", "action:FAILED (gave up)"),
        lambda report: report.replace("rfc822; dana", "RFC822;dana").replace(
            "dana@example.com\nAction", "DANA@EXAMPLE.COM\nAction"
        ),
        lambda report: report.replace("\n", "\r\n"),
        # Aliases: the address that the mail was sent to is enough.
        lambda report: report.replace(
            "Final-Recipient: rfc822; dana@example.com",
            "Final-Recipient: rfc822; d.private@example.org\n"
            "Original-Recipient: rfc822;dana@example.com",
        ),
        # Without the message, but as an answer to it; cut off after the status.
        lambda report: f"In-Reply-To: {MESSAGE_ID}\n{report.replace('Message-ID', 'X-ID')}",
        lambda report: f"References: <a@b>\n {MESSAGE_ID}\n{report.partition(HEADERS)[0]}",
    ],
)
def test_failure_is_read(write: Callable[[str], str]) -> None:
    assert reports_of(write(REPORT))["dana@example.com"] == NO_SUCH


def test_status_that_is_encoded_is_read() -> None:
    expected = NotDelivered("not delivered: no reason named", is_final=True)
    assert reports_of(base64_status(REPORT)) == {"dana@example.com": expected}


def test_bounce_of_an_older_exim_is_read() -> None:
    failed = NotDelivered("not delivered: no reason named", is_final=True)
    assert reports_of(EXIM) == {"dana@example.com": failed, "omar@example.com": failed}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("delivered", {"dana@example.com": Delivered()}),
        # It is on its way, and may still bounce.
        ("relayed", {}),
        ("delayed", {}),
        ("expanded", {}),
        ("", {}),
    ],
)
def test_action_other_than_failed_is_no_failure(
    action: str, expected: Mapping[str, object]
) -> None:
    assert reports_of(write_report(MESSAGE_ID, action)) == expected


def test_receivers_have_a_report_each() -> None:
    other = "\nFinal-Recipient: rfc822; omar@example.com\nAction: delivered\n\n--b\n" + HEADERS
    reports = reports_of(REPORT.replace(f"\n--b\n{HEADERS}", other))
    assert reports == {"dana@example.com": NO_SUCH, "omar@example.com": Delivered()}


def test_reason_is_short_and_names_no_address() -> None:
    report = REPORT.replace("no such", "d.private@example.org \x00\u202e" + "full " * 100)
    failed = reports_of(report)["dana@example.com"]
    assert isinstance(failed, NotDelivered)
    assert failed.reason.startswith("not delivered: 550 5.1.1 <the address>: the address full full")
    assert len(failed.reason) < 220
    without = REPORT.replace("Diagnostic-Code", "X-Code")
    assert reports_of(without)["dana@example.com"] == NotDelivered(
        "not delivered: 5.1.1", is_final=True
    )


@pytest.mark.parametrize(
    "mail",
    [
        # A person passes a bounce on, or answers; and mails of which we know nothing.
        f"From: dana@example.com\nContent-Type: message/rfc822\n\n{REPORT}",
        f"From: dana@example.com\nIn-Reply-To: {MESSAGE_ID}\n\nI am away.",
        write_report("<escalation-1@example.com>"),
        write_report(f"{ID}@example.com"),
        REPORT.partition("--b\nContent-Type: text/rfc822-headers")[0],
        "From: dana@example.com\n\nHello",
    ],
)
def test_mail_of_another_kind_is_no_report(mail: str) -> None:
    assert read_mail_report(mail.encode()) is None


@pytest.mark.parametrize("mail", ["", "Hello", "\n\n", REPORT.replace("Action", "Deed")])
def test_text_that_is_no_mail_is_malformed(mail: str) -> None:
    with pytest.raises(MalformedPayloadError):
        read_mail_report(mail.encode())


# What a request may have.
_BYTES: Final = 240_000
_LIMIT_S: Final = 5
HOSTILE: Final[Mapping[str, bytes]] = {
    "empty lines": f"A: b\n{STATUS}\n\n".encode() + b"\n" * _BYTES,
    "receivers": f"A: b\n{STATUS}\n\n".encode() + b"Action: failed\n\n" * (_BYTES // 16),
    "fields of a receiver": REPORT.replace("Status", "A: b\n" * (_BYTES // 5) + "Status").encode(),
    "receivers in a header": b"X-Failed-Recipients: " + b"a@b.c," * (_BYTES // 6) + b"\n\nHi",
    "addresses in a reason": REPORT.replace("no such", "a@" * (_BYTES // 2)).encode(),
    "ids": REPORT.encode() + b"--b\n" + MESSAGE_ID[:-1].encode() * (_BYTES // 50),
    "lines with an id": EXIM.encode() + b"Message-ID: <\n" * (_BYTES // 14),
    "parts": REPORT[:-5].encode() + f"--b\n{HEADERS}\n\nMessage-ID: <a>\n\n".encode() * 900,
    "mails in mails": b"A: b\n" + b"Content-Type: message/rfc822\n\n" * (_BYTES // 32),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_report_is_read_or_refused_soon(name: str) -> None:
    began_at = process_time()
    with suppress(MalformedPayloadError):
        read_mail_report(HOSTILE[name])
    assert process_time() - began_at < _LIMIT_S


@pytest.mark.parametrize("length", range(0, len(REPORT), 7))
def test_report_that_is_cut_off_is_read_or_refused(length: int) -> None:
    with suppress(MalformedPayloadError):
        read_mail_report(REPORT[:length].encode())
