"""The screens Status webhooks: who is told what becomes of its contacts, and what waits."""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from console.clients.services import ServiceProblemError
from console.pages import systems
from console.pages.context import Page, PageContext
from console.pages.settings import require_manager
from console.pages.system_secrets import problems_of, read_secret_fields, show_secret_form
from console.texts import mark
from console.views.fields import Field, FieldError, field_view, read_moment
from console.views.problem_texts import problem_text
from console.views.systems.forms import DONE, WEBHOOK_ACTIONS, Action, ActionView, action_view
from console.views.systems.webhook_kind import (
    ROTATION_LEAVES,
    SOURCE_PATTERN,
    WEBHOOKS,
    webhook_body,
)
from console.views.systems.webhooks import webhook_rows, webhook_view
from console.views.words import service_names

# Before the screens of settings: `status-webhooks` is none of their kinds.
router = APIRouter(prefix="/settings", dependencies=[require_manager])

_NO_ETAG: Final = ""
_SINCE: Final = Field("since", "moment", mark("Only what happened since"), is_required=False)
_REPLAY: Final = Action(
    mark("Send to %(name)s again"),
    mark("What was delivered or has failed is sent again in its order. It is kept for 14 days."),
    mark("Send again"),
    "replayed",
)
SourcePath = Annotated[str, Path(pattern=f"^{SOURCE_PATTERN}$")]
ActionName = Literal["resume", "remove"]
Count = Annotated[int | None, Query(ge=0, lt=2**31)]


@router.get("/status-webhooks")
async def list_webhooks(page: Page) -> Response:
    """List the webhooks, and what waits for each."""
    items = await page.parts.items("notifier", "/v1/status-webhooks", limit=systems.PAGE)
    return page.render(
        "webhooks.html",
        rows=webhook_rows(items or (), page.reader),
        missing=service_names(page.parts.missing, page.reader.texts),
        done=page.done_text(DONE),
    )


@router.get("/new/status-webhooks")
async def show_new_form(page: Page) -> Response:
    return await systems.show_new_form(WEBHOOKS, page)


@router.post("/new/status-webhooks")
async def send_new_form(page: Page) -> Response:
    """Show what will be saved, or save it and show the secret that was made."""
    return await systems.send_new_form(WEBHOOKS, page, systems.show_new_secret(WEBHOOKS, page))


@router.get("/status-webhooks/{source}")
async def show_webhook(source: SourcePath, page: Page, count: Count = None) -> Response:
    """Show a webhook, and what was sent last."""
    done = page.done_text(DONE)
    if page.done == "replayed" and count is not None:
        done = page.reader.texts.ngettext(
            "%(number)s status is sent again.", "%(number)s statuses are sent again.", count
        )
    return await _show(source, page, done=done)


async def _show(
    source: str,
    page: PageContext,
    *,
    done: str | None = None,
    problem: str | None = None,
    detail: str | None = None,
) -> Response:
    """`detail` is the service's own sentence, in English."""
    item = await systems.read_item(WEBHOOKS, source, page)
    path = f"{WEBHOOKS.path_of(source)}/deliveries"
    latest = (await page.get("notifier", path, limit=systems.LATEST))["items"]
    return page.render(
        "webhook.html",
        view=webhook_view(item, latest, page.reader),
        done=done,
        problem=problem,
        detail=detail,
    )


@router.post("/status-webhooks/{source}/test")
async def test_webhook(source: SourcePath, page: Page) -> Response:
    """Post a message for a test, once, and say how the receiver answers."""
    _ = page.reader.texts.gettext
    path = f"{WEBHOOKS.path_of(source)}/test"
    try:
        answer = (await page.post("notifier", path)).body
    except ServiceProblemError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise
        return await _show(source, page, problem=problem_text(error.document, page.reader))
    if answer["delivered"]:
        return await _show(source, page, done=_("The receiver took the test."))
    problem = _("The receiver did not take the test.")
    return await _show(source, page, problem=problem, detail=answer["detail"])


