"""Filters of the list Now that a person has named."""

from typing import Annotated, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Path
from starlette.responses import Response

from common.contracts.event import UUID_PATTERN
from common.core.ids import new_id
from common.core.text import one_line
from console.dependencies import ConsoleDatabase
from console.domain.saved_view import MAX_NAME_LENGTH, SavedView, is_full
from console.pages.context import Page, PageContext
from console.views.filters import parse_filters
from console.views.saved_views import now_url

router = APIRouter(prefix="/now/views")

ViewPath = Annotated[str, Path(pattern=f"^{UUID_PATTERN}$")]
SaveResult = Literal["view_saved", "view_unnamed", "views_full"]


@router.post("")
async def save_view(page: Page, database: ConsoleDatabase) -> Response:
    """Save the filters of the address under a name; the same name takes the new filters."""
    fields = await page.read_form()
    address = parse_filters(parse_qsl(fields.get("filters", "")), page.reader).address
    name = one_line(fields.get("name", ""))[:MAX_NAME_LENGTH].strip()
    is_default = fields.get("default") == "true"
    result: SaveResult = "view_unnamed"
    if name:
        view = SavedView(new_id(), name, address, is_default)
        result = await _save(view, page, database)
    return page.lead_to(now_url(address, done=result))


async def _save(view: SavedView, page: PageContext, database: ConsoleDatabase) -> SaveResult:
    person = page.viewer.person
    async with database.transaction() as uow:
        await uow.saved_views.lock(person)
        if is_full(await uow.saved_views.list_of(person), view.name):
            return "views_full"
        await uow.saved_views.put(person, view, uow.now)
        if view.is_default:
            await uow.saved_views.set_default(person, view.view_id)
    return "view_saved"


@router.post("/{view_id}/{action}")
async def change_view(
    view_id: ViewPath,
    action: Literal["delete", "open-first", "not-first"],
    page: Page,
    database: ConsoleDatabase,
) -> Response:
    """Delete a view of one's own, or say whether it opens with Now."""
    person = page.viewer.person
    async with database.transaction() as uow:
        await uow.saved_views.lock(person)
        if action == "delete":
            await uow.saved_views.delete(person, view_id)
        else:
            await uow.saved_views.set_default(person, view_id if action == "open-first" else None)
    fields = await page.read_form()
    address = parse_filters(parse_qsl(fields.get("filters", "")), page.reader).address
    return page.lead_to(now_url(address, done="views_changed"))
