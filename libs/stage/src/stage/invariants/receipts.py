"""Counts the messages that arrived at the receivers, by notification."""

import base64
import re
from collections import Counter
from collections.abc import Iterable
from email.message import EmailMessage
from typing import Final

import orjson

from devstack.receivers import SlackCall

# The home tab, forms and refusals deliver no notification.
_MESSAGES: Final = ("chat.postMessage", "chat.update")
_LINK = re.compile(rb"/v1/acknowledgements/([\w-]+)")


def count_receipts(calls: Iterable[SlackCall], mails: Iterable[EmailMessage]) -> Counter[str]:
    """Count how often each notification arrived.

    `calls` are those that Slack accepted. A status in an earlier message and a notice to an address
    carry no link and do not count. A summary has links of each page in it; a page that a change of
    the same message shows again arrived once.
    """
    receipts = Counter(
        notification_id for mail in mails for notification_id in _notifications(_plain_text(mail))
    )
    shown: dict[str, set[str]] = {}
    for call in calls:
        if call.method in _MESSAGES:
            message = shown.setdefault(call.ts, set())
            arrivals = _notifications(orjson.dumps(call.body)) - message
            message |= arrivals
            receipts.update(arrivals)
    return receipts


def _plain_text(mail: EmailMessage) -> bytes:
    body = mail.get_body(("plain",))
    return body.get_content().encode() if body else b""


def _notifications(message: bytes) -> set[str]:
    """Return the ids in signed links, without verifying the signatures."""
    return {_notification(token) for token in _LINK.findall(message)}


def _notification(token: bytes) -> str:
    padded = token + b"=" * (-len(token) % 4)
    notification_id, _purpose, _link_epoch = orjson.loads(base64.urlsafe_b64decode(padded))
    return str(notification_id)
