"""What sounds in the pages of a person."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.responses import Response

from console.pages.context import Page
from console.views.rows import URGENT_SEVERITIES, make_row

router = APIRouter()

_MAX_ROWS: Final = 200


@router.get("/alarms")
async def show_alarms(page: Page) -> Response:
    """List the escalations that need the person and are urgent, for the script of the alarm."""
    concerned = await page.get(
        "escalation",
        "/v1/escalations",
        person=page.viewer.person,
        severity=URGENT_SEVERITIES,
        limit=_MAX_ROWS,
    )
    rows = (make_row(escalation, page.reader) for escalation in concerned["items"])
    return JSONResponse({"urgent": [row.escalation_id for row in rows if row.is_urgent]})
