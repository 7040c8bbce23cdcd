"""The screen Mine: of a supervisor what waits and what is held, of a representative the contacts."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from common.http.app import ContactPath
from console.clients.services import ServiceProblemError
from console.dependencies import CurrentServices, CurrentViewer, require_role
from console.pages.forms import read_form
from console.parts import PageParts, Parts
from console.readers import PageReader
from console.rendering import render_page
from console.views.floor_person import REASON_LENGTH
from console.views.mine import MineData, mine_view
from console.views.my_contacts import MyContactsData, my_contacts_view
from console.views.reader import Reader
from console.viewer import Viewer

router = APIRouter()

Representative = Annotated[Viewer, Depends(require_role("representative"))]
_SEE_OTHER: Final = 303
_LATEST_NOTIFICATIONS: Final = 200


@router.get("/mine")
async def show_mine(
    request: Request, viewer: CurrentViewer, reader: PageReader, parts: PageParts
) -> Response:
    if viewer.role == "representative":
        return await _show_contacts(request, viewer, reader, parts)
    escalations, notifications, change_requests = await asyncio.gather(
        parts.items("escalation", "/v1/escalations", person=viewer.person),
        parts.get(
            "notifier",
            "/v1/notifications",
            person_id=viewer.person,
            limit=_LATEST_NOTIFICATIONS,
        ),
        read_change_requests(parts),
    )
    data = MineData(
        escalations,
        None if notifications is None else notifications["items"],
        change_requests,
    )
    view = mine_view(data, parts.missing, reader)
    return render_page(request, "mine.html", reader=reader, view=view)


async def read_change_requests(parts: Parts) -> Sequence[Mapping[str, Any]] | None:
    """Read which changes of duty wait for an answer, of all schedules."""
    schedules = await parts.items("escalation", "/v1/duty-schedules")
    if schedules is None:
        return None
    pages = await asyncio.gather(
        *(
            parts.items("escalation", f"/v1/duty-schedules/{schedule['id']}/change-requests")
            for schedule in schedules
        )
    )
    return [*chain.from_iterable(page for page in pages if page is not None)]


async def _show_contacts(
    request: Request,
    viewer: Viewer,
    reader: Reader,
    parts: Parts,
    *,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    assignments, representative = await asyncio.gather(
        parts.items(
            "router",
            "/v1/assignments",
            representative=viewer.person,
            state=["offered", "assigned", "with_supervisor"],
        ),
        parts.get("router", f"/v1/representatives/{viewer.person}"),
    )
    ids = [assignment["contact_id"] for assignment in assignments or ()]
    contacts, clocks = await asyncio.gather(
        _by_contact(ids, "intake", "/v1/contacts/{}", parts),
        _by_contact(ids, "escalation", "/v1/contacts/{}/clocks", parts),
    )
    data = MyContactsData(assignments, representative, contacts, clocks)
    view = my_contacts_view(data, parts.missing, reader)
    return render_page(
        request,
        "my_contacts.html",
        status,
        reader=reader,
        view=view,
        problem=problem,
        reason_length=REASON_LENGTH,
    )


async def _by_contact(
    contact_ids: Sequence[str], service: Any, path: str, parts: Parts
) -> dict[str, Mapping[str, Any]]:
    answers = await asyncio.gather(
        *(parts.get(service, path.format(contact_id)) for contact_id in contact_ids)
    )
    return {answer["contact_id"]: answer for answer in answers if answer is not None}


@router.post("/mine/{contact_id}/accept")
async def accept(
    contact_id: ContactPath,
    request: Request,
    reader: PageReader,
    services: CurrentServices,
    parts: PageParts,
    viewer: Representative,
) -> Response:
    """Accept an offer; one that is gone is said on the page."""
    try:
        await services.post("router", f"/v1/assignments/{contact_id}/accept", viewer)
    except ServiceProblemError as error:
        return await _show_contacts(
            request, viewer, reader, parts, problem=error.detail, status=error.status
        )
    return RedirectResponse("/mine", _SEE_OTHER)


@router.post("/mine/{contact_id}/decline")
async def decline(
    contact_id: ContactPath,
    request: Request,
    reader: PageReader,
    services: CurrentServices,
    parts: PageParts,
    viewer: Representative,
) -> Response:
    """Decline an offer, which goes to somebody else."""
    body = {"reason": (await read_form(request)).get("reason", "")}
    try:
        await services.post("router", f"/v1/assignments/{contact_id}/decline", viewer, body)
    except ServiceProblemError as error:
        return await _show_contacts(
            request, viewer, reader, parts, problem=error.detail, status=error.status
        )
    return RedirectResponse("/mine", _SEE_OTHER)
