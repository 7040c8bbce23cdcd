"""Callers: a bearer API key, or a token of an issuer, stands for a role and a subject."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from common.contracts.event import PersonId, Role
from common.core.clock import TimeSource
from common.core.errors import TransientError
from common.http.problems import ProblemError
from common.http.whole_request import WholeRequest
from common.storage.api_keys import PEOPLE, SCOPES, ActiveKey, ListedKey, Scope, digest_of

if TYPE_CHECKING:
    # It imports this module.
    from common.http.tokens import TokenVerifier

_CREDENTIALS: Final = (
    "An API key, or a JSON Web Token of an issuer that the settings of the service name."
)
_CREDENTIALS_MISSING: Final = "Send a known API key, or a valid token, as a bearer token."
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Principal:
    """`subject` is the caller's person id, or the name of a system.

    `issuer` vouches for a person who sent a token, which has no `key_id`.
    """

    role: Role
    subject: str
    key_id: str = field(default="", compare=False)
    scopes: tuple[Scope, ...] = field(default=SCOPES, compare=False)
    expires_at: datetime | None = field(default=None, compare=False)
    issuer: str | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """As audit trails and idempotency keys name the caller: `supervisor:sam`."""
        return f"{self.role}:{self.subject}"

    @property
    def person_id(self) -> PersonId | None:
        """None of channels and admins: they are systems, whose subject is no person's id."""
        return PersonId(self.subject) if self.role in PEOPLE else None

    @property
    def actor(self) -> PersonId:
        """As events and records name who acts: a person by id, a system as `admin:ops`.

        No person's id has a colon, so a system is never taken for a person.
        """
        return self.person_id or PersonId(self.name)


class InvalidTokenError(Exception):
    """The token admits nobody; the text tells the caller why."""


class UnknownPersonError(InvalidTokenError):
    """The person is not known here, or has left."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class KeysNotLoadedError(TransientError):
    """The API keys are not loaded from the database yet."""


class ApiKeys:
    """The keys that may call, by their digest. `keys` are valid until the table's replace them.

    `reader`, if it is set, returns when the table was read once more, or could not be.
    """

    def __init__(self, keys: Iterable[ListedKey] = (), clock: TimeSource | None = None) -> None:
        self._clock = clock or TimeSource()
        self._principals: Mapping[bytes, Principal] | None = {
            digest_of(entry.key): Principal(entry.role, entry.subject, entry.key_id)
            for entry in keys
        }
        # By the whole header: to take one apart costs more than to look it up.
        self._by_header: dict[str, Principal] = {}
        self._active_ids: frozenset[str] = frozenset()
        self._used: set[str] = set()
        self.reader: Callable[[], Awaitable[None]] | None = None
        self._set_ids()

    def withhold(self) -> None:
        """Admit nobody until the keys of the table are there."""
        self._principals = None
        self._by_header.clear()

    def replace(self, keys: Iterable[ActiveKey]) -> None:
        self._principals = {
            key.digest: Principal(key.role, key.subject, key.key_id, key.scopes, key.expires_at)
            for key in keys
        }
        self._by_header.clear()
        self._set_ids()

    async def find_caller(self, authorization: str) -> Principal | None:
        """Return whose key the header holds, if it is valid; raises KeysNotLoadedError."""
        principal = self._by_header.get(authorization)
        if principal is not None and not self._is_expired(principal):
            self._used.add(principal.key_id)
            return principal
        scheme, credentials = get_authorization_scheme_param(authorization)
        if scheme.lower() != "bearer" or not credentials:
            return None
        principal = await self.find(credentials)
        if principal is not None:
            self._by_header[authorization] = principal
        return principal

    async def find(self, key: str) -> Principal | None:
        """Return the caller of a valid key, also of one that is new in the table.

        Raises KeysNotLoadedError.
        """
        principal = self._principal(key)
        if principal is None:
            await self.read_again()
            principal = self._principal(key)
        return principal

    async def read_again(self) -> None:
        """Let what has changed in the table count here at once."""
        if self.reader is not None:
            await self.reader()

    def _principal(self, key: str) -> Principal | None:
        if self._principals is None:
            raise KeysNotLoadedError
        # By its digest: how long this takes tells nothing about any key.
        principal = self._principals.get(digest_of(key))
        if principal is None or self._is_expired(principal):
            return None
        self._used.add(principal.key_id)
        return principal

    def is_valid(self, principal: Principal) -> bool:
        """Return whether the caller's key is still valid: for answers that take long."""
        return principal.key_id in self._active_ids and not self._is_expired(principal)

    def take_used(self) -> set[str]:
        """Return the ids of the keys that were used since the last call."""
        used, self._used = self._used, set()
        return used

    def _is_expired(self, principal: Principal) -> bool:
        return principal.expires_at is not None and principal.expires_at <= self._clock.utc_now()

    def _set_ids(self) -> None:
        principals = self._principals or {}
        self._active_ids = frozenset(principal.key_id for principal in principals.values())


