"""The key by which push services know this Upstairs (RFC 8292)."""

import base64
from datetime import datetime, timedelta
from typing import Final, Self
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.jwk import ECKey

# Push services refuse more than a day.
_VALID_FOR: Final = timedelta(hours=12)
_KEY_BYTES: Final = 32


class WrongKeyError(ValueError):
    """A key is 32 bytes in base64url: `python -m notifier make-push-key` makes one."""


class VapidKey:
    """`public` is what browsers subscribe with."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public = encode(point)
        der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._signing_key = ECKey.import_key(der)

    @classmethod
    def generate(cls) -> Self:
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `private` writes; raises WrongKeyError."""
        try:
            secret = decode(text)
            if len(secret) != _KEY_BYTES:
                raise WrongKeyError(WrongKeyError.__doc__)
            number = int.from_bytes(secret, "big")
            return cls(ec.derive_private_key(number, ec.SECP256R1()))
        except ValueError as error:
            raise WrongKeyError(WrongKeyError.__doc__) from error

    @property
    def private(self) -> str:
        return encode(self._private.private_numbers().private_value.to_bytes(_KEY_BYTES, "big"))

    def authorization(self, endpoint: str, contact: str, at: datetime) -> str:
        """Return the header for a push service; `contact` is where its operators can write to."""
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int((at + _VALID_FOR).timestamp()),
            "sub": contact,
        }
        token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, self._signing_key)
        return f"vapid t={token}, k={self.public}"


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
