"""The first page."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from console.dependencies import CurrentViewer

router = APIRouter()


@router.get("/")
async def show_home(_viewer: CurrentViewer) -> Response:
    return RedirectResponse("/now", HTTPStatus.SEE_OTHER)
