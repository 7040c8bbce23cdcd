"""The screens Floor and one person of it: queues, people, presence, contacts to give back."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from common.http.app import ContactPath, PersonPath
from console.clients.services import ServiceProblemError
from console.dependencies import CurrentServices, require_role
from console.pages.forms import read_form
from console.parts import PageParts, Parts
from console.readers import PageReader
from console.rendering import render_page
from console.texts import mark
from console.views.floor import FloorData, floor_view, person_url
from console.views.floor_person import (
    PRESENCE_FORM,
    REASON_LENGTH,
    Refused,
    floor_person_view,
)
from console.views.reader import Reader
from console.views.service_problems import form_problems
from console.viewer import Viewer

router = APIRouter()

Leader = Annotated[Viewer, Depends(require_role("supervisor", "manager"))]
_SEE_OTHER: Final = 303
_DONE: Final = {
    "presence": mark("The presence is set."),
    "release": mark("The contact went to another person or to the queue."),
}


@router.get("/floor")
async def show_floor(
    request: Request,
    reader: PageReader,
    parts: PageParts,
    _viewer: Leader,
    team: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Show which customers wait, and who can take more; of one team, if the address says so."""
    queues, representatives, assignments = await asyncio.gather(
        parts.items("router", "/v1/queues"),
        parts.items("router", "/v1/representatives"),
        parts.items("router", "/v1/assignments", state="assigned"),
    )
    data = FloorData(queues, representatives, assignments)
    view = floor_view(data, team or None, parts.missing, reader)
    return render_page(request, "floor.html", reader=reader, view=view)


@router.get("/floor/{person}")
async def show_person(
    person: PersonPath,
    request: Request,
    reader: PageReader,
    services: CurrentServices,
    parts: PageParts,
    viewer: Leader,
) -> Response:
    """Show the presence of a person, and the contacts that may go back to the queue."""
    representative = await services.get("router", f"/v1/representatives/{person}", viewer)
    return await _person_page(request, representative, parts, reader)


@router.post("/floor/{person}/presence")
async def set_presence(
    person: PersonPath,
    request: Request,
    reader: PageReader,
    services: CurrentServices,
    parts: PageParts,
    viewer: Leader,
) -> Response:
    values = await read_form(request)
    body = {"presence": values.get("presence", ""), "reason": values.get("reason") or None}
    path = f"/v1/representatives/{person}"
    try:
        await services.put("router", f"{path}/presence", viewer, body)
    except ServiceProblemError as error:
        refused = _refused(PRESENCE_FORM, error, values)
        representative = await services.get("router", path, viewer)
        return await _person_page(
            request, representative, parts, reader, refused=refused, status=error.status
        )
    return RedirectResponse(f"{person_url(person)}?done=presence", _SEE_OTHER)


@router.post("/floor/{person}/contacts/{contact_id}/release")
async def release(
    person: PersonPath,
    contact_id: ContactPath,
    request: Request,
    reader: PageReader,
    services: CurrentServices,
    parts: PageParts,
    viewer: Leader,
) -> Response:
    """Take a contact from a person: it goes to somebody else, or to the queue."""
    values = await read_form(request)
    body = {"reason": values.get("reason", "")}
    try:
        await services.post("router", f"/v1/assignments/{contact_id}/release", viewer, body)
    except ServiceProblemError as error:
        representative = await services.get("router", f"/v1/representatives/{person}", viewer)
        refused = _refused(contact_id, error, values)
        return await _person_page(
            request, representative, parts, reader, refused=refused, status=error.status
        )
    return RedirectResponse(f"{person_url(person)}?done=release", _SEE_OTHER)


def _refused(place: str, error: ServiceProblemError, values: Mapping[str, str]) -> Refused:
    problems = form_problems(error.document, {"reason", "presence"})
    texts = [*problems.by_field.values(), *([problems.whole] if problems.whole else [])]
    return Refused(place, " ".join(texts), values)


async def _person_page(
    request: Request,
    representative: Mapping[str, Any],
    parts: Parts,
    reader: Reader,
    *,
    refused: Refused | None = None,
    status: int = 200,
) -> Response:
    assignments = await parts.items(
        "router",
        "/v1/assignments",
        representative=representative["representative_id"],
        state=["offered", "assigned"],
    )
    view = floor_person_view(
        representative,
        assignments or (),
        await _subjects(assignments or (), parts),
        reader,
        refused=refused,
        missing=parts.missing,
    )
    done = _DONE.get(request.query_params.get("done", ""))
    return render_page(
        request,
        "floor_person.html",
        status,
        reader=reader,
        view=view,
        done=None if done is None else reader.texts.gettext(done),
        reason_length=REASON_LENGTH,
    )


async def _subjects(assignments: Any, parts: Parts) -> dict[str, str]:
    """Return the subjects of the contacts by their ids, as far as intake answers."""
    contacts = await asyncio.gather(
        *(
            parts.get("intake", f"/v1/contacts/{assignment['contact_id']}", limit=1)
            for assignment in assignments
        )
    )
    return {
        contact["contact_id"]: contact["subject"] for contact in contacts if contact is not None
    }
