"""The screens Floor and one person of it: queues, people, presence, contacts to give back."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from common.http.app import ContactPath, PersonPath
from console.clients.services import ServiceProblemError
from console.live.floor import read_floor
from console.pages.context import Page, PageContext, require_leader
from console.texts import mark
from console.views.fields import whole_number
from console.views.floor import floor_view, person_url
from console.views.floor_person import (
    CAPACITY_FORM,
    PRESENCE_FORM,
    REASON_LENGTH,
    Refused,
    floor_person_view,
)
from console.views.reader import Reader
from console.views.service_problems import form_problems

router = APIRouter(dependencies=[require_leader])

_DONE: Final[Mapping[str, str]] = {
    "presence": mark("The presence is set."),
    "capacity": mark("The number of contacts is set."),
    "release": mark("The contact went to another person or to the queue."),
    "adjusted": mark("It counts from now on, and ends by itself."),
    "usual": mark("From now on it is as usual again."),
}


@router.get("/floor")
async def show_floor(
    page: Page, team: Annotated[str | None, Query(max_length=100)] = None
) -> Response:
    """Show which customers wait, and who can take more; of one team, if the address says so."""
    data = await read_floor(page.parts.items, page.reader.local_midnight)
    view = floor_view(data, team or None, page.parts.missing, page.reader)
    return page.render("floor.html", view=view, done=page.done_text(_DONE))


@router.get("/floor/{person}")
async def show_person(person: PersonPath, page: Page) -> Response:
    """Show the presence of a person, and the contacts that may go back to the queue."""
    return await show_floor_person(person, page)


@router.post("/floor/{person}/presence")
async def set_presence(person: PersonPath, page: Page) -> Response:
    values = await page.read_form()
    body = {"presence": values.get("presence", ""), "reason": values.get("reason") or None}
    path = f"/v1/representatives/{person}/presence"
    try:
        await page.services.put("router", path, page.viewer, body)
    except ServiceProblemError as error:
        return await show_floor_person(
            person, page, refused_form(PRESENCE_FORM, error, values, page.reader)
        )
    return page.lead_to(f"{person_url(person)}?done=presence")


@router.post("/floor/{person}/capacity")
async def set_capacity(person: PersonPath, page: Page) -> Response:
    """Change how many contacts a person may have; the rest of the workload stays."""
    values = await page.read_form()
    path = f"/v1/representatives/{person}"
    current = await page.get("router", path)
    kept = {name: current[name] for name in ("auto_accept", "offer_s")}
    text = values.get("capacity", "")
    number = whole_number(text)
    # The service says what is wrong with a text.
    body = {**kept, "capacity": text if number is None else number}
    try:
        await page.services.put("router", path, page.viewer, body)
    except ServiceProblemError as error:
        refused = refused_form(CAPACITY_FORM, error, values, page.reader)
        return await show_floor_person(person, page, refused)
    return page.lead_to(f"{person_url(person)}?done=capacity")


@router.post("/floor/{person}/contacts/{contact_id}/release")
async def release(person: PersonPath, contact_id: ContactPath, page: Page) -> Response:
    """Take a contact from a person: it goes to somebody else, or to the queue."""
    values = await page.read_form()
    body = {"reason": values.get("reason", "")}
    try:
        await page.post("router", f"/v1/assignments/{contact_id}/release", body)
    except ServiceProblemError as error:
        return await show_floor_person(
            person, page, refused_form(contact_id, error, values, page.reader)
        )
    return page.lead_to(f"{person_url(person)}?done=release")


def refused_form(
    place: str, error: ServiceProblemError, values: Mapping[str, str], reader: Reader
) -> Refused:
    problems = form_problems(error.document, {"reason", "presence", "capacity"}, reader)
    said = [*problems.by_field.values(), *([problems.whole] if problems.whole else [])]
    return Refused(place, error.status, " ".join(said), values)


async def show_floor_person(
    person: str, page: PageContext, refused: Refused | None = None
) -> Response:
    representative, assignments = await asyncio.gather(
        page.get("router", f"/v1/representatives/{person}"),
        page.parts.items(
            "router", "/v1/assignments", representative=person, state=["offered", "assigned"]
        ),
    )
    subjects = await _read_subjects(assignments or (), page)
    view = floor_person_view(
        representative,
        assignments or (),
        subjects,
        page.reader,
        refused=refused,
        missing=page.parts.missing,
    )
    return page.render(
        "floor_person.html",
        refused.status if refused else 200,
        view=view,
        done=page.done_text(_DONE),
        reason_length=REASON_LENGTH,
    )


async def _read_subjects(
    assignments: Sequence[Mapping[str, Any]], page: PageContext
) -> dict[str, str]:
    """Return the subjects of the contacts by their ids, as far as intake answers."""
    contacts = await asyncio.gather(
        *(
            page.parts.get("intake", f"/v1/contacts/{assignment['contact_id']}", limit=1)
            for assignment in assignments
        )
    )
    return {
        contact["contact_id"]: contact["subject"] for contact in contacts if contact is not None
    }
