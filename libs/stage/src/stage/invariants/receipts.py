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

    `posts` are the bodies that Slack accepted. An update of an earlier message carries no link and
    does not count.
    """
    links = (_LINK.search(orjson.dumps(body)) for body in posts)
    by_slack = (_notification(link.group(1)) for link in links if link)
    by_mail = (mail["Message-ID"].strip("<>").partition("@")[0] for mail in mails)
    return Counter([*by_slack, *by_mail])


def _notification(token: bytes) -> str:
    """Return the id in a signed link, without verifying the signature."""
    padded = token + b"=" * (-len(token) % 4)
    return str(orjson.loads(base64.urlsafe_b64decode(padded)))
