"""Holds OpenAPI to its word: every problem that a test sees is listed for its route."""

from collections.abc import Awaitable, Callable, Iterator

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute


def require_documented(app: FastAPI) -> Callable[[httpx.Response], Awaitable[None]]:
    """Return a hook of a client that fails for a problem that OpenAPI does not list."""

    async def check(response: httpx.Response) -> None:
        if response.headers.get("content-type") != "application/problem+json":
            return
        operation = next(_operations(app, response.request), None)
        if operation is None:
            return
        await response.aread()
        code = response.json()["type"].removeprefix("urn:upstairs:problem:")
        listed = operation["responses"].get(str(response.status_code), {"description": ""})
        place = f"{response.request.method} {response.request.url.path}"
        assert f"`{code}`" in listed["description"], f"{place}: {response.status_code} {code}"

    return check


def _operations(
    app: FastAPI, request: httpx.Request
) -> Iterator[dict[str, dict[str, dict[str, str]]]]:
    for route in app.routes:
        if (
            isinstance(route, APIRoute)
            and request.method in route.methods
            and route.path_regex.match(request.url.path)
        ):
            yield app.openapi()["paths"][route.path_format][request.method.lower()]