async def caller_of(request: WholeRequest) -> Principal | None:
    """Return whose key or token the request holds, if it is valid.

    Raises TransientError while it can't be known.
    """
    try:
        return await _find_caller(request)
    except InvalidTokenError:
        return None


def is_still_valid(app: FastAPI, caller: Principal) -> bool:
    """Return whether the caller's key or token is still valid: for answers that take long."""
    tokens: TokenVerifier = app.state.tokens
    keys: ApiKeys = app.state.api_keys
    return keys.is_valid(caller) if caller.issuer is None else tokens.is_valid(caller)


async def _find_caller(request: WholeRequest) -> Principal | None:
    """Raises InvalidTokenError too."""
    authorization = request.text_of(b"authorization")
    tokens: TokenVerifier = request.app.state.tokens
    token = tokens.token_in(authorization)
    if token is not None:
        return await tokens.verify(token)
    keys: ApiKeys = request.app.state.api_keys
    return await keys.find_caller(authorization)


class require_role(HTTPBearer):  # noqa: N801 - reads as a verb where it is used
    """A dependency that admits these roles, and admin, and returns the caller.

    It is also the security scheme, since each further dependency costs time in every request.
    """

    def __init__(self, *roles: Role) -> None:
        super().__init__(scheme_name="HTTPBearer", description=_CREDENTIALS, auto_error=False)
        self._roles = (*roles, "admin")

    async def __call__(self, request: WholeRequest) -> Principal:  # type: ignore[override]  # more than its credentials
        try:
            principal = await _find_caller(request)
        except InvalidTokenError as error:
            is_unknown = isinstance(error, UnknownPersonError)
            raise unauthenticated(str(error), is_unknown=is_unknown) from error
        if principal is None:
            raise unauthenticated()
        if principal.role not in self._roles:
            needed = " or ".join(self._roles[:-1]) or "admin"
            detail = f"This takes the role {needed}; you have the role {principal.role}."
            raise ProblemError(403, "forbidden", detail)
        _check_scope(request.method, principal)
        return principal


def unauthenticated(
    detail: str = _CREDENTIALS_MISSING, *, is_unknown: bool = False
) -> ProblemError:
    """`is_unknown`: the token is good, but its person may not come in."""
    extensions = {"person_is_unknown": True} if is_unknown else {}
    headers = {"WWW-Authenticate": "Bearer"}
    return ProblemError(401, "unauthenticated", detail, headers=headers, **extensions)


def _check_scope(method: str, principal: Principal) -> None:
    if method in SAFE_METHODS:
        if "read" not in principal.scopes:
            raise ProblemError(403, "write-only-key", "The key may change, and read nothing.")
    elif "write" not in principal.scopes:
        raise ProblemError(403, "read-only-key", "The key may read, and change nothing.")


StaffUser = Annotated[Principal, Depends(require_role("representative", "supervisor", "manager"))]
SupervisorUser = Annotated[Principal, Depends(require_role("supervisor", "manager"))]
ManagerUser = Annotated[Principal, Depends(require_role("manager"))]
