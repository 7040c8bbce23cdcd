"""Maintenance windows: for a time nobody is paged about a topic, a connection or a campaign."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from common.http.access import ManagerUser, SupervisorUser
from common.http.app import RequestModel, ShortText
from common.http.examples import ACTED_AT, MANAGER, RAISED_AT, RESPOND_BY, with_examples
from common.http.pagination import Page
from common.http.routes import ApiRouter
from notifier.api.deps import NotifierDatabase, refusals, transaction
from notifier.domain import errors
from notifier.domain.maintenance import LONGEST, MaintenanceWindow, Scope, key_of
from notifier.use_cases import maintenance

router = ApiRouter(prefix="/v1/maintenance-windows", tags=["maintenance"])

ScopePath = Annotated[Scope, Path(description="What the pages are about.", examples=["topic"])]
NamePath = Annotated[
    str,
    Path(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f-\x9f]+$",
        description="The topic, the campaign, or the connection as `zendesk:acme`.",
        examples=["billing"],
    ),
]


class WindowIn(RequestModel):
    model_config = with_examples({"minutes": 90, "reason": "New billing system"})

    starts_at: AwareDatetime | None = Field(default=None, description="Null: now.")
    minutes: int = Field(
        ge=1, le=LONGEST // timedelta(minutes=1), description="After so many pages go out again."
    )
    reason: ShortText = Field(
        description="What is done; it is shown as the reason why a page waits."
    )


class WindowOut(BaseModel):
    model_config = ConfigDict(
        from_attributes=True,
        **with_examples(
            {
                "scope": "topic",
                "name": "billing",
                "starts_at": RAISED_AT,
                "ends_at": RESPOND_BY,
                "reason": "New billing system",
                "set_by": MANAGER,
                "set_at": ACTED_AT,
            }
        ),
    )

    scope: Scope = Field(description="What the pages are about.")
    name: str = Field(description="The topic, the connection or the campaign.")
    starts_at: datetime = Field(description="From when its pages wait.")
    ends_at: datetime = Field(description="When they go out.")
    reason: str = Field(description="What is done.")
    set_by: str = Field(description="Who set it.")
    set_at: datetime = Field(description="When it was set.")


@router.put("/{scope}/{name:path}", responses=refusals(errors.MaintenanceTimesError))
async def put_window(
    scope: ScopePath,
    name: NamePath,
    body: WindowIn,
    database: NotifierDatabase,
    principal: ManagerUser,
) -> WindowOut:
    """Let pages about it wait until then. Clocks go on, and updates of messages are sent.

    It replaces an earlier window. Processes know of it within five seconds. Operations are told
    when it begins; when it ends they are, and the people whose pages follow.
    """
    async with transaction(database) as uow:
        starts_at = body.starts_at or uow.now
        window = MaintenanceWindow(
            key=key_of(scope, name),
            scope=scope,
            name=name,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=body.minutes),
            reason=body.reason,
            set_by=principal.actor,
            set_at=uow.now,
        )
        await maintenance.save_window(window, uow)
    return WindowOut.model_validate(window)


@router.delete(
    "/{scope}/{name:path}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(errors.MaintenanceNotFoundError),
)
async def end_window(
    scope: ScopePath, name: NamePath, database: NotifierDatabase, principal: ManagerUser
) -> Response:
    """End it now: what waits is sent within some seconds.

    Operations, and the people whose pages follow, are told.
    """
    async with transaction(database) as uow:
        await maintenance.end_window(key_of(scope, name), principal.actor, uow)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("")
async def show_windows(database: NotifierDatabase, _caller: SupervisorUser) -> Page[WindowOut]:
    """List the windows that have not ended, the first to end first."""
    async with transaction(database) as uow:
        windows = await uow.maintenance.unfinished(uow.now)
    return Page(items=[WindowOut.model_validate(window) for window in windows], next_cursor=None)
