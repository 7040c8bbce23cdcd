"""The screens Connections: how each outside system is connected, and what came from it last."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from console.clients.services import ServiceProblemError
from console.errors import PageError
from console.pages import systems
from console.pages.context import Page, PageContext
from console.pages.settings import SettingPath, require_manager
from console.views.fields import FieldError
from console.views.service_problems import FormProblems, form_problems
from console.views.settings.kinds import Kind
from console.views.systems.connection_kinds import CONNECTION_KINDS, body_to_put
from console.views.systems.connections import (
    FILTERS,
    connection_view,
    connections_view,
    new_kinds,
)
from console.views.systems.forms import CONNECTION_ACTIONS, DONE
from console.views.systems.trials import read_headers, sample_values, trial_view
from console.views.words import service_names

# Before the screens of settings: `connections` is no kind.
router = APIRouter(prefix="/settings", dependencies=[require_manager])

_NOT_ARCHIVED: Final = ("active", "paused")
ActionName = Literal["pause", "resume", "archive"]


async def _kind(kind: Annotated[str, Path(max_length=50)]) -> Kind:
    if kind not in CONNECTION_KINDS:
        raise PageError(HTTPStatus.NOT_FOUND, "not-found")
    return CONNECTION_KINDS[kind]


ChannelPath = Annotated[Kind, Depends(_kind)]


@router.get("/connections")
async def list_connections(
    page: Page,
    state: Annotated[str, Query(max_length=50)] = "",
    kind: Annotated[str, Query(max_length=50)] = "",
) -> Response:
    """List the connections, in one state or of one kind."""
    chosen, slug = state if state in FILTERS else "", kind if kind in CONNECTION_KINDS else ""
    items = await page.parts.items(
        "intake",
        "/v1/channels",
        kind=slug or None,
        state=_NOT_ARCHIVED if chosen in ("", "silent") else (chosen,),
        limit=systems.PAGE,
    )
    return page.render(
        "connections.html",
        view=connections_view(items or (), chosen, slug, page.reader),
        missing=service_names(page.parts.missing, page.reader.texts),
        done=page.done_text(DONE),
    )


@router.get("/connections/new")
async def choose_kind(page: Page) -> Response:
    """Ask which kind of system is connected."""
    return page.render("connection_new.html", kinds=new_kinds(page.reader))


@router.get("/new/connections/{kind}")
async def show_new_form(kind: ChannelPath, page: Page) -> Response:
    return await systems.show_new_form(kind, page)


@router.post("/new/connections/{kind}")
async def send_new_form(kind: ChannelPath, page: Page) -> Response:
    """Change the rows of the form, show what will be saved, or save it."""
    return await systems.send_new_form(kind, page)


@router.get("/connections/{kind}/{setting_id}")
async def show_connection(kind: ChannelPath, setting_id: SettingPath, page: Page) -> Response:
    """Show how a system is connected, and what came last."""
    item = await systems.read_item(kind, setting_id, page)
    state = page.request.app.state
    view = connection_view(kind, item, state.intake_public_url, state.guides_url, page.reader)
    return page.render("connection.html", view=view, done=page.done_text(DONE))


@router.get("/connections/{kind}/{setting_id}/edit")
async def show_form(kind: ChannelPath, setting_id: SettingPath, page: Page) -> Response:
    return await systems.show_form(kind, setting_id, page)


@router.post("/connections/{kind}/{setting_id}/edit")
async def send_form(kind: ChannelPath, setting_id: SettingPath, page: Page) -> Response:
    """Change the rows of the form, show what will be saved, or save it."""
    return await systems.send_form(kind, setting_id, page)


@router.get("/connections/{kind}/{setting_id}/try")
async def show_trial(kind: ChannelPath, setting_id: SettingPath, page: Page) -> Response:
    """Ask for a delivery to try, and offer one."""
    item = await systems.read_item(kind, setting_id, page)
    return _trial(item, sample_values(item["kind"]), page)


@router.post("/connections/{kind}/{setting_id}/try")
async def try_delivery(kind: ChannelPath, setting_id: SettingPath, page: Page) -> Response:
    """Show what would come of a delivery; nothing is changed."""
    values = await page.read_form()
    item = await systems.read_item(kind, setting_id, page)
    try:
        headers = read_headers(values.get("headers", ""), page.reader.texts)
    except FieldError as error:
        return _trial(item, values, page, FormProblems({"headers": str(error)}))
    delivery = {"body": values.get("body", ""), "headers": headers}
    try:
        answer = await page.post("intake", f"{kind.path_of(setting_id)}/test", delivery)
    except ServiceProblemError as error:
        problems = form_problems(error.document, delivery, page.reader)
        return _trial(item, values, page, problems, status=error.status)
    return _trial(item, values, page, answer=answer.body)


def _trial(
    item: Mapping[str, Any],
    values: Mapping[str, str],
    page: PageContext,
    problems: FormProblems | None = None,
    answer: Mapping[str, Any] | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    view = trial_view(
        item["kind"], item["connection"], values, problems or FormProblems(), answer, page.reader
    )
    if problems and status == HTTPStatus.OK:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    return page.render("connection_trial.html", status, view=view)


@router.get("/connections/{kind}/{setting_id}/{action}")
async def ask_first(
    kind: ChannelPath, setting_id: SettingPath, action: ActionName, page: Page
) -> Response:
    """Say what pausing, resuming or archiving does, and ask."""
    return await systems.ask_first(kind, setting_id, action, CONNECTION_ACTIONS[action], page)


@router.post("/connections/{kind}/{setting_id}/{action}")
async def act(
    kind: ChannelPath, setting_id: SettingPath, action: ActionName, page: Page
) -> Response:
    """Pause, resume or archive a connection, if nobody was faster."""
    return await systems.change_state(
        kind, setting_id, action, CONNECTION_ACTIONS[action], page, body_to_put
    )
