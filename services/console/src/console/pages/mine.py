"""The screen Mine: what waits for a supervisor and what they hold; a representative's contacts."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from common.http.app import ContactPath
from console.clients.services import ServiceProblemError
from console.pages.context import Page, PageContext, require_representative
from console.parts import Parts
from console.texts import mark
from console.views.floor_person import REASON_LENGTH
from console.views.mine import MineData, mine_view
from console.views.my_contacts import MyContactsData, my_contacts_view
from console.views.problem_texts import problem_text

router = APIRouter()

_LATEST_NOTIFICATIONS: Final = 200
_DONE: Final[Mapping[str, str]] = {
    "presence": mark("The presence is set."),
    "supervisor_yes": mark("A supervisor is asked to help this customer."),
    "supervisor_no": mark("No supervisor is asked."),
}


@router.get("/mine")
async def show_mine(page: Page) -> Response:
    if page.viewer.role == "representative":
        return await _show_contacts(page)
    person, parts = page.viewer.person, page.parts
    escalations, notifications, change_requests = await asyncio.gather(
        parts.items("escalation", "/v1/escalations", person=person),
        parts.get("notifier", "/v1/notifications", person_id=person, limit=_LATEST_NOTIFICATIONS),
        _read_change_requests(parts),
    )
    latest = None if notifications is None else notifications["items"]
    data = MineData(escalations, latest, change_requests)
    return page.render("mine.html", view=mine_view(data, parts.missing, page.reader))


async def _read_change_requests(parts: Parts) -> Sequence[Mapping[str, Any]] | None:
    """Read which changes of duty wait for an answer, of all schedules."""
    schedules = await parts.items("escalation", "/v1/duty-schedules")
    if schedules is None:
        return None
    requests = await asyncio.gather(
        *(
            parts.items("escalation", f"/v1/duty-schedules/{schedule['id']}/change-requests")
            for schedule in schedules
        )
    )
    return [*chain.from_iterable(items for items in requests if items is not None)]


async def _show_contacts(page: PageContext, error: ServiceProblemError | None = None) -> Response:
    person, parts = page.viewer.person, page.parts
    assignments, representative = await asyncio.gather(
        parts.items(
            "router",
            "/v1/assignments",
            representative=person,
            state=["offered", "assigned", "with_supervisor"],
        ),
        parts.get("router", f"/v1/representatives/{person}"),
    )
    ids = [assignment["contact_id"] for assignment in assignments or ()]
    contacts, clocks = await asyncio.gather(
        _by_contact(*(parts.get("intake", f"/v1/contacts/{each}", limit=1) for each in ids)),
        _by_contact(*(parts.get("escalation", f"/v1/contacts/{each}/clocks") for each in ids)),
    )
    data = MyContactsData(assignments, representative, contacts, clocks)
    return page.render(
        "my_contacts.html",
        error.status if error else 200,
        view=my_contacts_view(data, parts.missing, page.reader),
        problem=problem_text(error.document, page.reader) if error else None,
        done=page.done_text(_DONE),
        reason_length=REASON_LENGTH,
    )


async def _by_contact(*answers: Any) -> dict[str, Mapping[str, Any]]:
    return {
        answer["contact_id"]: answer
        for answer in await asyncio.gather(*answers)
        if answer is not None
    }


@router.post("/mine/presence", dependencies=[require_representative])
async def set_own_presence(page: Page) -> Response:
    """Say whether one is there for contacts."""
    body = {"presence": (await page.read_form()).get("presence", "")}
    try:
        path = f"/v1/representatives/{page.viewer.person}/presence"
        await page.services.put("router", path, page.viewer, body)
    except ServiceProblemError as error:
        return await _show_contacts(page, error)
    return page.lead_to("/mine?done=presence")


@router.post("/mine/{contact_id}/accept", dependencies=[require_representative])
async def accept(contact_id: ContactPath, page: Page) -> Response:
    """Accept an offer; one that is gone is said on the page."""
    return await _answer(page, f"/v1/assignments/{contact_id}/accept")


@router.post("/mine/{contact_id}/decline", dependencies=[require_representative])
async def decline(contact_id: ContactPath, page: Page) -> Response:
    """Decline an offer, which goes to somebody else."""
    body = {"reason": (await page.read_form()).get("reason", "")}
    return await _answer(page, f"/v1/assignments/{contact_id}/decline", body)


@router.post("/mine/{contact_id}/answer-supervisor-question", dependencies=[require_representative])
async def answer_supervisor_question(contact_id: ContactPath, page: Page) -> Response:
    """Say whether the customer asked for a supervisor; a yes calls one."""
    answer = (await page.read_form()).get("answer", "")
    path = f"/v1/contacts/{contact_id}/answer-supervisor-question"
    try:
        await page.post("intake", path, {"answer": answer})
    except ServiceProblemError as error:
        return await _show_contacts(page, error)
    return page.lead_to(f"/mine?done=supervisor_{'yes' if answer == 'yes' else 'no'}")


async def _answer(page: PageContext, path: str, body: object = None) -> Response:
    try:
        await page.post("router", path, body)
    except ServiceProblemError as error:
        return await _show_contacts(page, error)
    return page.lead_to("/mine")
