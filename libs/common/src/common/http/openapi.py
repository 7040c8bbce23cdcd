"""Completes OpenAPI with what surrounds every route: its problems, and `Idempotency-Key`."""

import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from common.http import idempotency
from common.http.access import SAFE_METHODS
from common.http.openapi_examples import show_examples
from common.http.problems import REFERENCE, ProblemOut, documented

_KEY_PARAMETER: Final = {
    "name": idempotency.HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.MAX_CHARACTERS},
    "description": idempotency.DESCRIPTION,
}
_ALWAYS: Final = (
    (400, "malformed-text"),
    (429, "too-many-connections"),
    (500, "unexpected"),
    (503, "unavailable"),
)
_WITH_INPUT: Final = ((422, "invalid"),)
_WITH_BODY: Final = ((422, "event-too-large"),)
_WITH_API_KEY: Final = ((401, "unauthenticated"), (403, "forbidden"))
# Also without a body: one that is sent is refused.
_CHANGING: Final = (
    (400, "malformed-json"),
    (413, "too-large"),
    (415, "unsupported-media-type"),
    (422, "invalid"),
)
_KEYED: Final = ((409, "answer-erased"), (422, "idempotency-key-reused"))


def install(app: FastAPI, unkeyed_paths: Collection[str]) -> None:
    generate = app.openapi
    app.openapi = partial(_openapi, app, generate, unkeyed_paths)  # type: ignore[method-assign]  # FastAPI documents this way


def _openapi(
    app: FastAPI, generate: Callable[[], dict[str, Any]], unkeyed_paths: Collection[str]
) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = generate()
        _, definitions = models_json_schema([(ProblemOut, "serialization")], ref_template=REFERENCE)
        document["components"]["schemas"].update(definitions["$defs"])
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _complete(operation, method, is_keyed=path not in unkeyed_paths)
                if "security" in operation and method.upper() not in SAFE_METHODS:
                    for status, code in app.state.admission_problems:
                        _add(operation["responses"], status, code)
                show_examples(operation, document["components"]["schemas"])
    return generate()


def _complete(operation: dict[str, Any], method: str, *, is_keyed: bool) -> None:
    if "description" in operation:
        operation["summary"] = _summary(operation["description"])
    is_keyed = is_keyed and method.upper() not in SAFE_METHODS and "security" in operation
    if is_keyed:
        operation.setdefault("parameters", []).append(_KEY_PARAMETER)
    for status, code in _problems(operation, method, is_keyed=is_keyed):
        _add(operation["responses"], status, code)


def _summary(description: str) -> str:
    """Return what the first sentence says before its details."""
    return re.split(r"[.;:](?:\s|$)", description, maxsplit=1)[0]


def _problems(
    operation: dict[str, Any], method: str, *, is_keyed: bool
) -> Iterator[tuple[int, str]]:
    yield from _ALWAYS
    if "parameters" in operation or "requestBody" in operation:
        yield from _WITH_INPUT
    if "requestBody" in operation:
        yield from _WITH_BODY
    if "security" in operation:
        yield from _WITH_API_KEY
        yield 403, "write-only-key" if method.upper() in SAFE_METHODS else "read-only-key"
    if "401" in operation["responses"] or "security" in operation:
        yield 429, "too-many-wrong-keys"
    if method.upper() not in SAFE_METHODS:
        yield from _CHANGING
    if is_keyed:
        yield from _KEYED


def _add(responses: dict[str, Any], status: int, code: str) -> None:
    """Name the code in the answer of this status, after what the route itself says of it."""
    response = responses.setdefault(str(status), documented(HTTPStatus(status).phrase + "."))
    response.setdefault("content", documented("")["content"])
    if f"`{code}`" not in response["description"]:
        lead = " Codes:" if "Codes: " not in response["description"] else ","
        response["description"] = f"{response['description']}{lead} `{code}`"
