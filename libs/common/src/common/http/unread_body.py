"""Refuses a body that its route does not read: what is in it would be ignored without a word."""

from collections.abc import Awaitable, Callable, Sequence

import orjson
from fastapi import Request
from fastapi.routing import APIRoute

from common.http.access import SAFE_METHODS
from common.http.problems import ProblemError, invalid


def reject_unread_body(raw_body_paths: Sequence[str]) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency of every route; below the `raw_body_paths` routes read bodies themselves.

    An empty object says nothing and is taken: many clients send one with every POST.
    """
    paths = tuple(raw_body_paths)

    async def reject(request: Request) -> None:
        route = request.scope["route"]
        has_fields = isinstance(route, APIRoute) and route.body_field is not None
        if has_fields or request.method in SAFE_METHODS or request.url.path.startswith(paths):
            return
        body = await request.body()
        if body:
            _require_empty(body)

    return reject


def _require_empty(body: bytes) -> None:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "malformed-json", "The body is not JSON.") from error
    if not isinstance(content, dict):
        raise invalid(("body", "must be left out, or {}"))
    if content:
        raise invalid(*((f"body/{name}", "is not a field that is known here") for name in content))