@router.get("/status-webhooks/{source}/edit")
async def show_form(source: SourcePath, page: Page) -> Response:
    return await systems.show_form(WEBHOOKS, source, page)


@router.post("/status-webhooks/{source}/edit")
async def send_form(source: SourcePath, page: Page) -> Response:
    """Show what will be saved, or save it."""
    return await systems.send_form(WEBHOOKS, source, page)


@router.get("/status-webhooks/{source}/secret")
async def show_secret(source: SourcePath, page: Page) -> Response:
    """Ask for a new secret, or to make one."""
    item = await systems.read_item(WEBHOOKS, source, page)
    return show_secret_form(WEBHOOKS, item, "secret", ROTATION_LEAVES, page)


@router.post("/status-webhooks/{source}/secret")
async def rotate_secret(source: SourcePath, page: Page) -> Response:
    """Sign by a new secret; one that was made is shown once."""
    item = await systems.read_item(WEBHOOKS, source, page)
    fields, problems = read_secret_fields(ROTATION_LEAVES, await page.read_form(), page)
    if problems.by_field:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return show_secret_form(WEBHOOKS, item, "secret", ROTATION_LEAVES, page, problems, status)
    try:
        path = f"{WEBHOOKS.path_of(source)}/rotate-secret"
        rotated = (await page.post("notifier", path, fields)).body
    except ServiceProblemError as error:
        problems = await problems_of(WEBHOOKS, source, ROTATION_LEAVES, error, page)
        return show_secret_form(
            WEBHOOKS, item, "secret", ROTATION_LEAVES, page, problems, error.status
        )
    if "secret" in fields:
        return page.lead_to(f"{WEBHOOKS.url_of(source)}?done=secret")
    return systems.show_new_secret(WEBHOOKS, page)(source, rotated["secret"])


@router.get("/status-webhooks/{source}/replay")
async def ask_to_replay(source: SourcePath, page: Page) -> Response:
    """Ask since when statuses are sent again."""
    await systems.read_item(WEBHOOKS, source, page)
    return page.render("system_action.html", view=_replay_view(source, "", None, page))


@router.post("/status-webhooks/{source}/replay")
async def replay(source: SourcePath, page: Page) -> Response:
    """Send statuses again that were delivered or have failed."""
    since = (await page.read_form()).get("since", "")
    try:
        moment = read_moment(since, page.reader.texts).isoformat() if since else None
        path = f"{WEBHOOKS.path_of(source)}/replay"
        count = (await page.post("notifier", path, {"since": moment})).body["replayed"]
    except FieldError as error:
        view = _replay_view(source, since, str(error), page)
        return page.render("system_action.html", HTTPStatus.UNPROCESSABLE_ENTITY, view=view)
    except ServiceProblemError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise
        text = problem_text(error.document, page.reader)
        view = _replay_view(source, since, text, page)
        return page.render("system_action.html", error.status, view=view)
    return page.lead_to(f"{WEBHOOKS.url_of(source)}?done=replayed&count={count}")


def _replay_view(source: str, since: str, problem: str | None, page: PageContext) -> ActionView:
    field = field_view(_SINCE, since, problem, (), page.reader)
    view = action_view(WEBHOOKS, source, "replay", _REPLAY, _NO_ETAG, page.reader)
    return replace(view, fields=(field,))


@router.get("/status-webhooks/{source}/{action}")
async def ask_first(source: SourcePath, action: ActionName, page: Page) -> Response:
    """Say what resuming or removing does, and ask."""
    return await systems.ask_first(WEBHOOKS, source, action, WEBHOOK_ACTIONS[action], page)


@router.post("/status-webhooks/{source}/{action}")
async def act(source: SourcePath, action: ActionName, page: Page) -> Response:
    """Resume or remove a webhook, if nobody was faster."""

    async def send(item: Mapping[str, Any], etag: str) -> None:
        if action == "remove":
            await systems.remove(WEBHOOKS, source, etag, page)
        else:
            await systems.put(WEBHOOKS, source, webhook_body(item), etag, page)

    return await systems.act(WEBHOOKS, source, action, WEBHOOK_ACTIONS[action], page, send)
