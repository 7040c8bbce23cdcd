"""Requests without a signature: the sender shows a secret that it shares with us."""

import base64
import hmac
from collections.abc import Iterable, Iterator
from typing import Final

from common.http.webhooks import BadSignatureError
from intake.channels.base import WebhookRequest
from intake.domain.model import ChannelConnection

_BEARER: Final = "bearer "
_BASIC: Final = "basic "


def verify_address_secret(connection: ChannelConnection, request: WebhookRequest) -> None:
    """Raise BadSignatureError unless a part of the path or the query is a secret."""
    _verify(connection, _in_address(request))


def verify_shared_secret(connection: ChannelConnection, request: WebhookRequest) -> None:
    """Raise BadSignatureError unless path, query or any header is a secret.

    The sender's admin chooses the name of the header or parameter.
    """
    _verify(connection, [*_in_address(request), *_in_headers(request)])


def _verify(connection: ChannelConnection, candidates: Iterable[str]) -> None:
    sent = [candidate.encode("utf-8", "replace") for candidate in candidates]
    secrets = connection.secrets
    matches = [hmac.compare_digest(each, secret) for each in sent for secret in secrets]
    if not any(matches):
        raise BadSignatureError


def _in_address(request: WebhookRequest) -> Iterator[str]:
    if request.path_secret is not None:
        yield request.path_secret
    yield from (value for _, value in request.query)


def _in_headers(request: WebhookRequest) -> Iterator[str]:
    for value in request.headers.values():
        yield value
        if value.lower().startswith(_BEARER):
            yield value[len(_BEARER) :].strip()
        elif value.lower().startswith(_BASIC):
            yield _password(value[len(_BASIC) :])


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials).decode().partition(":")[2]
    except ValueError:
        return ""
