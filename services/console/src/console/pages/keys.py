"""The keys by which services check the console's tokens."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

router = APIRouter()

_MAX_AGE_S: Final = 300


@router.get("/jwks.json")
async def show_keys(request: Request) -> Response:
    """Show the public keys by which services check the console's tokens."""
    keys: dict[str, Any] = request.app.state.tokens.published_keys
    return JSONResponse(keys, headers={"Cache-Control": f"public, max-age={_MAX_AGE_S}"})
