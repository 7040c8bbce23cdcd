"""A person gets mails again that were stopped, by the link in a mail or for them."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from console.pages.context import Page, PageContext
from console.pages.my_addresses import recipient_path

router = APIRouter()

KindPath = Annotated[str, Path(pattern="^[a-z_]{1,20}$")]


@router.post("/notifications/stopped-mails/{kind}/resume")
async def resume_mails(kind: KindPath, page: Page) -> Response:
    """Let mails of this kind be sent again; the other kinds stay stopped."""
    path = stopped_mails_path(page)
    stops = (await page.get("notifier", path))["stopped"]
    kinds = [stop["kind"] for stop in stops if stop["kind"] != kind]
    await page.services.put("notifier", path, page.viewer, {"kinds": kinds})
    return page.lead_to("/notifications?done=mails")


def stopped_mails_path(page: PageContext) -> str:
    return f"{recipient_path(page)}/stopped-mails"
