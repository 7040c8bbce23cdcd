"""The first page."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from console.dependencies import CurrentViewer

router = APIRouter()


@router.get("/")
async def show_home(viewer: CurrentViewer) -> Response:
    """Lead to what the person works with first."""
    place = "/mine" if viewer.role == "representative" else "/now"
    return RedirectResponse(place, HTTPStatus.SEE_OTHER)
