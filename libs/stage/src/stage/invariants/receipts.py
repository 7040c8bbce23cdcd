"""What arrived outside, by the notification that each message carries."""

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

    `posts` are the bodies that Slack accepted. Those that change an earlier message carry no link
    and don't count.
    """
    links = (_LINK.search(orjson.dumps(body)) for body in posts)
    by_slack = (_notification(link.group(1)) for link in links if link)
    by_mail = (mail["Message-ID"].strip("<>").partition("@")[0] for mail in mails)
    return Counter([*by_slack, *by_mail])


def _notification(token: bytes) -> str:
    """Read the id that a signed link is for; whether the signature is good is not our matter."""
    padded = token + b"=" * (-len(token) % 4)
    return str(orjson.loads(base64.urlsafe_b64decode(padded)))
