"""Twilio's signature: of the address and the parameters, or of the address with a body's hash."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from common.http import twilio_signatures
from common.http.twilio_signatures import HEADER, PORTS, with_and_without_port
from common.http.webhooks import BadSignatureError
from intake.channels.base import MalformedBodyError, WebhookRequest
from intake.channels.fields import form_fields
from intake.domain.model import ChannelConnection

_BODY_HASH: Final = "bodySHA256"


def verify_twilio(
    connection: ChannelConnection, request: WebhookRequest, public_url: str | None
) -> None:
    """Raise BadSignatureError unless Twilio signed the request with a secret."""
    signed_parameters = _signed_parameters(request)
    try:
        addresses = [*_addresses(request.url, public_url)]
    except ValueError as error:
        # The host is none.
        raise BadSignatureError from error
    twilio_signatures.verify(
        connection.secrets, addresses, signed_parameters, request.headers.get(HEADER, "")
    )


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
    return twilio_signatures.signed_fields(fields)


def _addresses(url: str, public_url: str | None) -> Iterable[str]:
    """Yield the forms of the address that Twilio may have signed.

    It writes the usual port, or leaves it out. What a proxy made of the scheme is not known.
    """
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    if public_url is not None:
        return dict.fromkeys(with_and_without_port(public_url + query))
    schemes = (parts.scheme, *PORTS)
    urls = (f"{scheme}{url[len(parts.scheme) :]}" for scheme in schemes)
    return dict.fromkeys(form for each in urls for form in with_and_without_port(each))
