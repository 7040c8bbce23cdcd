"""What a mail server reports later about a mail that it took: delivery status notifications.

RFC 3464 says how they are written; Exim's older bounces have a header instead. Whatever else comes
to the sender's mailbox, as an absence note, a reply or a receipt of a reader, is no report.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import getaddresses
from itertools import islice
from typing import Final

from common.contracts.event import UUID_PATTERN, NotificationId
from common.core.mailboxes import mailbox_key
from common.core.mime import (
    DELIVERY_STATUS,
    HEADER_ERRORS,
    UnreadableMessageError,
    parse_message,
    read_content_type,
    read_headers,
)
from common.core.text import one_line
from notifier.channels.base import MalformedPayloadError
from notifier.domain.receipts import Delivered, NotDelivered, Report

_BAD_REQUEST: Final = 400
_HEADERS: Final = "text/rfc822-headers"
# As `email.compose` writes it.
_MESSAGE_ID: Final = re.compile(rf"<({UUID_PATTERN})@[^<>@\s]{{1,255}}>", re.IGNORECASE)
_COPIED_ID: Final = re.compile(r"^Message-ID:(.{1,400})", re.IGNORECASE | re.MULTILINE)
_EMPTY_LINE: Final = re.compile(r"\r?\n[ \t]*\r?\n")
_ACTION: Final = re.compile(r"^Action[ \t]*:", re.IGNORECASE | re.MULTILINE)
_ADDRESS: Final = re.compile(r"[^\s<>@]{1,64}@[^\s<>@,;:]{1,255}")
_MAX_REASON_CHARACTERS: Final = 200
_MAX_TEXT_BYTES: Final = 100_000
# Our mails have one receiver; more are those that a list or an alias stands for.
_MAX_RECEIVERS: Final = 50


@dataclass(frozen=True, slots=True)
class MailReport:
    """`message_id` names our mail; `reports` are by `mailbox_key` of the receivers."""

    notification_id: NotificationId
    message_id: str
    reports: Mapping[str, Report]


def read_mail_report(content: bytes) -> MailReport | None:
    """Read a mail as it travels; None if it reports nothing about a mail of ours.

    Raises MalformedPayloadError for what is no mail, and for a report without a receiver.
    """
    message = _parse(content)
    headers = read_headers(message)
    if not headers:
        raise MalformedPayloadError(_BAD_REQUEST, "The body is no mail: it has no headers.")
    parts = [*_parts(message)]
    statuses = [part for part in parts if read_content_type(part) == DELIVERY_STATUS]
    failed = headers.get("x-failed-recipients", "")
    if statuses:
        reports = dict(_by_receiver(_blocks(statuses)))
    elif failed:
        reason = NotDelivered("not delivered: no reason named", is_final=True)
        addresses = getaddresses([failed])[:_MAX_RECEIVERS]
        reports = {mailbox_key(address): reason for _, address in addresses if address}
    else:
        return None
    named = next(_own_ids(parts, headers), None)
    if named is None:
        return None
    return MailReport(NotificationId(named[1].lower()), named[0], reports)


def _parse(content: bytes) -> EmailMessage:
    try:
        return parse_message(content)
    except UnreadableMessageError as error:
        raise MalformedPayloadError(_BAD_REQUEST, str(error)) from error


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """Return the parts, but not those of a mail that is in it."""
    if not read_content_type(message).startswith("multipart/") or not message.is_multipart():
        yield message
        return
    for part in _payloads(message):
        yield from _parts(part)


def _payloads(message: EmailMessage) -> list[EmailMessage]:
    payload = message.get_payload()
    items = payload if isinstance(payload, list) else []
    return [item for item in items if isinstance(item, EmailMessage)]


def _blocks(statuses: Iterable[EmailMessage]) -> list[Mapping[str, str]]:
    """Return the fields of each receiver; raises MalformedPayloadError if there is none."""
    blocks = (block for part in statuses for block in _EMPTY_LINE.split(_text(part)))
    of_receivers = islice(filter(_ACTION.search, blocks), _MAX_RECEIVERS)
    fields = [read_headers(_parse(block.strip().encode())) for block in of_receivers]
    if not fields:
        raise MalformedPayloadError(_BAD_REQUEST, "The report has no field Action.")
    return fields


def _by_receiver(blocks: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, Report]]:
    for block in blocks:
        report = _report(block)
        if report is None:
            continue
        for name in ("original-recipient", "final-recipient"):
            # `rfc822; dana@example.com`
            address = block.get(name, "").rpartition(";")[2].strip().strip("<>")
            if address:
                yield mailbox_key(address), report


def _report(block: Mapping[str, str]) -> Report | None:
    """Return None of what is on its way: `delayed`, and `relayed`, which may still bounce."""
    match block.get("action", "").partition("(")[0].strip().lower():
        case "delivered":
            return Delivered()
        case "failed":
            # Also after 4.x.x: the server has tried for hours, and another mail takes as long.
            return NotDelivered(f"not delivered: {_reason(block)}", is_final=True)
        case _:
            return None


def _reason(block: Mapping[str, str]) -> str:
    """Return what the server says, without addresses: it may name one that mails go on to."""
    diagnostic = block.get("diagnostic-code", "").partition(";")[2]
    said = one_line(diagnostic or block.get("status", ""))
    return _ADDRESS.sub("the address", said)[:_MAX_REASON_CHARACTERS] or "no reason named"


def _own_ids(
    parts: Iterable[EmailMessage], headers: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Return the ids of mails that may be ours, whole and without their domain."""
    for text in _id_fields(parts, headers):
        for match in _MESSAGE_ID.finditer(text):
            yield match[0], match[1]


def _id_fields(parts: Iterable[EmailMessage], headers: Mapping[str, str]) -> Iterator[str]:
    for part in parts:
        kind = read_content_type(part)
        if kind == _HEADERS:
            yield from _copied_ids(part)
        elif kind.startswith("message/"):
            for returned in _payloads(part):
                yield read_headers(returned).get("message-id", "")
    yield headers.get("in-reply-to", "")
    yield headers.get("references", "")
    for part in parts:
        if read_content_type(part) == "text/plain":
            yield from _copied_ids(part)


def _copied_ids(part: EmailMessage) -> list[str]:
    """Return the ids in headers that are copied into a text."""
    return _COPIED_ID.findall(_text(part))


def _text(part: EmailMessage) -> str:
    try:
        content = part.get_payload(decode=True)
    except HEADER_ERRORS:
        return ""
    if not isinstance(content, bytes):
        return ""
    return content[:_MAX_TEXT_BYTES].decode("utf-8", "replace")
