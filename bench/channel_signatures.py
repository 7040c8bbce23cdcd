"""What it costs to verify the signature of a request of 10 KB, for each kind that signs it."""

import base64
import hmac
import secrets
from collections.abc import Mapping
from functools import partial
from time import process_time
from timeit import repeat
from typing import Final
from urllib.parse import urlencode

from bench.summary import Figures
from common.core.clock import TimeSource
from intake.channels.base import WebhookRequest
from intake.channels.registry import CHANNELS
from intake.domain.model import ChannelConnection

_SECRET: Final = secrets.token_urlsafe(24)
_BYTES: Final = 10_000
_REPEATS: Final = 5
_REQUESTS: Final = 400
_URL: Final = "https://intake.example.com/v1/channels/twilio/bench"


def costs() -> Figures:
    """Return the best of some repeats, in microseconds of CPU; and that of the slowest kind."""
    now = TimeSource().utc_now()
    costs_us = {}
    for kind, request in _requests(int(now.timestamp()), now.isoformat()).items():
        connection = ChannelConnection("bench", kind, _SECRET, {"public_url": _URL})
        verify = partial(CHANNELS[kind].verify, connection, request, now)
        seconds = min(repeat(verify, timer=process_time, number=_REQUESTS, repeat=_REPEATS))
        costs_us[kind] = 1e6 * seconds / _REQUESTS
    return {
        "signature_10kb_us": max(costs_us.values()),
        **{f"signature_10kb_us_{kind}": cost_us for kind, cost_us in costs_us.items()},
    }


def _requests(unix_time: int, iso_time: str) -> Mapping[str, WebhookRequest]:
    body = b'{"text": "' + b"x" * _BYTES + b'"}'
    fields = {f"Field{number}": "x" * 90 for number in range(_BYTES // 100)}
    signed_form = _URL + "".join(name + value for name, value in sorted(fields.items()))
    return {
        "zendesk": WebhookRequest(
            {
                "x-zendesk-webhook-signature": _base64(iso_time.encode() + body),
                "x-zendesk-webhook-signature-timestamp": iso_time,
            },
            body,
        ),
        "slack": WebhookRequest(
            {
                "x-slack-request-timestamp": str(unix_time),
                "x-slack-signature": f"v0={_digest(f'v0:{unix_time}:'.encode() + body).hex()}",
            },
            body,
        ),
        "webhook": WebhookRequest(
            {
                "webhook-id": "msg-1",
                "webhook-timestamp": str(unix_time),
                "webhook-signature": f"v1,{_base64(f'msg-1.{unix_time}.'.encode() + body)}",
            },
            body,
        ),
        "twilio": WebhookRequest(
            {
                "content-type": "application/x-www-form-urlencoded",
                "x-twilio-signature": _base64(signed_form.encode(), "sha1"),
            },
            urlencode(fields).encode(),
            _URL,
        ),
    }


def _digest(signed: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(_SECRET.encode(), signed, algorithm).digest()


def _base64(signed: bytes, algorithm: str = "sha256") -> str:
    return base64.b64encode(_digest(signed, algorithm)).decode()
