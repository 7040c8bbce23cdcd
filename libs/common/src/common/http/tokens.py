"""Bearer tokens: JSON Web Tokens of the issuers in the settings, each in the name of a person."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from joserfc.errors import ClaimError, ExpiredTokenError, InvalidKeyIdError, JoseError
from joserfc.jws import CompactSignature, extract_compact, validate_compact
from joserfc.jwt import JWTClaimsRegistry

from common.contracts.event import ID_PATTERN
from common.core.clock import TimeSource
from common.core.errors import TransientError
from common.http.access import InvalidTokenError, Principal, UnknownPersonError
from common.http.token_issuers import (
    FetchKeySet,
    KeySource,
    TokenIssuer,
    key_source_of,
    role_of,
)

# joserfc fails with a TypeError on some headers whose parts are lists.
_UNREADABLE: Final = (JoseError, ValueError, TypeError)
# Each signs with a private key: who can check a token can't make one.
_ALGORITHMS: Final = ("Ed25519", "EdDSA", "ES256", "PS256", "RS256")
_LEEWAY_S: Final = 30
_MAX_CHARACTERS: Final = 8192
# Nobody can take back a token; its issuer stops to renew it.
_MAX_LIFE: Final = timedelta(hours=24)
# The first part of a token is a JSON object in Base64.
_HEADER: Final = re.compile(r"bearer +(ey[\w-]*\.[\w-]+\.[\w-]+)", re.IGNORECASE)
_PERSON: Final = re.compile(ID_PATTERN)


class PeopleNotLoadedError(TransientError):
    """The people are not loaded from the database yet."""


class TokenVerifier:
    """Admits the people whom the issuers vouch for, if router has described them."""

    def __init__(
        self,
        issuers: Sequence[TokenIssuer],
        clock: TimeSource,
        fetch: FetchKeySet | None = None,
    ) -> None:
        self._clock = clock
        self._issuers = {
            issuer.issuer: (issuer, key_source_of(issuer, fetch)) for issuer in issuers
        }
        self._people: frozenset[str] | None = None

    def admit(self, people: Collection[str]) -> None:
        """Admit these people from now on, and nobody else."""
        self._people = frozenset(people)

    def token_in(self, authorization: str) -> str | None:
        """Return the token in the header's value, if it has one and no API key."""
        token = _HEADER.fullmatch(authorization) if self._issuers else None
        return token[1] if token else None

    def is_valid(self, principal: Principal) -> bool:
        """Return whether the person's token is still valid: for answers that take long."""
        has_time = principal.expires_at is not None and self._now() < principal.expires_at
        return has_time and self._people is not None and principal.subject in self._people

    async def verify(self, token: str) -> Principal:
        """Return the person.

        Raises InvalidTokenError, KeySetUnavailableError or PeopleNotLoadedError.
        """
        if len(token) > _MAX_CHARACTERS:
            message = f"The token has over {_MAX_CHARACTERS} characters."
            raise InvalidTokenError(message)
        try:
            signature = extract_compact(token.encode())
            claims = _claims(signature)
        except _UNREADABLE as error:
            raise InvalidTokenError("The token is not a JSON Web Token.") from error
        issuer, keys = self._issuer_of(claims)
        try:
            is_signed = validate_compact(signature, await keys.for_token(signature), _ALGORITHMS)
        except InvalidKeyIdError as error:
            raise InvalidTokenError("The issuer has no such key.") from error
        except _UNREADABLE as error:
            raise InvalidTokenError("The token's signature can't be checked.") from error
        if not is_signed:
            raise InvalidTokenError("The token's signature is wrong.")
        self._check_claims(claims, issuer)
        return self._principal(claims, issuer)

    def _issuer_of(self, claims: Mapping[str, Any]) -> tuple[TokenIssuer, KeySource]:
        name = claims.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise InvalidTokenError("The token's issuer is not one of this service's settings.")
        return issuer

    def _check_claims(self, claims: dict[str, Any], issuer: TokenIssuer) -> None:
        registry = JWTClaimsRegistry(
            now=int(self._now().timestamp()),
            leeway=_LEEWAY_S,
            exp={"essential": True},
            aud={"essential": True, "value": issuer.audience},
        )
        try:
            registry.validate(claims)
        except ExpiredTokenError as error:
            raise InvalidTokenError("The token has expired.") from error
        except ClaimError as error:
            message = f"The token's claim {error.claim} is missing or wrong."
            raise InvalidTokenError(message) from error
        if claims["exp"] > (self._now() + _MAX_LIFE).timestamp() + _LEEWAY_S:
            raise InvalidTokenError("The token is valid for over a day.")

    def _principal(self, claims: Mapping[str, Any], issuer: TokenIssuer) -> Principal:
        person = claims.get(issuer.person_claim)
        if not isinstance(person, str) or not _PERSON.fullmatch(person):
            message = f"The token's claim {issuer.person_claim} is no person's id."
            raise InvalidTokenError(message)
        if self._people is None:
            raise PeopleNotLoadedError
        if person not in self._people:
            raise UnknownPersonError
        role = role_of(claims, issuer.role_claim, issuer.roles)
        if role is None:
            message = f"The token's claim {issuer.role_claim} names no group that has a role."
            raise InvalidTokenError(message)
        expires_at = datetime.fromtimestamp(claims["exp"] + _LEEWAY_S, UTC)
        return Principal(role, person, expires_at=expires_at, issuer=issuer.issuer)

    def _now(self) -> datetime:
        return self._clock.utc_now()


def _claims(signature: CompactSignature) -> dict[str, Any]:
    """Return the claims, before the signature is checked; raises ValueError."""
    claims = orjson.loads(signature.payload or b"")
    return dict(claims) if isinstance(claims, dict) else {}
