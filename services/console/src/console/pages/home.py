"""The first page."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from console.dependencies import CurrentViewer

router = APIRouter()

_SEE_OTHER: Final = 303


@router.get("/")
async def show_home(viewer: CurrentViewer) -> Response:
    """Lead to what the person works with first."""
    place = "/mine" if viewer.role == "representative" else "/now"
    return RedirectResponse(place, _SEE_OTHER)
