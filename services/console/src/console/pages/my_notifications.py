"""How a person wants to be notified: by which way after how long, and when not."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from console.clients.services import ServiceProblemError
from console.pages.context import Page, PageContext
from console.texts import mark
from console.views.my_notifications import (
    MAX_PERIODS,
    Form,
    methods_of,
    my_notifications_view,
    read_form,
    saved_form,
    service_problems,
)
from console.views.service_problems import FormProblems

router = APIRouter()

_DONE: Final[Mapping[str, str]] = {"saved": mark("Your choice is saved.")}
# What a person changes here; the rest of a recipient stays as it is.
_KEPT: Final = ("name", "media")


@router.get("/notifications")
async def show_my_notifications(page: Page) -> Response:
    return await _show(page)


@router.post("/notifications")
async def save_my_notifications(page: Page) -> Response:
    """Save what was chosen; what is wrong is said beside the field."""
    values = await _read_values(page)
    recipient = await page.get("notifier", _path(page))
    media = await _media(recipient, page)
    body, wrong = read_form(values, media, page.reader)
    if wrong:
        form = Form(values, FormProblems(wrong))
        return await _show(page, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    body |= {name: recipient[name] for name in _KEPT}
    try:
        await page.services.put("notifier", _path(page), page.viewer, body)
    except ServiceProblemError as error:
        problems = service_problems(error.document, values, page.reader)
        return await _show(page, Form(values, problems), error.status)
    return page.lead_to("/notifications?done=saved")


async def _read_values(page: PageContext) -> dict[str, str]:
    values = await page.read_form()
    for number in range(MAX_PERIODS):
        values[f"days-{number}"] = " ".join(await page.read_choices(f"days-{number}"))
    return values


async def _show(
    page: PageContext, form: Form | None = None, status: int = HTTPStatus.OK
) -> Response:
    recipient = await _read_recipient(page)
    media = await _media(recipient, page) if recipient else ()
    if form is None:
        form = saved_form(recipient, media) if recipient else Form()
    view = my_notifications_view(recipient, media, form, page.parts.missing, page.reader)
    return page.render("my_notifications.html", status, view=view, done=page.done_text(_DONE))


async def _read_recipient(page: PageContext) -> Mapping[str, Any] | None:
    """Return the own recipient; None if the person has none yet, or notifier does not answer."""
    try:
        recipient: Mapping[str, Any] | None = await page.parts.get("notifier", _path(page))
    except ServiceProblemError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None
    return recipient


async def _media(recipient: Mapping[str, Any], page: PageContext) -> tuple[str, ...]:
    devices = await page.parts.get("notifier", f"{_path(page)}/devices")
    return methods_of(recipient, has_devices=bool(devices and devices["items"]))


def _path(page: PageContext) -> str:
    return f"/v1/recipients/{page.viewer.person}"
