"""Refuses, before any route, requests that can be read in two ways, and text nobody can handle.

A header that comes twice may mean its first value to a proxy and its last one to a route.

NUL in the address or in a header, a body that is not UTF-8, JSON that is nested without end. What a
field of a body may hold is for its type to say, so that the answer names the field; what still
comes through, the database refuses (`is_bad_value`).
"""

from json import JSONDecodeError
from typing import Any, Final

from starlette.types import Scope

from common.http.json_body import parse_json
from common.http.problems import ProblemError
from common.http.whole_request import WholeRequest

MAX_DEPTH: Final = 32
_SINGLE_HEADERS: Final = frozenset(
    (b"authorization", b"host", b"idempotency-key", b"if-match", b"last-event-id")
)


def check_request(request: WholeRequest) -> None:
    """Raise ProblemError unless path, query and headers can be handled, in one way."""
    scope = request.scope
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise _nul("The address")
    for name, value in scope["headers"]:
        if b"\x00" in value:
            raise _nul(f"The header {name.decode('latin-1')}")
    if scope["http_version"] == "1.1" and b"host" not in request.fields:
        raise ProblemError(400, "malformed-request", "The header Host is missing.")
    if request.repeats_fields:
        _check_repetition(scope)


def _check_repetition(scope: Scope) -> None:
    names = [name for name, _ in scope["headers"]]
    for name in _SINGLE_HEADERS:
        if names.count(name) > 1:
            detail = f"The header {name.decode().title()} must not come twice."
            raise ProblemError(400, "malformed-request", detail)


def check_content(body: bytes) -> None:
    """Raise ProblemError unless the body is text that can be handled."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise ProblemError(400, "malformed-json", "The body is not UTF-8.") from error
    if b"\x00" in body:
        raise _nul("The body")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        detail = f"The body is nested more than {MAX_DEPTH} deep."
        raise ProblemError(400, "malformed-json", detail)


def _depth(body: bytes) -> int:
    """Return how deep the JSON is nested, at most one more than is allowed."""
    try:
        level: list[Any] = [parse_json(body)]
    except JSONDecodeError:
        # The route says what is wrong with it.
        return 0
    for depth in range(MAX_DEPTH + 1):
        level = [part for value in level for part in _parts(value)]
        if not level:
            return depth
    return MAX_DEPTH + 1


def _parts(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _nul(place: str) -> ProblemError:
    return ProblemError(400, "malformed-text", f"{place} contains the character NUL.")
