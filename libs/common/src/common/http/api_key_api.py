"""The API keys of a service, for admins: list them, make them, revoke them."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from common.contracts.event import Role
from common.http.access import ApiKeys, Principal, require_role, unauthenticated
from common.http.app import RequestModel, Slug, get_database
from common.http.examples import SUPERVISOR, with_examples
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.problems import ProblemError, listed
from common.http.routes import ApiRouter
from common.storage.api_keys import (
    SCOPES,
    ApiKey,
    ApiKeyStore,
    ListedKey,
    Origin,
    Scope,
    make_key,
)
from common.storage.database import Database
from common.storage.uow import UnitOfWork

router = ApiRouter(prefix="/v1/api-keys", tags=["API keys"])

_MAX_DAYS = 3650
_PAGE_KEY: TypeAdapter[tuple[datetime, str]] = TypeAdapter(tuple[datetime, str])
_EXAMPLE: dict[str, Any] = {
    "key_id": "5f0c9a31e7d2",
    "role": "supervisor",
    "subject": SUPERVISOR,
    "scopes": ["read", "write"],
    "origin": "api",
    "created_at": "2026-03-02T09:30:00Z",
    "created_by": "admin:ops",
    "expires_at": "2026-09-01T00:00:00Z",
    "last_used_at": "2026-03-02T11:02:00Z",
    "revoked_at": None,
    "revoked_by": None,
}
_TAKEN: Final = (409, "key-id-taken")
_NOT_FOUND: Final = (404, "key-not-found")
_LAST_ADMIN: Final = (409, "last-admin-key")

DatabaseDep = Annotated[Database[UnitOfWork], Depends(get_database)]
AdminUser = Annotated[Principal, Depends(require_role())]
KeyPath = Annotated[
    str,
    Path(pattern="^[0-9a-f]{12}$", description="The id in the key", examples=[_EXAMPLE["key_id"]]),
]


async def _api_keys(request: Request) -> ApiKeys:
    api_keys: ApiKeys = request.app.state.api_keys
    return api_keys


ApiKeysDep = Annotated[ApiKeys, Depends(_api_keys)]


def _once_each(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    return tuple(scope for scope in SCOPES if scope in scopes)


class ApiKeyIn(RequestModel):
    model_config = with_examples(
        {"role": "supervisor", "subject": SUPERVISOR, "expires_in_days": 180}
    )

    role: Role = Field(description="What the key allows; an admin may do all")
    subject: Slug = Field(description="The person's id, or the name of a system")
    scopes: Annotated[tuple[Scope, ...], AfterValidator(_once_each)] = Field(
        default=SCOPES,
        min_length=1,
        max_length=2,
        description="`read` alone changes nothing, `write` alone reads nothing",
    )
    expires_in_days: int | None = Field(
        default=None, ge=1, le=_MAX_DAYS, description="Without it the key does not expire"
    )


class ApiKeyOut(BaseModel):
    """A key without its secret, which is stored nowhere."""

    model_config = with_examples(_EXAMPLE) | ConfigDict(from_attributes=True)

    key_id: str = Field(description="The id in the key: `ups_<id>_…`")
    role: Role = Field(description="What the key allows")
    subject: str = Field(description="The person's id, or the name of a system")
    scopes: tuple[Scope, ...] = Field(
        description="`read` alone changes nothing, `write` alone reads nothing"
    )
    origin: Origin = Field(description="Where it was made: in the settings, by command or by API")
    created_at: datetime = Field(description="Since when this service knows it")
    created_by: str = Field(description="Who made it")
    expires_at: datetime | None = Field(description="Until when it is valid; null: no end")
    last_used_at: datetime | None = Field(description="When it was last used, to the minute")
    revoked_at: datetime | None = Field(description="Since when it is no longer valid")
    revoked_by: str | None = Field(description="Who revoked it; `settings`: no longer listed")


class NewApiKeyOut(ApiKeyOut):
    model_config = with_examples({**_EXAMPLE, "key": "ups_5f0c9a31e7d2_…"})

    key: str = Field(description="The key; it is shown only now")


@router.get("")
async def list_api_keys(
    database: DatabaseDep, _caller: AdminUser, limit: Limit = 50, cursor: Cursor = None
) -> Page[ApiKeyOut]:
    """List the keys of this service, newest first, also those that are no longer valid."""
    before = decode_cursor(cursor, _PAGE_KEY)
    async with database.transaction() as uow:
        rows = await ApiKeyStore(uow.connection).newest(before=before, limit=limit + 1)
    return Page[ApiKeyOut].of(
        rows, limit, key=lambda row: (row.created_at, row.key_id), show=ApiKeyOut.model_validate
    )


@router.post("", status_code=201, responses=listed(_TAKEN))
async def create_api_key(
    body: ApiKeyIn, database: DatabaseDep, caller: AdminUser, api_keys: ApiKeysDep
) -> NewApiKeyOut:
    """Make a key. It is valid at once on every replica of this service, and on no other service.

    The key is in this answer and stored nowhere, so `Idempotency-Key` is not heeded: a request that
    is repeated makes another key. If you lost the answer, list the keys, revoke that one and make
    another.
    """
    key = make_key()
    async with database.transaction() as uow:
        days = body.expires_in_days
        store = await _lock_for(caller, uow)
        stored = await store.add(
            ListedKey(body.role, body.subject, key),
            scopes=body.scopes,
            origin="api",
            by=caller.name,
            now=uow.now,
            expires_at=None if days is None else uow.now + timedelta(days=days),
        )
    if stored is None:
        raise ProblemError(*_TAKEN, "A key of the same id exists. Try again.")
    await api_keys.read_again()
    return NewApiKeyOut(**_fields(stored), key=key)


@router.post("/{key_id}/revoke", responses=listed(_NOT_FOUND, _LAST_ADMIN))
async def revoke_api_key(
    key_id: KeyPath, database: DatabaseDep, caller: AdminUser, api_keys: ApiKeysDep
) -> ApiKeyOut:
    """Revoke a key for good, also one's own.

    It stops working here at once, and on other replicas within two seconds. The last valid key of
    an admin that may change anything is not revoked here: make another one first, or use the
    command `api-keys revoke`.
    """
    async with database.transaction() as uow:
        store = await _lock_for(caller, uow)
        revoked = await store.revoke(key_id, by=caller.name, now=uow.now)
        if revoked is None:
            raise ProblemError(*_NOT_FOUND, f"There is no key {key_id} in this service.")
        if not await store.has_admin(uow.now):
            detail = f"{key_id} is the last key of an admin. Make another one, then revoke it."
            raise ProblemError(*_LAST_ADMIN, detail)
    await api_keys.read_again()
    return ApiKeyOut.model_validate(revoked)


async def _lock_for(caller: Principal, uow: UnitOfWork) -> ApiKeyStore:
    """Return the locked keys; raises ProblemError if the caller's was revoked meanwhile.

    Else who has a leaked key could make another one during the seconds that it still works.
    """
    store = ApiKeyStore(uow.connection)
    await store.lock()
    if await store.is_revoked(caller.key_id):
        raise unauthenticated()
    return store


def _fields(stored: ApiKey) -> dict[str, Any]:
    return ApiKeyOut.model_validate(stored).model_dump()
