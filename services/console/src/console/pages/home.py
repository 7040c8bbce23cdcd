"""The first page."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from console.dependencies import CurrentViewer

router = APIRouter()

_SEE_OTHER: Final = 303


@router.get("/")
async def show_home(_viewer: CurrentViewer) -> Response:
    return RedirectResponse("/now", _SEE_OTHER)
