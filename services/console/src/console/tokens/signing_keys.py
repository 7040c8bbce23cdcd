"""The keys that sign the console's tokens for the services."""

import base64
from collections.abc import Sequence

from joserfc.jwk import KeySet, OKPKey

from common.http.token_issuers import public_key_of
from common.messaging.signatures import SigningKey


def read_keys(texts: Sequence[str]) -> KeySet:
    """Return the keys, each with an id that follows from it; raises SigningKeyError."""
    return KeySet([_read_key(text) for text in texts])


def _read_key(text: str) -> OKPKey:
    key = SigningKey.parse(text)
    seed = base64.urlsafe_b64encode(base64.b64decode(key.seed)).decode().rstrip("=")
    return OKPKey.import_key({**public_key_of(key.public), "d": seed})
