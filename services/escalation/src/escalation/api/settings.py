"""The settings that managers put in force.

The routes of each kind follow from the registry of kinds. With `If-Match`, the ETag that the
manager has read, a setting is put only if nothing has changed since; with `If-None-Match: *` only
if none of this id is in force.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import Body, Depends, Path, Query, Response
from pydantic import TypeAdapter

from common.contracts.event import PersonId
from common.core.preconditions import Precondition
from common.http.access import ManagerUser, Principal, StaffUser, require_role
from common.http.app import Slug
from common.http.if_match import WritePrecondition, etag
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from common.storage.database import Database
from escalation import duty_use_cases, setting_archive, use_cases
from escalation.api.deps import EscalationDatabase, refusals, transaction
from escalation.api.examples import SETTING_IDS, SETTINGS
from escalation.api.schemas import DutyScheduleOut, SettingOut
from escalation.domain import errors
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.settings.people import (
    SET_BY,
    ApprovalLimit,
    GrantingRole,
    PersonAbsences,
    Team,
)
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import (
    KIND_BY_TYPE,
    KINDS,
    OpenContacts,
    Setting,
    SettingKind,
    Versioned,
)
from escalation.store.unit_of_work import UnitOfWork

router = ApiRouter(prefix="/v1", tags=["settings"])

S = TypeVar("S", bound=Setting)

_ON_PUT: Final = refusals(errors.StaleSettingError, errors.ForbiddenError)
_ON_PUT_LIMIT: Final = refusals(
    errors.StaleSettingError, errors.ForbiddenError, errors.LimitBelowError
)
_ON_DELETE: Final = refusals(
    errors.SettingNotFoundError, errors.SettingInUseError, errors.StaleSettingError
)
_NOT_FOUND: Final = refusals(errors.SettingNotFoundError)
_CHOICES: Final[dict[OpenContacts, str]] = {
    "keep": "`keep`: they go on with its last version until they end.",
    "retarget": "`retarget`: they move to the settings in force; clocks that no other policy "
    "promises are cancelled.",
    "release": "`release`: the clocks that count by it are cancelled. From then on they escalate "
    "by the policy in force, or by the ladder `default` without one. "
    "An escalation that nobody acknowledged, and that only these clocks raised, is closed; others "
    "stay open and keep their ladder.",
}
_CURSOR_KEY = TypeAdapter(Slug)
# Kinds whose ids are fixed names.
_ID_TYPES: Final[dict[type[Any], Any]] = {ApprovalLimit: GrantingRole}


def _body(kind: SettingKind) -> Any:
    return Body(examples=[SETTINGS[kind.path]])


def _path(kind: SettingKind) -> Any:
    return Annotated[_ID_TYPES.get(kind.type, Slug), Path(examples=[SETTING_IDS[kind.path]])]


def _example(kind: SettingKind) -> dict[str, Any]:
    """Return the answer about the sample setting."""
    setting = {"id": SETTING_IDS[kind.path], "version": 1, "body": SETTINGS[kind.path]}
    return setting | ({"warnings": []} if kind.type is DutySchedule else {})


def _shows(example: Any) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"example": example}}}}


PolicyPath = Annotated[Slug, Path(examples=[SETTING_IDS["sla-policies"]])]
CalendarPath = Annotated[Slug, Path(examples=[SETTING_IDS["calendars"]])]
SchedulePath = Annotated[Slug, Path(examples=[SETTING_IDS["duty-schedules"]])]


@dataclass(frozen=True, slots=True)
class PutContext:
    """Who puts a setting that is as `precondition` says."""

    database: Database[UnitOfWork]
    caller: Principal
    precondition: Precondition
    response: Response

    async def put(self, setting_id: str, body: S) -> SettingOut[S]:
        async def handle(uow: UnitOfWork) -> Versioned[S]:
            if isinstance(body, ApprovalLimit):
                self._require_above(setting_id)
            await self._require_line(setting_id, body, uow)
            return await use_cases.put_setting(
                setting_id, body, self.caller.actor, uow, self.precondition
            )

        return await self.answer(handle)

    async def put_terms(
        self, setting_id: str, terms: use_cases.Terms, *, retarget_open_contacts: bool
    ) -> SettingOut[use_cases.Terms]:
        return await self.answer(
            lambda uow: use_cases.put_terms(
                setting_id,
                terms,
                self.caller.actor,
                uow,
                self.precondition,
                retarget_open_contacts=retarget_open_contacts,
            )
        )

    async def _require_line(self, setting_id: str, body: Setting, uow: UnitOfWork) -> None:
        """Let a manager put only what concerns the own line."""
        if self.caller.role == "admin":
            return
        manager = self.caller.actor
        if isinstance(body, PersonAbsences):
            if self.caller.role != "manager" and setting_id != manager:
                raise errors.ForbiddenError("You enter only your own: a manager enters others'.")
            await use_cases.require_manager(manager, PersonId(setting_id), uow)
        elif isinstance(body, Team):
            await use_cases.require_manager_of_team(manager, setting_id, body.supervisors, uow)

    def _require_above(self, role: str) -> None:
        """The role that a limit binds does not set it."""
        allowed = next((roles for bound, roles in SET_BY.items() if bound == role), ())
        if self.caller.role not in allowed:
            detail = f"The limit of the role {role} is set by the role {allowed[0]}."
            raise errors.ForbiddenError(detail)

    async def answer(
        self, handle: Callable[[UnitOfWork], Awaitable[Versioned[S]]]
    ) -> SettingOut[S]:
        async with transaction(self.database) as uow:
            setting = await handle(uow)
        self.response.headers["ETag"] = etag(setting.version)
        return SettingOut.model_validate(setting)


async def _context(
    database: EscalationDatabase,
    caller: ManagerUser,
    precondition: WritePrecondition,
    response: Response,
) -> PutContext:
    return PutContext(database, caller, precondition, response)


async def _staff_context(
    database: EscalationDatabase,
    caller: StaffUser,
    precondition: WritePrecondition,
    response: Response,
) -> PutContext:
    return PutContext(database, caller, precondition, response)


Ctx = Annotated[PutContext, Depends(_context)]
# Of what people put for themselves.
StaffCtx = Annotated[PutContext, Depends(_staff_context)]


ForOpenContacts = Annotated[
    Literal["keep", "retarget"],
    Query(
        description="`keep` leaves running clocks at the version that they count by; `retarget` "
        "moves open contacts to the settings in force. Time already spent counts, breaches stay, "
        "and a threshold that has fired fires again only if the time spent has not reached it."
    ),
]


@router.put("/sla-policies/{setting_id}", responses=refusals(errors.StaleSettingError))
async def put_policy(
    setting_id: PolicyPath,
    policy: Annotated[SlaPolicy, _body(KIND_BY_TYPE[SlaPolicy])],
    ctx: Ctx,
    open_contacts: ForOpenContacts = "keep",
) -> SettingOut[SlaPolicy]:
    """Put in force the service levels of the contacts that match."""
    retarget = open_contacts == "retarget"
    return await ctx.put_terms(setting_id, policy, retarget_open_contacts=retarget)


@router.put("/calendars/{setting_id}", responses=refusals(errors.StaleSettingError))
async def put_calendar(
    setting_id: CalendarPath,
    calendar: Annotated[Calendar, _body(KIND_BY_TYPE[Calendar])],
    ctx: Ctx,
    open_contacts: ForOpenContacts = "keep",
) -> SettingOut[Calendar]:
    """Put in force the business hours by which the clocks of policies count."""
    retarget = open_contacts == "retarget"
    return await ctx.put_terms(setting_id, calendar, retarget_open_contacts=retarget)


@router.put("/duty-schedules/{setting_id}", responses=refusals(errors.StaleSettingError))
async def put_duty_schedule(
    setting_id: SchedulePath,
    schedule: Annotated[DutySchedule, _body(KIND_BY_TYPE[DutySchedule])],
    ctx: Ctx,
) -> DutyScheduleOut:
    """Put a version of the schedule, which counts from `from`, or from the next hand-over.

    Until then the earlier versions say who is on duty, and for the past they always do. If nobody
    is on duty, or the person on duty never changes, it counts at once. Turns are counted from
    `starts_at`. Rotations of several zones that overlap or leave a gap in some weeks of the year
    are accepted with a warning; always is an error.
    """
    async with transaction(ctx.database) as uow:
        setting = await duty_use_cases.put_schedule(
            setting_id, schedule, ctx.caller.actor, uow, ctx.precondition
        )
    ctx.response.headers["ETag"] = etag(setting.version)
    return await asyncio.to_thread(DutyScheduleOut.of, setting)


async def get_or_404(
    kind: type[S], setting_id: str, uow: UnitOfWork, *, archived: bool = False
) -> Versioned[S]:
    """Return the setting in force, or also one that was archived."""
    configuration = await uow.settings.in_force()
    get = configuration.newest if archived else configuration.get
    setting = get(kind, setting_id)
    if setting is None:
        path = KIND_BY_TYPE[kind].path
        raise errors.SettingNotFoundError(f"There is no {setting_id} in {path}.")
    return setting


def _setting_out(kind: SettingKind) -> Any:
    return SettingOut.__class_getitem__(kind.type)


_NOTES: Final[dict[type[Any], str]] = {
    PersonAbsences: " Everybody puts their own, a manager also those of people below, an admin"
    " those of all. An absence that is new must not be over. Pages go to the stand-in; if that"
    " person is absent too, to theirs; where that leads nowhere, to the person after all. The"
    " stand-in may approve what the person may.",
    Team: " A manager puts, or takes out of force, a team whose supervisors are the manager or "
    "people below, both before and after; an admin any. Without a setting the supervisors are "
    "those whom router has in the team.",
    ApprovalLimit: " The limit of supervisors is set by managers, that of managers by admins. That "
    "of supervisors allows nothing that managers may not grant: so put that of managers first, and "
    "lower that of supervisors first (else 409 `limit-below-supervisors`, with `places`).",
}


def _add_put(kind: SettingKind) -> None:
    async def put(setting_id: Any, body: Any, ctx: Ctx) -> Any:
        return await ctx.put(setting_id, body)

    # The kind is known at run time only.
    put.__annotations__ |= {
        "setting_id": _path(kind),
        "body": Annotated[kind.type, _body(kind)],
        "ctx": StaffCtx if kind.type is PersonAbsences else Ctx,
    }
    router.add_api_route(
        f"/{kind.path}/{{setting_id}}",
        put,
        methods=["PUT"],
        name=f"put {kind.path}",
        description="Put a new version of the setting; old versions stay."
        + _NOTES.get(kind.type, ""),
        response_model=_setting_out(kind),
        responses=_ON_PUT_LIMIT if kind.type is ApprovalLimit else _ON_PUT,
    )


def _add_delete(kind: SettingKind) -> None:
    choices = " ".join(_CHOICES[choice] for choice in kind.open_contacts)
    literal: Any = Literal
    choice: Any = literal[kind.open_contacts] | None
    parameter = Annotated[
        choice,
        Query(description=f"What becomes of the open contacts that depend on it. {choices}"),
    ]

    async def archive(setting_id: Any, ctx: Ctx, open_contacts: Any = None) -> Response:
        async with transaction(ctx.database) as uow:
            if kind.type is Team and ctx.caller.role != "admin":
                await use_cases.require_manager_of_team(ctx.caller.actor, setting_id, (), uow)
            await setting_archive.archive_setting(
                kind,
                setting_id,
                ctx.caller.actor,
                uow,
                ctx.precondition,
                open_contacts=open_contacts,
            )
        return Response(status_code=204)

    # The choices are known at run time only.
    archive.__annotations__ |= {"setting_id": _path(kind), "open_contacts": parameter}
    router.add_api_route(
        f"/{kind.path}/{{setting_id}}",
        archive,
        methods=["DELETE"],
        name=f"archive {kind.path}",
        description="Take the setting out of force. It is refused while other settings name it, "
        "and while open contacts depend on it without a choice of what becomes of them. "
        "To put it again brings it back as the next version.",
        status_code=204,
        response_class=Response,
        responses=_ON_DELETE,
    )


def _add_gets(kind: SettingKind) -> None:
    access = [Depends(require_role("representative", "supervisor", "manager"))]
    setting_out: Any = _setting_out(kind)

    async def show(setting_id: Any, database: EscalationDatabase, response: Response) -> Any:
        async with transaction(database) as uow:
            setting: Versioned[Any] = await get_or_404(kind.type, setting_id, uow)
        response.headers["ETag"] = etag(setting.version)
        if kind.type is DutySchedule:
            # It looks at a whole year.
            return await asyncio.to_thread(DutyScheduleOut.of, setting)
        return setting

    show.__annotations__["setting_id"] = Annotated[Slug, Path(examples=[SETTING_IDS[kind.path]])]

    async def list_page(
        database: EscalationDatabase,
        cursor: Cursor = None,
        limit: Limit = 50,
        *,
        archived: Annotated[
            bool, Query(description="Those that were archived, in place of those in force.")
        ] = False,
    ) -> Any:
        filters = {"kind": kind.path, "archived": archived}
        after = decode_cursor(cursor, _CURSOR_KEY, filters)
        async with transaction(database) as uow:
            in_force = await uow.settings.in_force()
        list_all = in_force.archived_of if archived else in_force.all_of
        settings: list[Versioned[Any]] = list_all(kind.type)
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
        responses=_shows({"items": [_example(kind)], "next_cursor": None}),
        dependencies=access,
    )
    router.add_api_route(
        f"/{kind.path}/{{setting_id}}",
        show,
        name=f"show one of {kind.path}",
        description="Return the setting in force.",
        response_model=DutyScheduleOut if kind.type is DutySchedule else setting_out,
        dependencies=access,
        responses=_NOT_FOUND | _shows(_example(kind)),
    )


for _kind in KINDS:
    if not _kind.put:
        continue
    # These have routes of their own.
    if _kind.type not in (SlaPolicy, Calendar, DutySchedule):
        _add_put(_kind)
    _add_gets(_kind)
    if _kind.open_contacts:
        _add_delete(_kind)
