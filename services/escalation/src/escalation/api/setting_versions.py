"""All versions of a setting: what was in force when, and who put it."""

from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Path
from pydantic import Field, TypeAdapter

from common.http.access import StaffUser
from common.http.app import Slug
from common.http.examples import MANAGER, RECEIVED_AT
from common.http.pagination import Cursor, Limit, Page, decode_cursor
from common.http.routes import ApiRouter
from escalation.api.deps import EscalationDatabase, refusals, transaction
from escalation.api.examples import SETTING_IDS, SETTINGS
from escalation.api.schemas import Out
from escalation.api.settings import get_or_404
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.errors import SettingNotFoundError
from escalation.domain.settings.registry import KINDS, SettingKind

router = ApiRouter(prefix="/v1", tags=["settings"])

T = TypeVar("T")
_CURSOR_KEY = TypeAdapter(Annotated[int, Field(ge=1, lt=2**31)])
_NOT_FOUND: Final = refusals(SettingNotFoundError)


class SettingVersionOut(Out, Generic[T]):
    version: int = Field(description="The number of the version.")
    archived: bool = Field(description="True if this version took the setting out of force.")
    put_at: datetime = Field(description="When it was put.")
    put_by: str = Field(description="Who put it.")
    body: T = Field(description="The setting as it can be put again.")


def _example(kind: SettingKind) -> dict[int | str, dict[str, Any]]:
    version = {
        "version": 1,
        "archived": False,
        "put_at": RECEIVED_AT,
        "put_by": MANAGER,
        "body": SETTINGS[kind.path],
    }
    return {
        200: {
            "content": {"application/json": {"example": {"items": [version], "next_cursor": None}}}
        }
    }


def _add_versions(kind: SettingKind) -> None:
    version_out: Any = SettingVersionOut.__class_getitem__(kind.type)

    async def list_versions(
        setting_id: Any,
        database: EscalationDatabase,
        _caller: StaffUser,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Any:
        filters = {"kind": kind.path, "setting_id": setting_id}
        before = decode_cursor(cursor, _CURSOR_KEY, filters)
        async with transaction(database) as uow:
            await get_or_404(kind.type, setting_id, uow, archived=True)
            rows = await uow.settings.rows_before(kind.type, setting_id, before, limit + 1)
        return Page[version_out].of(
            rows,
            limit,
            key=lambda row: row.version,
            show=version_out.model_validate,
            filters=filters,
        )

    # The kind is known at run time only.
    list_versions.__annotations__["setting_id"] = Annotated[
        Slug, Path(examples=[SETTING_IDS[kind.path]])
    ]
    router.add_api_route(
        f"/{kind.path}/{{setting_id}}/versions",
        list_versions,
        name=f"list versions of {kind.path}",
        description="List all versions of the setting, the one that was put last first; also of "
        "one that was archived.",
        response_model=Page[version_out],
        responses=_NOT_FOUND | _example(kind),
    )


for _kind in KINDS:
    # Versions of duty schedules have periods: see `duty_versions`.
    if _kind.put and _kind.type is not DutySchedule:
        _add_versions(_kind)
