"""Tokens that the console makes for the services, each in the name of a person."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import KeySet

from common.contracts.event import PersonRole
from common.core.clock import TimeSource
from common.core.ids import new_id
from console.tokens.signing_keys import read_keys

LIFE: Final = timedelta(seconds=60)
_ALGORITHM: Final = "Ed25519"


class TokenMint:
    """Signs with the first of the keys; services believe all that are published.

    `keys` are as the setting has them.
    """

    def __init__(self, keys: Sequence[str], issuer: str, audience: str, clock: TimeSource) -> None:
        self._key_texts = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    @cached_property
    def _keys(self) -> KeySet:
        return read_keys(self._key_texts)

    def make_token(self, person: str, role: PersonRole) -> str:
        key = self._keys.keys[0]
        now = self._clock.utc_now()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": person,
            "groups": [role],
            "iat": now,
            "exp": now + LIFE,
            "jti": new_id(),
        }
        header = {"alg": _ALGORITHM, "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=[_ALGORITHM])

    @property
    def published_keys(self) -> dict[str, Any]:
        """The public keys, as a JSON Web Key Set."""
        return dict(self._keys.as_dict(private=False))
