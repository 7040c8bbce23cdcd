"""The screens Settings: the kinds, the settings of each, their versions, and how they end."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from common.contracts.event import ID_PATTERN
from console.clients.services import ServiceProblemError
from console.dependencies import require_role
from console.errors import PageError
from console.pages.context import Page, PageContext, require_leader
from console.setting_client import SettingClient, etag_of_setting
from console.texts import mark
from console.views.duty import ladder_now
from console.views.etags import read_etag
from console.views.service_problems import form_problems
from console.views.settings.kinds import Kind, Setting
from console.views.settings.policy_match import FACTS, MatchView, match_view
from console.views.settings.registry import KIND_BY_SLUG
from console.views.settings.screens import (
    archive_view,
    list_view,
    overview_view,
    setting_view,
    versions_view,
)
from console.views.words import service_names

router = APIRouter(prefix="/settings", dependencies=[require_leader])

_PROBLEMS: Final = "/v1/configuration/problems"
_DONE: Final[Mapping[str, str]] = {
    "saved": mark("It is saved."),
    "archived": mark("It is archived. Nothing new depends on it."),
}
SettingPath = Annotated[str, Path(pattern=f"^{ID_PATTERN}$")]
VersionNumber = Annotated[int | None, Query(ge=1, lt=2**31)]
require_manager: Final = Depends(require_role("manager"))


async def _kind(kind: Annotated[str, Path(max_length=50)]) -> Kind:
    if kind not in KIND_BY_SLUG:
        raise PageError(HTTPStatus.NOT_FOUND, "not-found")
    return KIND_BY_SLUG[kind]


KindPath = Annotated[Kind, Depends(_kind)]


def client_of(page: PageContext) -> SettingClient:
    return SettingClient(page.services, page.viewer, page.parts)


async def find_or_404(kind: Kind, setting_id: str, page: PageContext) -> Setting:
    setting = await client_of(page).find(kind, setting_id)
    if setting is None:
        raise PageError(HTTPStatus.NOT_FOUND, "not-found")
    return setting


@router.get("")
async def show_overview(page: Page) -> Response:
    """Show what is wrong with the settings, and the kinds of settings."""
    problems = await page.parts.items("escalation", _PROBLEMS) or ()
    missing = service_names(page.parts.missing, page.reader.texts)
    return page.render("settings.html", view=overview_view(problems, missing, page.reader))


@router.get("/{kind}")
async def list_settings(
    kind: KindPath, page: Page, q: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """List the settings of a kind that have the words of the search; archived ones apart."""
    client = client_of(page)
    settings, archived = await asyncio.gather(
        client.list_all(kind), client.list_all(kind, is_archived=True)
    )
    view = list_view(kind, settings, archived, q, page.reader)
    return page.render("settings_list.html", view=view, done=page.done_text(_DONE))


@router.get("/{kind}/{setting_id}")
async def show_setting(kind: KindPath, setting_id: SettingPath, page: Page) -> Response:
    """Say in sentences what a setting means."""
    setting = await find_or_404(kind, setting_id, page)
    related = await client_of(page).related(setting.body)
    is_in_force = not setting.is_archived
    return page.render(
        "setting.html",
        view=setting_view(kind, setting, related, page.reader),
        match=await _match(setting_id, page) if kind.slug == "policies" and is_in_force else None,
        ladder=await _ladder(setting_id, page) if kind.slug == "ladders" and is_in_force else None,
        done=page.done_text(_DONE),
    )


async def _ladder(ladder_id: str, page: PageContext) -> Any:
    """Return who would be asked now at each level; None if nobody says."""
    preview = await page.parts.get("escalation", f"/v1/ladders/{ladder_id}/who")
    return None if preview is None else ladder_now(preview, page.reader)


async def _match(policy_id: str, page: PageContext) -> MatchView:
    """Ask which policy a contact gets, if the address describes one."""
    query = page.request.query_params
    facts = {name: query[name].strip() for name in FACTS if query.get(name, "").strip()}
    match: Mapping[str, Any] | None = None
    problems: dict[str, str] = {}
    if any(name in query for name in FACTS):
        try:
            match = (await page.post("escalation", "/v1/sla-policies/match", facts)).body
        except ServiceProblemError as error:
            refusal = form_problems(error.document, FACTS, page.reader)
            problems = {**refusal.by_field, **({"": refusal.whole} if refusal.whole else {})}
    return match_view(policy_id, facts, match, problems, page.reader)


@router.get("/{kind}/{setting_id}/versions")
async def show_versions(
    kind: KindPath,
    setting_id: SettingPath,
    page: Page,
    first: VersionNumber = None,
    second: VersionNumber = None,
) -> Response:
    """List the versions of a setting, and what differs between two of them."""
    versions = await client_of(page).versions(kind, setting_id)
    view = versions_view(kind, setting_id, versions, (first, second), page.reader)
    return page.render("setting_versions.html", view=view)


@router.get("/{kind}/{setting_id}/archive", dependencies=[require_manager])
async def show_archive(kind: KindPath, setting_id: SettingPath, page: Page) -> Response:
    """Ask what becomes of the contacts that depend on the setting."""
    setting = await find_or_404(kind, setting_id, page)
    view = archive_view(kind, setting_id, etag_of_setting(setting), None, page.reader)
    return page.render("setting_archive.html", view=view)


@router.post("/{kind}/{setting_id}/archive", dependencies=[require_manager])
async def archive_setting(kind: KindPath, setting_id: SettingPath, page: Page) -> Response:
    """Take a setting out of force, or say why that can't be done now."""
    values = await page.read_form()
    etag = read_etag(values.get("etag"))
    try:
        choice = values.get("open-contacts") or None
        await client_of(page).archive(kind, setting_id, etag, choice)
    except ServiceProblemError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise
        etag = error.headers.get("etag", etag)
        view = archive_view(kind, setting_id, etag, error.document, page.reader)
        return page.render("setting_archive.html", error.status, view=view)
    return page.lead_to(f"{kind.url}?done=archived")
