"""Other contacts for a person until a time: the form of Floor, and the press that ends it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from common.http.app import PersonPath
from console.clients.services import ServiceProblemError
from console.pages.context import Page, PageContext, require_leader
from console.pages.floor import refused_form, show_floor_person
from console.views.adjustments import (
    PLACES,
    AdjustmentFormState,
    adjustment_form_view,
    parse_adjustment_form,
)
from console.views.etags import etag_of, precondition, read_etag
from console.views.floor import person_url
from console.views.floor_person import ADJUSTMENT_FORM
from console.views.service_problems import FormProblems, sort_problems

router = APIRouter(prefix="/floor/{person}/adjustment", dependencies=[require_leader])


@router.get("")
async def show_form(person: PersonPath, page: Page) -> Response:
    """Show what the person takes now, to be changed until a time."""
    representative, entry = await _read(person, page)
    adjustment = representative["adjustment"]
    state = AdjustmentFormState(etag_of(adjustment["number"] if adjustment else None))
    return await _render(representative, entry, state, page)


@router.post("")
async def adjust(person: PersonPath, page: Page) -> Response:
    """Set it, unless somebody else has set one since the form was shown."""
    values = await page.read_form()
    representative, entry = await _read(person, page)
    state = AdjustmentFormState(
        read_etag(values.get("etag")),
        values,
        await page.read_choices("skills"),
        await page.read_choices("languages"),
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
    )
    submission = parse_adjustment_form(entry, state, page.reader)
    if submission.problems:
        state = replace(state, problems=FormProblems(submission.problems))
        return await _render(representative, entry, state, page)
    try:
        await page.services.send(
            "router",
            "PUT",
            _path(person),
            page.viewer,
            body=submission.body,
            headers=precondition(state.etag),
        )
    except ServiceProblemError as error:
        problems = sort_problems(error.document, _field_of, page.reader)
        if error.status == HTTPStatus.PRECONDITION_FAILED:
            # Pressed again, it replaces what is in force now.
            state = replace(state, etag=error.headers.get("etag", ""))
        state = replace(state, problems=problems, status=error.status)
        return await _render(representative, entry, state, page)
    return page.lead_to(f"{person_url(person)}?done=adjusted")


@router.post("/end")
async def end(person: PersonPath, page: Page) -> Response:
    """Let what is usual count again, if nobody has set another one since."""
    values = await page.read_form()
    etag = read_etag(values.get("etag"))
    try:
        await page.services.send(
            "router", "DELETE", _path(person), page.viewer, headers={"If-Match": etag}
        )
    except ServiceProblemError as error:
        refused = refused_form(ADJUSTMENT_FORM, error, values, page.reader)
        return await show_floor_person(person, page, refused)
    if values.get("back") == "floor":
        team = {"team": values["team"]} if values.get("team") else {}
        return page.lead_to(f"/floor?{urlencode({**team, 'done': 'usual'})}")
    return page.lead_to(f"{person_url(person)}?done=usual")


def _path(person: str) -> str:
    return f"/v1/representatives/{person}/adjustment"


def _field_of(pointer: str) -> str | None:
    return PLACES.get(pointer.removeprefix("body/").partition("/")[0])


async def _read(person: str, page: PageContext) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return what the person takes now, and the usual entry."""
    representative, entry = await asyncio.gather(
        page.get("router", f"/v1/representatives/{person}"),
        page.get("router", f"/v1/people/{person}"),
    )
    return representative, entry


async def _render(
    representative: Mapping[str, Any],
    entry: Mapping[str, Any],
    state: AdjustmentFormState,
    page: PageContext,
) -> Response:
    recipient = await page.parts.get("notifier", f"/v1/recipients/{entry['person_id']}")
    zone = None if recipient is None else recipient["time_zone"]
    view = adjustment_form_view(representative, entry, zone, state, page.reader)
    return page.render("adjustment_form.html", state.status, form=view)
