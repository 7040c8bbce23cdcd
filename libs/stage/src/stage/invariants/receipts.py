"""Counts the messages that arrived at the receivers, by notification."""

import base64
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from typing import Any

import orjson

_LINK = re.compile(rb"/v1/acknowledgements/([\w-]+)")


def count_receipts(
    posts: Iterable[Mapping[str, Any]], mails: Iterable[EmailMessage]
) -> Counter[str]:
    """Count how often each notification arrived.

    `posts` are the bodies that Slack accepted. An update of an earlier message and a notice to an
    address carry no link and do not count. A summary has links of each page in it.
    """
    messages = (*map(orjson.dumps, posts), *map(_plain_text, mails))
    return Counter(
        notification_id for message in messages for notification_id in _notifications(message)
    )


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
