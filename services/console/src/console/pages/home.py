"""The first page."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.dependencies import CurrentViewer
from console.rendering import render_page

router = APIRouter()


@router.get("/")
async def show_home(request: Request, _viewer: CurrentViewer) -> Response:
    return render_page(request, "home.html")
