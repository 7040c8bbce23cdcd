"""Refuses, before any route, a body that does not say that it is JSON."""

from typing import Final

from common.http.problems import ProblemError
from common.http.whole_request import WholeRequest

_FIELD: Final = b"content-type"
_USUAL: Final = b"application/json"


def check_media_type(request: WholeRequest) -> None:
    """Raise ProblemError unless the body's media type is JSON; parameters do not matter."""
    if request.fields.get(_FIELD) == _USUAL and not request.repeats_fields:
        return
    stated = [value for name, value in request.scope["headers"] if name == _FIELD]
    text = stated[0].decode("latin-1") if len(stated) == 1 else ""
    kind, _, subtype = text.partition(";")[0].strip().lower().partition("/")
    if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
        named = f"not {text}" if text else "and exactly one Content-Type says so"
        detail = f"The body must be application/json, {named}."
        raise ProblemError(
            415, "unsupported-media-type", detail, headers={"Accept": "application/json"}
        )
