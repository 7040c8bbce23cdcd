"""Refuses a body that its route does not read: what is in it would be ignored without a word."""

import orjson

from common.http.problems import ProblemError, invalid


def require_empty(body: bytes) -> None:
    """Raise ProblemError unless the body says nothing.

    An empty object is taken: many clients send one with every POST.
    """
    if not body:
        return
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "malformed-json", "The body is not JSON.") from error
    if not isinstance(content, dict):
        raise invalid(("body", "must be left out, or {}"))
    if content:
        raise invalid(*((f"body/{name}", "is not a field that is known here") for name in content))
