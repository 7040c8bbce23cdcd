"""How a person wants to be notified: by which contact method after how long, and when not."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from starlette.responses import Response

from console.clients.services import ServiceProblemError
from console.pages.context import Page, PageContext
from console.pages.my_addresses import recipient_path
from console.pages.stopped_mails import stopped_mails_path
from console.texts import mark
from console.views.etags import read_etag
from console.views.my_notifications import (
    Data,
    methods_of,
    my_notifications_view,
    read_form,
    saved_form,
    service_problems,
)
from console.views.quiet_hours_form import MAX_PERIODS
from console.views.service_problems import FilledForm, FormProblems, sort_problems

router = APIRouter()

_DONE: Final[Mapping[str, str]] = {
    "saved": mark("Your choice is saved."),
    "code": mark("A code of six digits is on its way. It is valid for ten minutes."),
    "address": mark("Your address is saved. Let a code be sent there, and enter it."),
    "removed": mark("The address is removed. It gets a message about that."),
    "order": mark("The order is saved."),
    "mails": mark("These mails are sent to you again."),
    "verified": mark("The address is verified."),
    "test": mark(
        "A test message is on its way to each contact method. "
        "Load the page again to see what came of it."
    ),
}
MediumPath = Annotated[str, Path(pattern="^[a-z_]{1,20}$")]
# What a person changes here; the rest of a recipient stays as it is.
_KEPT: Final = ("name", "media")


@router.get("/notifications")
async def show_my_notifications(page: Page) -> Response:
    return await _show(page, FilledForm())


@router.post("/notifications")
async def save_my_notifications(page: Page) -> Response:
    """Save what was chosen; what is wrong is said beside the field."""
    values = await _read_values(page)
    recipient = await page.get("notifier", recipient_path(page))
    media = await _media(recipient, page)
    body, wrong = read_form(values, media, page.reader)
    if wrong:
        problems = FormProblems(wrong)
        return await _show(page, FilledForm(values, problems, HTTPStatus.UNPROCESSABLE_ENTITY))
    body |= {name: recipient[name] for name in _KEPT}
    try:
        await page.services.put(
            "notifier",
            recipient_path(page),
            page.viewer,
            body,
            # Without a readable ETag nothing matches.
            if_match=read_etag(values.get("etag")) or '"0"',
        )
    except ServiceProblemError as error:
        problems = service_problems(error.document, values, page.reader)
        if error.status == HTTPStatus.PRECONDITION_FAILED:
            # What is in force now, to be looked at again.
            values = {}
        return await _show(page, FilledForm(values, problems, error.status))
    return page.lead_to("/notifications?done=saved")


async def _read_values(page: PageContext) -> dict[str, str]:
    """Return the fields of the form; several ticks of one have spaces between them."""
    values = await page.read_form()
    for number in range(MAX_PERIODS):
        values[f"days-{number}"] = " ".join(await page.read_choices(f"days-{number}"))
    return values


async def _show(
    page: PageContext, form: FilledForm, refusals: Mapping[str, str] = MappingProxyType({})
) -> Response:
    data = await _read_data(page, refusals)
    if data.recipient and not form.values:
        form = replace(form, values=saved_form(data.recipient, data.media).values)
    view = my_notifications_view(data, form, page.parts.missing, page.reader)
    return page.render("my_notifications.html", form.status, view=view, done=page.done_text(_DONE))


@router.post("/notifications/verify/{medium}/send")
async def send_code(medium: MediumPath, page: Page) -> Response:
    """Send a code to one of the own addresses."""
    return await _ask(page, f"addresses/{medium}/send-code", None, medium, "code")


@router.post("/notifications/verify/{medium}")
async def verify_address(medium: MediumPath, page: Page) -> Response:
    """Take the code that came; what is wrong with it is said beside the field."""
    body = {"code": (await page.read_form()).get("code", "")}
    return await _ask(page, f"addresses/{medium}/verify", body, medium, "verified")


@router.post("/notifications/test")
async def send_test(page: Page) -> Response:
    """Send one message to each contact method."""
    return await _ask(page, "test-messages", None, "test", "test")


async def _ask(page: PageContext, path: str, body: object, place: str, done: str) -> Response:
    try:
        await page.post("notifier", f"{recipient_path(page)}/{path}", body)
    except ServiceProblemError as error:
        problems = sort_problems(error.document, lambda _: place, page.reader)
        said = problems.by_field.get(place) or problems.whole or ""
        return await _show(page, FilledForm(status=error.status), {place: said})
    return page.lead_to(f"/notifications?done={done}")


async def _read_data(page: PageContext, refusals: Mapping[str, str]) -> Data:
    """Return what notifier has; nothing of a person whom it does not know, or without an answer."""
    answer = await page.parts.fetch("notifier", recipient_path(page))
    if answer is None:
        return Data(None, refusals=refusals)
    media, test, stops = await asyncio.gather(
        _media(answer.body, page),
        page.parts.get("notifier", f"{recipient_path(page)}/test-messages"),
        page.parts.get("notifier", stopped_mails_path(page)),
    )
    stopped = stops["stopped"] if stops else ()
    return Data(answer.body, media, test, refusals, answer.etag or "", stopped)


async def _media(recipient: Mapping[str, Any], page: PageContext) -> tuple[str, ...]:
    devices = await page.parts.get("notifier", f"{recipient_path(page)}/devices")
    return methods_of(recipient, has_devices=bool(devices and devices["items"]))
