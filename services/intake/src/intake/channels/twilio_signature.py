"""Twilio's signature: of the address and the parameters, or of the address with a body's hash."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from common.http.webhooks import BadSignatureError
from intake.channels.base import MalformedBodyError, WebhookRequest
from intake.channels.fields import form_fields
from intake.domain.model import ChannelConnection

_HEADER: Final = "x-twilio-signature"
_BODY_HASH: Final = "bodySHA256"
_PORTS: Final = {"https": 443, "http": 80}


def verify_twilio(
    connection: ChannelConnection, request: WebhookRequest, public_url: str | None
) -> None:
    """Raise BadSignatureError unless Twilio signed the request with a secret."""
    signature = request.headers.get(_HEADER, "").encode("utf-8", "replace")
    signed_parameters = _signed_parameters(request)
    try:
        addresses = [*_addresses(request.url, public_url)]
    except ValueError as error:
        # The host is none.
        raise BadSignatureError from error
    matches = [
        hmac.compare_digest(signature, _sign(secret, url + signed_parameters))
        for secret in connection.secrets
        for url in addresses
    ]
    if not any(matches):
        raise BadSignatureError


def _signed_parameters(request: WebhookRequest) -> str:
    body_hash = dict(request.query).get(_BODY_HASH)
    is_form = request.media_type == "application/x-www-form-urlencoded"
    if body_hash is not None and not is_form:
        digest = hashlib.sha256(request.body).hexdigest()
        if not hmac.compare_digest(digest.encode(), body_hash.lower().encode()):
            raise BadSignatureError
        return ""
    try:
        fields = form_fields(request.body)
    except MalformedBodyError as error:
        raise BadSignatureError from error
    # A value that comes twice under one name counts once.
    return "".join(name + value for name, value in sorted(set(fields)))


def _sign(secret: bytes, text: str) -> bytes:
    digest = hmac.new(secret, text.encode("utf-8", "replace"), "sha1").digest()
    return base64.b64encode(digest)


def _addresses(url: str, public_url: str | None) -> Iterable[str]:
    """Yield the forms of the address that Twilio may have signed.

    It writes the usual port, or leaves it out. What a proxy made of the scheme is not known.
    """
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    if public_url is not None:
        return dict.fromkeys(_with_and_without_port(public_url + query))
    schemes = (parts.scheme, *_PORTS)
    urls = (f"{scheme}{url[len(parts.scheme) :]}" for scheme in schemes)
    return dict.fromkeys(form for each in urls for form in _with_and_without_port(each))


def _with_and_without_port(url: str) -> Iterator[str]:
    yield url
    parts = urlsplit(url)
    host, _, port = parts.netloc.rpartition(":")
    rest = url[len(f"{parts.scheme}://{parts.netloc}") :]
    if port.isdigit() and host:
        yield f"{parts.scheme}://{host}{rest}"
    elif parts.scheme in _PORTS:
        yield f"{parts.scheme}://{parts.netloc}:{_PORTS[parts.scheme]}{rest}"
