"""Verification of signed webhooks: an HMAC-SHA256 over the body and a timestamp."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, assert_never

Encoding = Literal["hex", "base64"]
TimeFormat = Literal["unix", "iso8601"]

TOLERANCE = timedelta(minutes=5)


class BadSignatureError(Exception):
    """The signature or secret is missing, or does not match the request."""


class StaleRequestError(Exception):
    """The request was signed too long ago, or in the future: compare the clocks."""


@dataclass(frozen=True, slots=True)
class SignatureScheme:
    """How a sender writes its signatures and timestamps.

    `prefix` stands before each signature. With a `separator`, a request may carry several
    signatures (a sender that changes its secret sends one for each); one that matches is enough.
    """

    encoding: Encoding
    time_format: TimeFormat
    prefix: str = ""
    separator: str | None = None

    def sign(self, secret: bytes, signed: bytes) -> str:
        """Return the signature of `signed`, as the sender writes it."""
        digest = hmac.new(secret, signed, hashlib.sha256).digest()
        return self.prefix + _encode(digest, self.encoding)


def verify_signature(
    scheme: SignatureScheme,
    *,
    secrets: Sequence[bytes],
    signed: bytes,
    signature: str,
    timestamp: str,
    now: datetime,
) -> None:
    """Raise BadSignatureError or StaleRequestError unless the sender signed this request just now.

    `signed` is what the sender signs: the body, and the timestamp in the sender's own layout. A
    signature by any of the `secrets` is right.
    """
    signatures = signature.split(scheme.separator) if scheme.separator else [signature]
    # Once for each secret: a stranger may send thousands of candidates. With an empty one anybody
    # could sign.
    right = [scheme.sign(secret, signed).encode() for secret in filter(None, secrets)]
    matches = [
        hmac.compare_digest(each, candidate.encode()) for each in right for candidate in signatures
    ]
    if not any(matches):
        raise BadSignatureError
    if abs(now - _read_time(timestamp, scheme.time_format)) > TOLERANCE:
        raise StaleRequestError


def _encode(digest: bytes, encoding: Encoding) -> str:
    match encoding:
        case "hex":
            return digest.hex()
        case "base64":
            return base64.b64encode(digest).decode()
        case _:
            assert_never(encoding)


def _read_time(timestamp: str, time_format: TimeFormat) -> datetime:
    try:
        match time_format:
            case "unix":
                return datetime.fromtimestamp(int(timestamp), UTC)
            case "iso8601":
                return _aware(datetime.fromisoformat(timestamp))
            case _:
                assert_never(time_format)
    except (ValueError, OverflowError, OSError) as error:
        raise BadSignatureError from error


def _aware(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("a timestamp needs a time zone")
    return time
