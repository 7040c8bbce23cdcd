"""Refuses, before any route, a body that does not say that it is JSON."""

from starlette.types import Scope

from common.http.problems import ProblemError


def check_media_type(scope: Scope) -> None:
    """Raise ProblemError unless the body's media type is JSON; parameters do not matter."""
    stated = [value for name, value in scope["headers"] if name == b"content-type"]
    text = stated[0].decode("latin-1") if len(stated) == 1 else ""
    kind, _, subtype = text.partition(";")[0].strip().lower().partition("/")
    if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
        named = f"not {text}" if text else "and exactly one Content-Type says so"
        detail = f"The body must be application/json, {named}."
        raise ProblemError(
            415, "unsupported-media-type", detail, headers={"Accept": "application/json"}
        )
