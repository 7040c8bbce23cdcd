"""The screens Write-backs: what Upstairs writes to the cases of a system, and what waits."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from common.contracts.event import UUID_PATTERN
from console.clients.services import ServiceProblemError
from console.errors import PageError
from console.pages import systems
from console.pages.context import Page, PageContext
from console.pages.settings import SettingPath, require_manager
from console.pages.system_secrets import problems_of, read_secret_fields, show_secret_form
from console.texts import mark
from console.views.etags import read_etag
from console.views.fields import options_of
from console.views.problem_texts import problem_text
from console.views.settings.kinds import Kind
from console.views.settings.nodes import Leaf
from console.views.systems.forms import DONE, WRITE_BACK_ACTIONS
from console.views.systems.write_back_kinds import WRITE_BACK_KINDS, write_back_body
from console.views.systems.write_backs import new_write_backs, write_back_rows, write_back_view
from console.views.words import service_names

# Before the screens of settings: `write-backs` is none of their kinds.
router = APIRouter(prefix="/settings", dependencies=[require_manager])

ActionName = Literal["pause", "resume", "remove"]
WritePath = Annotated[str, Path(pattern=f"^{UUID_PATTERN}$")]
FILTERS: Mapping[str, str] = {
    "": mark("all"),
    "active": mark("active"),
    "paused": mark("paused"),
    "halted": mark("halted"),
}


async def _kind(kind: Annotated[str, Path(max_length=50)]) -> Kind:
    if kind not in WRITE_BACK_KINDS:
        raise PageError(HTTPStatus.NOT_FOUND, "not-found")
    return WRITE_BACK_KINDS[kind]


SystemPath = Annotated[Kind, Depends(_kind)]


@router.get("/write-backs")
async def list_write_backs(
    page: Page, state: Annotated[str, Query(max_length=50)] = ""
) -> Response:
    """List the write-backs, in one state or all, and what waits for each."""
    chosen = state if state in FILTERS else ""
    items = await page.parts.items(
        "notifier", "/v1/write-backs", state=chosen or None, limit=systems.PAGE
    )
    labels = ((name, page.reader.texts.gettext(label)) for name, label in FILTERS.items())
    return page.render(
        "write_backs.html",
        rows=write_back_rows(items or (), page.reader),
        states=options_of(labels, (chosen,)),
        kinds=new_write_backs(),
        missing=service_names(page.parts.missing, page.reader.texts),
        done=page.done_text(DONE),
    )


@router.get("/new/write-backs/{kind}")
async def show_new_form(kind: SystemPath, page: Page) -> Response:
    return await systems.show_new_form(kind, page)


@router.post("/new/write-backs/{kind}")
async def send_new_form(kind: SystemPath, page: Page) -> Response:
    """Change the rows of the form, show what will be saved, or save it."""
    return await systems.send_new_form(kind, page)


@router.get("/write-backs/{kind}/{setting_id}")
async def show_write_back(kind: SystemPath, setting_id: SettingPath, page: Page) -> Response:
    """Show a write-back, and what was written last."""
    return await _show(kind, setting_id, page, done=page.done_text(DONE))


async def _show(
    kind: Kind,
    setting_id: str,
    page: PageContext,
    *,
    done: str | None = None,
    problem: str | None = None,
    detail: str | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    """`detail` is the service's own sentence, in English."""
    item = await systems.read_item(kind, setting_id, page)
    path = f"{kind.path_of(setting_id)}/writes"
    latest = (await page.get("notifier", path, limit=systems.LATEST))["items"]
    return page.render(
        "write_back.html",
        status,
        view=write_back_view(kind, item, latest, page.reader),
        done=done,
        problem=problem,
        detail=detail,
    )


