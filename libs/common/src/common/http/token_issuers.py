"""Who may issue tokens for people, and the keys by which their tokens are checked."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, Final, Protocol, Self
from urllib.parse import urlsplit

import orjson
import structlog
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import Key, KeySet, OKPKey
from joserfc.jws import CompactSignature
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from common import import_without
from common.contracts.event import PersonRole
from common.core.clock import monotonic
from common.core.errors import TransientError

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_TIMEOUT_S: Final = 5
# A key that the issuer withdraws counts no longer than so.
_MAX_AGE_S: Final = 600
# Strangers make us ask the issuer, by naming unknown keys, not more often than so.
_MIN_INTERVAL_S: Final = 30
# What may be wrong with the answer of an issuer, if there is one.
_UNREADABLE: Final = (TimeoutError, JoseError, ValueError, TypeError, KeyError)

log = structlog.get_logger()

_KEY_BYTES: Final = 32
_HIGHEST_FIRST: Final[tuple[PersonRole, ...]] = ("manager", "supervisor", "representative")
FetchKeySet = Callable[[str], Awaitable[bytes]]


def _check_url(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        message = "must begin with https://: who changes the keys on the way signs in as anybody"
        raise ValueError(message)
    return url


class TokenIssuer(BaseModel):
    """An issuer as the settings describe it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1, description="the claim `iss` of its tokens, exactly")
    audience: str = Field(min_length=1, description="must be in the claim `aud`")
    jwks_url: Annotated[str | None, AfterValidator(_check_url)] = Field(
        default=None, description="where its public keys are, as a JSON Web Key Set"
    )
    public_keys: tuple[str, ...] = Field(
        default=(), description="its Ed25519 keys in Base64, in place of `jwks_url`"
    )
    person_claim: str = Field(default="sub", description="the claim that is the person's id here")
    role_claim: str = Field(
        default="groups", description="the claim with the person's groups: a text or a list"
    )
    roles: Mapping[str, PersonRole] = Field(
        description="the role of each group; of several the highest counts, other groups have none"
    )

    @field_validator("public_keys")
    @classmethod
    def _check_keys(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            if len(base64.b64decode(text, validate=True)) != _KEY_BYTES:
                raise ValueError("must be Ed25519 keys in Base64")
        return texts

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if bool(self.jwks_url) == bool(self.public_keys):
            raise ValueError("needs either jwks_url or public_keys")
        return self


class KeySource(Protocol):
    """The public keys of one issuer."""

    async def for_token(self, signature: CompactSignature) -> KeySet:
        """Return the keys, with that which the token names if the issuer has it.

        Raises KeySetUnavailableError.
        """


class KeySetUnavailableError(TransientError):
    """The issuer's keys were never read, and can't be now."""


class FixedKeys:
    """The keys of an issuer that the settings list."""

    def __init__(self, public_keys: Sequence[str]) -> None:
        self._keys = KeySet([OKPKey.import_key(public_key_of(key)) for key in public_keys])

    async def for_token(self, _signature: CompactSignature) -> KeySet:
        return self._keys


class IssuerKeys:
    """The keys of one issuer, as it published them last.

    They are read again when they are older than ten minutes, and when a token names another one,
    at most once in 30 s. While the issuer does not answer, those that were read last count.
    """

    def __init__(self, url: str, fetch: FetchKeySet) -> None:
        self._url = url
        self._fetch = fetch
        self._keys: KeySet | None = None
        self._lock = asyncio.Lock()
        self._asked_at = -float(_MIN_INTERVAL_S)
        self._read_at = -float(_MAX_AGE_S)

    async def for_token(self, signature: CompactSignature) -> KeySet:
        if self._is_outdated() or not self._has_key_of(signature):
            await self._read_again(signature)
        if self._keys is None:
            raise KeySetUnavailableError(self._url)
        return self._keys

    async def _read_again(self, signature: CompactSignature) -> None:
        if self._lock.locked() and self._has_key_of(signature):
            # Another request asks the issuer, which may take long to answer.
            return
        async with self._lock:
            is_needed = self._is_outdated() or not self._has_key_of(signature)
            if not is_needed or monotonic() - self._asked_at < _MIN_INTERVAL_S:
                return
            self._asked_at = monotonic()
            try:
                # A server that sends byte after byte must not keep people waiting.
                async with asyncio.timeout(_TIMEOUT_S):
                    content = orjson.loads(await self._fetch(self._url))
                self._keys = _read_keys(content["keys"])
            except _UNREADABLE as error:
                log.warning("issuer_keys_unavailable", url=self._url, error=repr(error))
            else:
                self._read_at = self._asked_at

    def _is_outdated(self) -> bool:
        return monotonic() - self._read_at > _MAX_AGE_S

    def _has_key_of(self, signature: CompactSignature) -> bool:
        try:
            kid = signature.headers().get("kid")
            return self._keys is not None and bool(self._keys.get_by_kid(kid))
        except InvalidKeyIdError:
            return False


def _read_keys(entries: list[Any]) -> KeySet:
    """Read the keys that we can use; of others an issuer may have some too (RFC 7517, 5)."""
    keys: list[Key] = []
    for entry in entries:
        with suppress(*_UNREADABLE, AttributeError):
            keys += KeySet.import_key_set({"keys": [entry]}).keys
    return KeySet(keys)


def key_source_of(issuer: TokenIssuer, fetch: FetchKeySet | None = None) -> KeySource:
    """Make the source; `fetch` replaces the client that reads a key set, for tests."""
    if issuer.jwks_url is None:
        return FixedKeys(issuer.public_keys)
    return IssuerKeys(issuer.jwks_url, fetch or _load_client())


def _load_client() -> FetchKeySet:
    # Imported only here: httpx would take a megabyte of each process.
    fetch: FetchKeySet = import_without("pygments", "common.http.key_set_client").fetch_key_set
    return fetch


def public_key_of(text: str) -> dict[str, str | list[str]]:
    """Return a public Ed25519 key in Base64 as a JSON Web Key, whose id follows from it."""
    raw = base64.b64decode(text, validate=True)
    key: dict[str, str | list[str]] = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": base64.urlsafe_b64encode(raw).decode().rstrip("="),
    }
    return {**key, "kid": OKPKey.import_key(key).thumbprint(), "alg": "Ed25519", "use": "sig"}


def groups_of(claims: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    """Return the groups that the claim names, as a text or as a list of texts."""
    value = claims.get(claim)
    groups = value if isinstance(value, list) else [value]
    return tuple(group for group in groups if isinstance(group, str))


def role_of(
    claims: Mapping[str, Any], claim: str, roles: Mapping[str, PersonRole]
) -> PersonRole | None:
    """Return the highest role of the groups that the claim names; None if none has a role."""
    group_roles = {roles.get(group) for group in groups_of(claims, claim)}
    return next((role for role in _HIGHEST_FIRST if role in group_roles), None)
