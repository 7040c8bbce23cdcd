"""Twilio's signature of a request: of its address and the fields of its form."""

import base64
import hmac
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from common.http.webhooks import BadSignatureError

HEADER: Final = "x-twilio-signature"
PORTS: Final = {"https": 443, "http": 80}


def signed_fields(fields: Iterable[tuple[str, str]]) -> str:
    """Return what Twilio signs of a form. A value that comes twice under one name counts once."""
    return "".join(name + value for name, value in sorted(set(fields)))


def sign(secret: bytes, text: str) -> bytes:
    digest = hmac.new(secret, text.encode("utf-8", "replace"), "sha1").digest()
    return base64.b64encode(digest)


def verify(secrets: Sequence[bytes], urls: Iterable[str], fields: str, signature: str) -> None:
    """Raise BadSignatureError unless one of the secrets signs one of the addresses with `fields`.

    Twilio signs no time: who takes such a request must recognise one that comes again.
    """
    received = signature.encode("utf-8", "replace")
    addresses = tuple(urls)
    matches = [
        hmac.compare_digest(received, sign(secret, url + fields))
        # With an empty one anybody could sign.
        for secret in filter(None, secrets)
        for url in addresses
    ]
    if not any(matches):
        raise BadSignatureError


def with_and_without_port(url: str) -> Iterator[str]:
    """Yield the forms of an address that Twilio may have signed: it writes the usual port or not.

    Raises ValueError if its host is none.
    """
    yield url
    parts = urlsplit(url)
    host, _, port = parts.netloc.rpartition(":")
    rest = url[len(f"{parts.scheme}://{parts.netloc}") :]
    if port.isdigit() and host:
        yield f"{parts.scheme}://{host}{rest}"
    elif parts.scheme in PORTS:
        yield f"{parts.scheme}://{parts.netloc}:{PORTS[parts.scheme]}{rest}"
