"""The forms of settings: routes; the work is that of the editor."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from common.contracts.event import UUID_PATTERN
from console.pages.context import Page, PageContext
from console.pages.setting_editor import SettingEditor, read_form
from console.pages.settings import (
    KindPath,
    SettingPath,
    VersionNumber,
    client_of,
    find_or_404,
    require_manager,
)
from console.setting_client import etag_of_setting
from console.views.settings.entries import entries_of, initial_entries
from console.views.settings.form import ID, FormState
from console.views.settings.kinds import Kind

# Before the screens of settings: `new` is no kind.
router = APIRouter(prefix="/settings", dependencies=[require_manager])

# A simulation that tried the setting as the person would like to have it.
SimulationId = Annotated[str | None, Query(pattern=f"^{UUID_PATTERN}$")]


@router.get("/new/{kind}")
async def show_new_form(kind: KindPath, page: Page) -> Response:
    editor = SettingEditor(kind, page, is_new=True)
    return await editor.show_form(FormState(initial_entries(kind.nodes)))


@router.post("/new/{kind}")
async def send_new_form(kind: KindPath, page: Page) -> Response:
    """Change the rows of the form, show what will be saved, or save it."""
    values = await read_form(page)
    editor = SettingEditor(kind, page, is_new=True)
    return await editor.answer(values, values.get(ID, "").strip())


@router.get("/{kind}/{setting_id}/edit")
async def show_form(
    kind: KindPath,
    setting_id: SettingPath,
    page: Page,
    version: VersionNumber = None,
    simulation: SimulationId = None,
) -> Response:
    """Show the form of a setting, with what it is now, was at a version, or was tried as."""
    setting = await find_or_404(kind, setting_id, page)
    body = setting.body
    if version is not None:
        versions = await client_of(page).versions(kind, setting_id)
        bodies = {each["version"]: each["body"] for each in versions}
        body = bodies.get(version, body)
    if simulation is not None:
        body = await _read_tried_body(kind, setting_id, simulation, page) or body
    entries = entries_of(kind.nodes, kind.form_body(body), page.reader.texts)
    state = FormState(entries, setting_id, etag_of_setting(setting))
    return await SettingEditor(kind, page, is_new=False).show_form(state)


async def _read_tried_body(
    kind: Kind, setting_id: str, simulation_id: str, page: PageContext
) -> dict[str, Any] | None:
    """Return the setting as a simulation tried it; None if it tried another one."""
    job = await page.parts.get("escalation", f"/v1/simulations/{simulation_id}")
    tried = () if job is None else job["drafts"]
    place = kind.path, setting_id
    return next((each["body"] for each in tried if (each["kind"], each["id"]) == place), None)


@router.post("/{kind}/{setting_id}/edit")
async def send_form(kind: KindPath, setting_id: SettingPath, page: Page) -> Response:
    """Change the rows of the form, show what will be saved, or save it."""
    return await SettingEditor(kind, page, is_new=False).answer(await read_form(page), setting_id)
