"""The devices on which a person is notified, also while the console is closed."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from common.contracts.event import UUID_PATTERN
from console.auth.device_cookie import DeviceCookie
from console.clients.services import ServiceProblemError
from console.pages.context import Page, PageContext
from console.texts import mark
from console.views.browsers import browser_name
from console.views.devices import devices_view
from console.views.problem_texts import problem_text

router = APIRouter()

_DONE: Final[Mapping[str, str]] = {
    "added": mark("You are notified on this device now."),
    "removed": mark("You are no longer notified on that device."),
}

DevicePath = Annotated[str, Path(pattern=f"^{UUID_PATTERN}$")]


@router.get("/sw.js")
async def show_service_worker() -> Response:
    """Give the script that shows notifications; at the root, since it opens pages there."""
    script = (files("console") / "static" / "service_worker.js").read_bytes()
    return Response(script, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@router.get("/devices")
async def show_devices(page: Page) -> Response:
    """List the devices of the person, and offer to add this one."""
    return await _show(page)


@router.post("/devices")
async def add_device(page: Page) -> Response:
    """Notify the person on the device that shows this page."""
    fields = await page.read_form()
    _ = page.reader.texts.gettext
    browser = browser_name(page.request.headers.get("user-agent", ""))
    device = {
        "name": browser or _("Unknown"),
        **{name: fields.get(name, "") for name in ("endpoint", "p256dh", "auth")},
    }
    try:
        answer = await page.post("notifier", _path(page), device)
    except ServiceProblemError as error:
        return await _show(page, error)
    response = page.lead_to("/devices?done=added")
    _cookie_of(page.request).write(response, answer.body["device_id"])
    return response


@router.post("/devices/{device_id}/remove")
async def remove_device(device_id: DevicePath, page: Page) -> Response:
    """Notify the person no longer on this device; one that is gone already is no failure."""
    try:
        await page.services.send("notifier", "DELETE", f"{_path(page)}/{device_id}", page.viewer)
    except ServiceProblemError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            return await _show(page, error)
    return page.lead_to("/devices?done=removed")


async def _show(page: PageContext, error: ServiceProblemError | None = None) -> Response:
    key, devices = await asyncio.gather(
        page.parts.get("notifier", "/v1/web-push"), page.parts.get("notifier", _path(page))
    )
    own = _cookie_of(page.request).read(page.request)
    return page.render(
        "devices.html",
        error.status if error else HTTPStatus.OK,
        view=devices_view(key, devices, own, page.parts.missing, page.reader),
        problem=problem_text(error.document, page.reader) if error else None,
        done=page.done_text(_DONE),
    )


def _path(page: PageContext) -> str:
    return f"/v1/recipients/{page.viewer.person}/devices"


def _cookie_of(request: Request) -> DeviceCookie:
    return DeviceCookie(request.app.state.session_cookie.is_secure)
