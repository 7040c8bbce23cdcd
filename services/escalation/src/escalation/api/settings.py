"""The settings that managers put in force.

The routes of each kind follow from the registry of kinds. With `If-Match`, the ETag that the
manager has read, a setting is put only if nothing has changed since.
"""

from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import APIRouter, Body, Depends, Query, Response
from fastapi.openapi.models import Example
from pydantic import TypeAdapter

from common.contracts.event import PersonId
from common.http.access import Principal, require_role
from common.http.app import Slug
from common.http.if_match import IfMatch
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.problems import ProblemError
from common.storage.database import Database
from escalation import use_cases
from escalation.api.deps import EscalationDatabase, ManagerUser, transaction
from escalation.api.schemas import SettingOut, etag
from escalation.api.setting_examples import EXAMPLES
from escalation.domain.settings.people import SET_BY, ApprovalLimit, GrantingRole, PersonAbsences
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import KIND_BY_TYPE, KINDS, Setting, SettingKind, Versioned
from escalation.store.unit_of_work import UnitOfWork

router = APIRouter(prefix="/v1", tags=["settings"])

S = TypeVar("S", bound=Setting)

_STALE: Final[dict[int | str, dict[str, Any]]] = {
    412: {"description": "It is not at your version; `current` is the setting in force."}
}
_CURSOR_KEY = TypeAdapter(Slug)
# Kinds whose ids are fixed names.
_ID_TYPES: Final[dict[type[Any], Any]] = {ApprovalLimit: GrantingRole}


def _body(kind: SettingKind) -> Any:
    return Body(openapi_examples={"example": Example(value=EXAMPLES[kind.path])})


@dataclass(frozen=True, slots=True)
class PutContext:
    """A manager who puts a setting at one of `versions`; None accepts any version."""

    database: Database[UnitOfWork]
    caller: Principal
    versions: Container[int] | None
    response: Response

    async def put(self, setting_id: str, body: S) -> SettingOut[S]:
        if isinstance(body, ApprovalLimit):
            self._require_above(setting_id)

        async def handle(uow: UnitOfWork) -> Versioned[S]:
            by = self.caller.subject
            if isinstance(body, PersonAbsences) and self.caller.role != "admin":
                await use_cases.require_manager(PersonId(by), PersonId(setting_id), uow)
            return await use_cases.put_setting(setting_id, body, by, uow, self.versions)

        return await self.answer(handle)

    def _require_above(self, role: str) -> None:
        """The role that a limit binds does not set it."""
        allowed = next((roles for bound, roles in SET_BY.items() if bound == role), ())
        if self.caller.role not in allowed:
            detail = f"The limit of the role {role} is set by the role {allowed[0]}."
            raise ProblemError(403, "forbidden", detail)

    async def answer(
        self, handle: Callable[[UnitOfWork], Awaitable[Versioned[S]]]
    ) -> SettingOut[S]:
        async with transaction(self.database) as uow:
            setting = await handle(uow)
        self.response.headers["ETag"] = etag(setting)
        return SettingOut.model_validate(setting)


async def _context(
    database: EscalationDatabase, caller: ManagerUser, versions: IfMatch, response: Response
) -> PutContext:
    return PutContext(database, caller, versions, response)


Ctx = Annotated[PutContext, Depends(_context)]


@router.put("/sla-policies/{setting_id}", responses=_STALE)
async def put_policy(
    setting_id: Slug,
    policy: Annotated[SlaPolicy, _body(KIND_BY_TYPE[SlaPolicy])],
    ctx: Ctx,
    open_contacts: Annotated[
        Literal["keep", "retarget"],
        Query(
            description="`keep` leaves running clocks at the policy version that started them; "
            "`retarget` moves open contacts to the new version, and time already spent counts."
        ),
    ] = "keep",
) -> SettingOut[SlaPolicy]:
    """Put in force the service levels of the contacts that match."""
    return await ctx.answer(
        lambda uow: use_cases.put_policy(
            setting_id,
            policy,
            ctx.caller.subject,
            uow,
            ctx.versions,
            retarget_open_contacts=open_contacts == "retarget",
        )
    )


async def get_or_404(kind: type[S], setting_id: str, uow: UnitOfWork) -> Versioned[S]:
    setting = (await uow.settings.in_force()).get(kind, setting_id)
    if setting is None:
        path = KIND_BY_TYPE[kind].path
        raise ProblemError(404, "setting-not-found", f"There is no {setting_id} in {path}.")
    return setting


def _setting_out(kind: SettingKind) -> Any:
    return SettingOut.__class_getitem__(kind.type)


_NOTES: Final[dict[type[Any], str]] = {
    PersonAbsences: " A manager puts the own and those of people below; an admin those of all."
}


def _add_put(kind: SettingKind) -> None:
    id_type = _ID_TYPES.get(kind.type, Slug)

    async def put(setting_id: Any, body: Any, ctx: Ctx) -> Any:
        return await ctx.put(setting_id, body)

    # The kind is known at run time only.
    put.__annotations__ |= {"setting_id": id_type, "body": Annotated[kind.type, _body(kind)]}
    router.add_api_route(
        f"/{kind.path}/{{setting_id}}",
        put,
        methods=["PUT"],
        name=f"put {kind.path}",
        description="Put a new version of the setting; old versions stay."
        + _NOTES.get(kind.type, ""),
        response_model=_setting_out(kind),
        responses=_STALE,
    )


def _add_gets(kind: SettingKind) -> None:
    access = [Depends(require_role("representative", "supervisor", "manager"))]
    setting_out: Any = _setting_out(kind)
    filters = {"kind": kind.path}

    async def show(setting_id: Slug, database: EscalationDatabase, response: Response) -> Any:
        async with transaction(database) as uow:
            setting: Versioned[Any] = await get_or_404(kind.type, setting_id, uow)
        response.headers["ETag"] = etag(setting)
        return setting

    async def list_page(
        database: EscalationDatabase, cursor: Cursor = None, limit: Limit = 50
    ) -> Any:
        after = decode_cursor(cursor, _CURSOR_KEY, filters)
        async with transaction(database) as uow:
            settings: list[Versioned[Any]] = (await uow.settings.in_force()).all_of(kind.type)
        rest = [setting for setting in settings if after is None or setting.id > after]
        return Page[setting_out].of(
            rest,
            limit,
            key=lambda setting: setting.id,
            show=setting_out.model_validate,
            filters=filters,
        )

    router.add_api_route(
        f"/{kind.path}",
        list_page,
        name=f"list {kind.path}",
        description="List the settings in force, by id.",
        response_model=Page[setting_out],
        dependencies=access,
    )
    router.add_api_route(
        f"/{kind.path}/{{setting_id}}",
        show,
        name=f"show one of {kind.path}",
        description="Return the setting in force.",
        response_model=setting_out,
        dependencies=access,
    )


for _kind in KINDS:
    if not _kind.put:
        continue
    # Policies have a parameter of their own.
    if _kind.type is not SlaPolicy:
        _add_put(_kind)
    _add_gets(_kind)
