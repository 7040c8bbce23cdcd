"""When a person is away, and who stands in."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from console.clients.services import ServiceProblemError
from console.pages.context import Page, PageContext
from console.texts import mark
from console.views.etags import precondition, read_etag
from console.views.fields import whole_number
from console.views.my_absences import (
    absence_problems,
    is_to_come,
    my_absences_view,
    parse_absence,
)
from console.views.problem_texts import problem_text
from console.views.service_problems import FilledForm, FormProblems

router = APIRouter()

_DONE: Final[Mapping[str, str]] = {
    "added": mark("Your absence is entered."),
    "removed": mark("The absence is removed. You are asked again."),
}
_PATH: Final = "/v1/absences"
_PAGE: Final = 200


@router.get("/notifications/absences")
async def show_my_absences(page: Page) -> Response:
    return await _show(page, FilledForm())


@router.post("/notifications/absences")
async def add_absence(page: Page) -> Response:
    """Enter one more; what is wrong is said beside the field."""
    values = await page.read_form()
    submission = parse_absence(values, page.reader)
    if submission.problems:
        problems = FormProblems(submission.problems)
        return await _show(page, FilledForm(values, problems, HTTPStatus.UNPROCESSABLE_ENTITY))
    kept = [each for each in await _read_own(page) if is_to_come(each, page.reader.now)]
    try:
        await _put([*kept, submission.body], values, page)
    except ServiceProblemError as error:
        problems = absence_problems(error.document, len(kept), page.reader)
        return await _show(page, FilledForm(values, problems, error.status))
    return page.lead_to("/notifications/absences?done=added")


@router.post("/notifications/absences/remove")
async def remove_absence(page: Page) -> Response:
    """Remove one; what is past of it stays in the history."""
    values = await page.read_form()
    number = whole_number(values.get("number", ""))
    kept = [each for n, each in enumerate(await _read_own(page)) if n != number]
    try:
        await _put([each for each in kept if is_to_come(each, page.reader.now)], values, page)
    except ServiceProblemError as error:
        problems = FormProblems(whole=problem_text(error.document, page.reader))
        return await _show(page, FilledForm(problems=problems, status=error.status))
    return page.lead_to("/notifications/absences?done=removed")


async def _read_own(page: PageContext) -> list[Mapping[str, Any]]:
    try:
        setting = await page.get("escalation", f"{_PATH}/{page.viewer.person}")
    except ServiceProblemError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return []
    absences: list[Mapping[str, Any]] = setting["body"]["absences"]
    return absences


async def _put(
    absences: list[Mapping[str, Any]], values: Mapping[str, str], page: PageContext
) -> None:
    """Put them if nobody has changed what the form was made from."""
    await page.services.send(
        "escalation",
        "PUT",
        f"{_PATH}/{page.viewer.person}",
        page.viewer,
        body={"absences": absences},
        headers=precondition(read_etag(values.get("etag"))),
    )


async def _show(page: PageContext, form: FilledForm) -> Response:
    own, settings = await asyncio.gather(
        page.parts.get("escalation", f"{_PATH}/{page.viewer.person}"),
        page.parts.items("escalation", _PATH, limit=_PAGE),
    )
    view = my_absences_view(own, settings or (), form, page.parts.missing, page.reader)
    return page.render("my_absences.html", form.status, view=view, done=page.done_text(_DONE))
