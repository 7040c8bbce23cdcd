"""Secrets of outside systems: put and removed, never shown."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from console.clients.services import ServiceProblemError
from console.pages import systems
from console.pages.connections import ChannelPath
from console.pages.context import Page, PageContext
from console.pages.settings import SettingPath, require_manager
from console.views.etags import etag_of, read_etag
from console.views.service_problems import FormProblems
from console.views.settings.entries import BodyReader, entries_of_form
from console.views.settings.kinds import Kind
from console.views.settings.nodes import Leaf
from console.views.settings.secret_fields import SECRETS, secret_problems
from console.views.systems.connection_kinds import APPS, body_to_put
from console.views.systems.connection_secrets import (
    APP_SECRET_LEAF,
    ROTATION_LEAVES,
    SECRET_LEAVES,
    app_secret_member,
    rotated_secrets,
    secrets_without,
)
from console.views.systems.forms import rotation, secret_form_view

# Before the actions of connections: `secret` is none of them.
router = APIRouter(prefix="/settings", dependencies=[require_manager])

PlacePath = Annotated[int, Path(ge=1, le=9)]


def show_secret_form(
    kind: Kind,
    item: Mapping[str, Any],
    path: str,
    leaves: Sequence[Leaf],
    page: PageContext,
    problems: FormProblems | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    """Show the fields of a new secret, always empty; `path` is the last part of the address."""
    view = secret_form_view(
        kind,
        item[kind.id_field],
        path,
        leaves,
        etag_of(item["version"]),
        problems or FormProblems(),
        page.reader,
    )
    return page.render("system_secret.html", status, view=view)


def read_secret_fields(
    leaves: Sequence[Leaf], values: Mapping[str, str], page: PageContext
) -> tuple[dict[str, Any], FormProblems]:
    """Return what the fields have, and what is wrong with them."""
    body_reader = BodyReader(page.reader.texts)
    fields = body_reader.read(leaves, entries_of_form(leaves, values, SECRETS), SECRETS)
    return fields, FormProblems(body_reader.problems)


async def problems_of(
    kind: Kind,
    setting_id: str,
    leaves: Sequence[Leaf],
    error: ServiceProblemError,
    page: PageContext,
) -> FormProblems:
    """Return what a service says about the secret, or above the form who was faster."""
    problems = secret_problems(error.document, rotation(leaves, kind), page.reader)
    return problems or FormProblems(whole=await systems.refusal_text(kind, setting_id, error, page))


def _leaves_for(item: Mapping[str, Any]) -> Sequence[Leaf]:
    leaves = ROTATION_LEAVES if item["secrets"] else SECRET_LEAVES
    app = APPS.get(item["kind"])
    has_app = app is not None and item["options"].get(app.name) is not None
    return (*leaves, APP_SECRET_LEAF) if has_app else leaves


@router.get("/connections/{kind}/{setting_id}/secret")
async def show_form(kind: ChannelPath, setting_id: SettingPath, page: Page) -> Response:
    """Ask for a new secret of a connection."""
    item = await systems.read_item(kind, setting_id, page)
    return show_secret_form(kind, item, "secret", _leaves_for(item), page)


@router.post("/connections/{kind}/{setting_id}/secret")
async def put_secret(kind: ChannelPath, setting_id: SettingPath, page: Page) -> Response:
    """Put a new secret beside the one before, or in its place."""
    values = await page.read_form()
    item = await systems.read_item(kind, setting_id, page)
    leaves = _leaves_for(item)
    fields, _ = read_secret_fields(leaves, values, page)
    secrets = rotated_secrets(fields, len(item["secrets"]))
    is_new = bool(secrets) and "present" not in secrets[0]
    app_secret = app_secret_member(fields)
    if not is_new and not app_secret:
        text = page.reader.texts.gettext("Please fill this in.")
        missing = FormProblems({f"{SECRETS}/{leaves[0].name}": text})
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return show_secret_form(kind, item, "secret", leaves, page, missing, status)
    body = {**body_to_put(item), **({"secrets": secrets} if is_new else {}), **app_secret}
    try:
        await systems.put(kind, setting_id, body, read_etag(values.get("etag")), page)
    except ServiceProblemError as error:
        problems = await problems_of(kind, setting_id, leaves, error, page)
        return show_secret_form(kind, item, "secret", leaves, page, problems, error.status)
    return page.lead_to(f"{kind.url_of(setting_id)}?done=secret")


@router.post("/connections/{kind}/{setting_id}/secrets/{place}/remove")
async def remove_secret(
    kind: ChannelPath, setting_id: SettingPath, place: PlacePath, page: Page
) -> Response:
    """Let one of two secrets count no longer."""
    values = await page.read_form()
    item = await systems.read_item(kind, setting_id, page)
    secrets = secrets_without(place, len(item["secrets"]))
    body = {**body_to_put(item), "secrets": secrets}
    try:
        await systems.put(kind, setting_id, body, read_etag(values.get("etag")), page)
    except ServiceProblemError as error:
        problems = FormProblems(whole=await systems.refusal_text(kind, setting_id, error, page))
        leaves = _leaves_for(item)
        return show_secret_form(kind, item, "secret", leaves, page, problems, error.status)
    return page.lead_to(f"{kind.url_of(setting_id)}?done=secret-removed")
