"""Refuses a body that its route does not read: what is in it would be ignored without a word."""

from json import JSONDecodeError

from common.http.json_body import parse_json
from common.http.problems import ProblemError, invalid


def require_empty(body: bytes) -> None:
    """Raise ProblemError unless the body says nothing.

    An empty object is taken: many clients send one with every POST.
    """
    if not body:
        return
    try:
        content = parse_json(body)
    except JSONDecodeError as error:
        raise ProblemError(400, "malformed-json", "The body is not JSON.") from error
    if not isinstance(content, dict):
        raise invalid(("body", "must be left out, or {}"))
    if content:
        raise invalid(*((f"body/{name}", "is not a field that is known here") for name in content))
