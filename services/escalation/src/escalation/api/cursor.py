"""Where a page of the list ended, as an opaque word that fits that list alone."""

import base64
import binascii
import hashlib

import orjson
from pydantic import TypeAdapter, ValidationError

from common.http.problems import ProblemError
from escalation.domain.queries import Place, Wanted

_PLACE: TypeAdapter[Place] = TypeAdapter(Place)


def cursor_after(place: Place, wanted: Wanted) -> str:
    found = orjson.dumps([_mark(wanted), _PLACE.dump_python(place, mode="json")])
    return base64.urlsafe_b64encode(found).decode().rstrip("=")


def place_after(cursor: str, wanted: Wanted) -> Place:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        mark, place = orjson.loads(base64.b64decode(padded, altchars=b"-_"))
        after = _PLACE.validate_python(place)
    except (binascii.Error, ValueError, TypeError, ValidationError) as error:
        raise ProblemError(422, "invalid", "query/cursor: this is no cursor of ours.") from error
    if mark != _mark(wanted):
        detail = "query/cursor: it belongs to a list of another sort or other filters."
        raise ProblemError(422, "invalid", detail)
    return after


def _mark(wanted: Wanted) -> str:
    """Tell lists apart; the order in which values are given says nothing."""
    asked = {
        name: sorted(value) if isinstance(value, list) else value
        for name, value in wanted
        if name in Wanted.model_fields
    }
    told = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(told, digest_size=8).hexdigest()
