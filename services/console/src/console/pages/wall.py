"""The screen for a wall: what is open, without names."""

import asyncio
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from console.pages.context import Page, require_leader
from console.pages.now import read_counts
from console.views.now import MAX_ROWS
from console.views.wall import wall_view

router = APIRouter(dependencies=[require_leader])


@router.get("/wall")
async def show_wall(page: Page) -> Response:
    """Show four numbers and the open escalations, as a screen that all may see."""
    escalations, counts = await asyncio.gather(
        page.parts.get("escalation", "/v1/escalations", limit=MAX_ROWS),
        read_counts(page.reader, page.parts),
    )
    data = replace(counts, escalations=escalations)
    return page.render("wall.html", view=wall_view(data, page.parts.missing, page.reader))
