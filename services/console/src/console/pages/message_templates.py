"""The screens Message templates: a form with what it writes beside it."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from console.clients.services import ServiceProblemError
from console.errors import PageError
from console.pages.context import Page, PageContext
from console.pages.settings import require_manager
from console.views.etags import etag_of, precondition, read_etag
from console.views.message_templates import (
    DONE,
    URL,
    Sources,
    TemplateChoice,
    list_view,
    template_view,
)
from console.views.problem_texts import problem_text
from console.views.words import service_names

# Before the screens of settings: `message-templates` is none of their kinds.
router = APIRouter(prefix="/settings", dependencies=[require_manager])

# The template in force, and its latest versions.
StoredTemplate = tuple[Mapping[str, Any], list[Mapping[str, Any]]]
_PAGE: Final = 200
_VERSIONS: Final = 20


async def _choice(
    medium: Annotated[str, Path(max_length=50)],
    kind: Annotated[str, Path(max_length=50)],
    language: Annotated[str, Path(max_length=50)],
) -> TemplateChoice:
    choice = TemplateChoice(medium, kind, language)
    if not choice.is_known:
        raise PageError(HTTPStatus.NOT_FOUND, "not-found")
    return choice


@router.get("/message-templates")
async def list_templates(
    page: Page,
    medium: Annotated[str, Query(max_length=50)] = "",
    kind: Annotated[str, Query(max_length=50)] = "",
    language: Annotated[str, Query(max_length=50)] = "",
) -> Response:
    """List what is set in place of shipped templates; with all three lead to that template."""
    if medium and kind and language:
        return page.lead_to((await _choice(medium, kind, language)).url)
    items = await page.parts.items("notifier", "/v1/templates", limit=_PAGE)
    return page.render(
        "message_templates.html",
        view=list_view(items or (), page.reader),
        url=URL,
        missing=service_names(page.parts.missing, page.reader.texts),
    )


@router.get("/message-templates/{medium}/{kind}/{language}")
async def show_template(
    choice: Annotated[TemplateChoice, Depends(_choice)],
    page: Page,
    version: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
) -> Response:
    """Show the template, or an earlier version of it, which is not saved yet."""
    stored = await _read(choice, page)
    item, versions = stored
    shown = next((each for each in versions if each["version"] == version), item)
    sources = Sources(shown["title"], shown["body"])
    return await _show(choice, stored, sources, etag_of(item["version"]), page)


@router.post("/message-templates/{medium}/{kind}/{language}")
async def send_template(
    choice: Annotated[TemplateChoice, Depends(_choice)], page: Page
) -> Response:
    """Show what is written by the form's template, save it, or use the shipped one again."""
    form = await page.read_form()
    # Browsers send the ends of lines as CRLF.
    sources = Sources(form.get("title", ""), form.get("body", "").replace("\r\n", "\n"))
    press, etag = form.get("press", "preview"), read_etag(form.get("etag"))
    problem, status = None, HTTPStatus.OK
    try:
        if press == "save":
            body = {"title": sources.title, "body": sources.body}
            await _send("PUT", choice, page, precondition(etag), body)
            return page.lead_to(f"{choice.url}?done=saved")
        if press == "shipped":
            await _send("DELETE", choice, page, {"If-Match": etag} if etag else {})
            return page.lead_to(f"{choice.url}?done=shipped")
    except ServiceProblemError as error:
        if error.status not in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.UNPROCESSABLE_ENTITY):
            raise
        problem, status = problem_text(error.document, page.reader), HTTPStatus(error.status)
    stored = await _read(choice, page)
    return await _show(choice, stored, sources, etag, page, problem, status)


async def _send(
    method: str,
    choice: TemplateChoice,
    page: PageContext,
    headers: Mapping[str, str],
    body: object = None,
) -> None:
    await page.services.send(
        "notifier", method, choice.path, page.viewer, body=body, headers=headers
    )


async def _show(
    choice: TemplateChoice,
    stored: StoredTemplate,
    sources: Sources,
    etag: str,
    page: PageContext,
    problem: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    item, versions = stored
    trial = await _try(choice, sources, page)
    return page.render(
        "message_template.html",
        status,
        view=template_view(choice, item, sources, etag, trial, versions, page.reader),
        list_url=URL,
        problem=problem,
        done=page.done_text(DONE),
    )


async def _try(choice: TemplateChoice, sources: Sources, page: PageContext) -> Mapping[str, Any]:
    body = {
        "medium": choice.medium,
        "kind": choice.kind,
        "language": choice.language,
        "title": sources.title,
        "body": sources.body,
    }
    try:
        trial: Mapping[str, Any] = (await page.post("notifier", "/v1/templates/preview", body)).body
    except ServiceProblemError as error:
        if error.status != HTTPStatus.UNPROCESSABLE_ENTITY:
            raise
        return {"samples": [], "problems": _problems(error)}
    return trial


def _problems(error: ServiceProblemError) -> list[dict[str, str]]:
    """Return what is wrong with the form before anything is rendered, as a text that is empty."""
    return [
        {"part": str(each["pointer"]).rpartition("/")[2], "detail": str(each["detail"])}
        for each in error.document.get("errors", ())
    ]


async def _read(choice: TemplateChoice, page: PageContext) -> StoredTemplate:
    item, versions = await asyncio.gather(
        page.get("notifier", choice.path),
        page.get("notifier", f"{choice.path}/versions", limit=_VERSIONS),
    )
    return item, versions["items"]