@router.post("/write-backs/{kind}/{setting_id}/test")
async def test_write_back(kind: SystemPath, setting_id: SettingPath, page: Page) -> Response:
    """Ask the system whether it takes the credentials; nothing is written."""
    _ = page.reader.texts.gettext
    try:
        answer = (await page.post("notifier", f"{kind.path_of(setting_id)}/test")).body
    except ServiceProblemError as error:
        return await _refuse(kind, setting_id, error, page)
    if answer["works"]:
        text = _(
            "The system takes the credentials of %(user)s. Write this id into the accounts of "
            "Upstairs of the connection.",
            user=answer["user_id"],
        )
        return await _show(kind, setting_id, page, done=text)
    problem = _("The system does not take the credentials.")
    return await _show(kind, setting_id, page, problem=problem, detail=answer["reason"])


async def _refuse(
    kind: Kind, setting_id: str, error: ServiceProblemError, page: PageContext
) -> Response:
    text = problem_text(error.document, page.reader)
    return await _show(kind, setting_id, page, problem=text, status=error.status)


@router.post("/write-backs/{kind}/{setting_id}/writes/{write_id}/retry")
async def retry_write(
    kind: SystemPath, setting_id: SettingPath, write_id: WritePath, page: Page
) -> Response:
    """Try a write again that has failed."""
    path = f"{kind.path_of(setting_id)}/writes/{write_id}/retry"
    try:
        await page.post("notifier", path)
    except ServiceProblemError as error:
        return await _refuse(kind, setting_id, error, page)
    return page.lead_to(f"{kind.url_of(setting_id)}?done=retried")


@router.get("/write-backs/{kind}/{setting_id}/edit")
async def show_form(kind: SystemPath, setting_id: SettingPath, page: Page) -> Response:
    return await systems.show_form(kind, setting_id, page)


@router.post("/write-backs/{kind}/{setting_id}/edit")
async def send_form(kind: SystemPath, setting_id: SettingPath, page: Page) -> Response:
    """Change the rows of the form, show what will be saved, or save it."""
    return await systems.send_form(kind, setting_id, page)


@router.get("/write-backs/{kind}/{setting_id}/credentials")
async def show_credentials(kind: SystemPath, setting_id: SettingPath, page: Page) -> Response:
    """Ask for new credentials."""
    item = await systems.read_item(kind, setting_id, page)
    return show_secret_form(kind, item, "credentials", _leaves(kind), page)


@router.post("/write-backs/{kind}/{setting_id}/credentials")
async def put_credentials(kind: SystemPath, setting_id: SettingPath, page: Page) -> Response:
    """Write by new credentials; one that was halted goes on."""
    values = await page.read_form()
    item = await systems.read_item(kind, setting_id, page)
    leaves = _leaves(kind)
    fields, problems = read_secret_fields(leaves, values, page)
    status: int = HTTPStatus.UNPROCESSABLE_ENTITY
    if not problems.by_field and kind.secrets is not None:
        state = "paused" if item["state"] == "paused" else "active"
        body = {**write_back_body(item), "state": state, **kind.secrets.members(fields)}
        try:
            await systems.put(kind, setting_id, body, read_etag(values.get("etag")), page)
        except ServiceProblemError as error:
            problems = await problems_of(kind, setting_id, leaves, error, page)
            status = error.status
        else:
            return page.lead_to(f"{kind.url_of(setting_id)}?done=credentials")
    return show_secret_form(kind, item, "credentials", leaves, page, problems, status)


def _leaves(kind: Kind) -> tuple[Leaf, ...]:
    return () if kind.secrets is None else kind.secrets.leaves


@router.get("/write-backs/{kind}/{setting_id}/{action}")
async def ask_first(
    kind: SystemPath, setting_id: SettingPath, action: ActionName, page: Page
) -> Response:
    """Say what pausing, resuming or removing does, and ask."""
    return await systems.ask_first(kind, setting_id, action, WRITE_BACK_ACTIONS[action], page)


@router.post("/write-backs/{kind}/{setting_id}/{action}")
async def act(
    kind: SystemPath, setting_id: SettingPath, action: ActionName, page: Page
) -> Response:
    """Pause, resume or remove a write-back, if nobody was faster."""
    return await systems.change_state(
        kind, setting_id, action, WRITE_BACK_ACTIONS[action], page, write_back_body
    )
