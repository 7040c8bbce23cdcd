"""An issuer of tokens, with its keys."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import Key, KeySet, OctKey, OKPKey

from common.core.clock import TimeSource
from common.http.token_issuers import TokenIssuer

ISSUER = TokenIssuer.model_validate(
    {
        "issuer": "https://id.example.com",
        "audience": "upstairs",
        "jwks_url": "https://id.example.com/keys",
        "roles": {"team-leads": "supervisor", "heads": "manager", "agents": "representative"},
    }
)


def make_key(kid: str = "k1") -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": kid})


class Issuer:
    """Publishes the public parts of `keys`, and signs with the first."""

    def __init__(self) -> None:
        self.keys: list[Key] = [make_key()]
        self.reads = 0
        self.error: Exception | None = None

    async def fetch(self, url: str) -> bytes:
        assert url == ISSUER.jwks_url
        self.reads += 1
        if self.error is not None:
            raise self.error
        return orjson.dumps(KeySet(self.keys).as_dict(private=False))

    def issue(self, key: Key | None = None, *, algorithm: str = "Ed25519", **changes: Any) -> str:
        """Return a token for Sara; a claim that is changed to None is left out."""
        key = key or self.keys[0]
        headers = {"alg": algorithm, "kid": key.kid}
        return jwt.encode(headers, claims(**changes), key, algorithms=[algorithm])


def claims(**changes: Any) -> dict[str, Any]:
    """Return Sara's claims with the changes; a time from now on is a time."""
    now = TimeSource().utc_now()
    standard: Mapping[str, Any] = {
        "iss": ISSUER.issuer,
        "aud": "upstairs",
        "sub": "sara",
        "groups": ["team-leads"],
        "iat": now,
        "exp": now + timedelta(minutes=5),
    }
    changed = {
        name: now + value if isinstance(value, timedelta) else value
        for name, value in changes.items()
    }
    return {name: value for name, value in {**standard, **changed}.items() if value is not None}


def symmetric_key() -> OctKey:
    return OctKey.import_key("a secret that is long enough for it", {"kid": "k1"})
