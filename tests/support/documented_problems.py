"""Holds OpenAPI to its word: every problem that a test sees is listed for its route."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
from fastapi import FastAPI

_PARAMETER = re.compile(r"{[^}]*}")


def require_documented(app: FastAPI) -> Callable[[httpx.Response], Awaitable[None]]:
    """Return a hook of a client that fails for a problem that OpenAPI does not list."""

    async def check(response: httpx.Response) -> None:
        if response.headers.get("content-type") != "application/problem+json":
            return
        if response.request.method == "HEAD":
            return
        operation = _operation(app.openapi()["paths"], response.request)
        if operation is None:
            return
        await response.aread()
        code = response.json()["type"].removeprefix("urn:upstairs:problem:")
        listed = operation["responses"].get(str(response.status_code), {"description": ""})
        place = f"{response.request.method} {response.request.url.path}"
        assert f"`{code}`" in listed["description"], f"{place}: {response.status_code} {code}"

    return check


def _operation(
    paths: Mapping[str, Mapping[str, Any]], request: httpx.Request
) -> Mapping[str, Any] | None:
    """Return the operation whose path says most of the request's path without parameters."""
    method = request.method.lower()
    fitting = [
        path
        for path, operations in paths.items()
        if method in operations and re.fullmatch(_PARAMETER.sub(".+", path), request.url.path)
    ]
    best = max(fitting, key=lambda path: len(_PARAMETER.sub("", path)), default=None)
    return None if best is None else paths[best][method]
