"""The screen Maintenance: what nobody is paged about for a time, and until when."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Path
from starlette.responses import Response

from console.clients.services import ServiceProblemError
from console.pages.context import Page, PageContext, require_leader
from console.pages.settings import require_manager
from console.texts import mark
from console.views.maintenance import SCOPES, maintenance_view, minutes_of
from console.views.problem_texts import problem_text

# Before the screens of settings: `maintenance` is none of their kinds.
router = APIRouter(prefix="/settings/maintenance", dependencies=[require_leader])

_DONE: Final[Mapping[str, str]] = {
    "set": mark("Pages wait until the end of the maintenance."),
    "ended": mark("The maintenance has ended. What waited is sent within some seconds."),
}
_PATH: Final = "/v1/maintenance-windows"
_WRONG: Final = mark(
    "Write what it is about, for how many minutes (at most 10080), and the reason."
)
ScopePath = Annotated[str, Path(pattern=f"^({'|'.join(SCOPES)})$")]
NamePath = Annotated[str, Path(max_length=200)]


@router.get("")
async def show_maintenance(page: Page) -> Response:
    """List the windows that have not ended; managers get a form for a new one."""
    return await _show(page)


@router.post("", dependencies=[require_manager])
async def set_maintenance(page: Page) -> Response:
    """Let pages wait from now on; what was written wrong is shown again."""
    fields = await page.read_form()
    minutes = minutes_of(fields.get("minutes", ""))
    scope, name, reason = (fields.get(key, "") for key in ("scope", "name", "reason"))
    if minutes is None or scope not in SCOPES or not name or not reason:
        return await _show(page, page.reader.texts.gettext(_WRONG), fields)
    body = {"minutes": minutes, "reason": reason}
    try:
        await page.services.send("notifier", "PUT", _path(scope, name), page.viewer, body=body)
    except ServiceProblemError as error:
        return await _show(page, problem_text(error.document, page.reader), fields)
    return page.lead_to("/settings/maintenance?done=set")


@router.post("/{scope}/{name}/end", dependencies=[require_manager])
async def end_maintenance(scope: ScopePath, name: NamePath, page: Page) -> Response:
    """End it now; one that has ended already is no failure."""
    try:
        await page.services.send("notifier", "DELETE", _path(scope, name), page.viewer)
    except ServiceProblemError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            return await _show(page, problem_text(error.document, page.reader))
    return page.lead_to("/settings/maintenance?done=ended")


async def _show(
    page: PageContext, problem: str | None = None, fields: Mapping[str, str] | None = None
) -> Response:
    answer: Any = await page.parts.get("notifier", _PATH)
    return page.render(
        "maintenance.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        view=maintenance_view(answer, fields or {}, page.parts.missing, page.reader),
        problem=problem,
        done=page.done_text(_DONE),
    )


def _path(scope: str, name: str) -> str:
    return f"{_PATH}/{scope}/{quote(name, safe=':')}"
