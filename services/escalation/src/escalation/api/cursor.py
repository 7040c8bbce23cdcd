"""Cursors of the list of escalations: opaque, and valid for one query only."""

import base64
import binascii
import hashlib

import orjson
from pydantic import TypeAdapter, ValidationError

from common.http.problems import ProblemError
from escalation.domain.queries import EscalationQuery, PageKey

_PAGE_KEY: TypeAdapter[PageKey] = TypeAdapter(PageKey)


def encode_cursor(key: PageKey, query: EscalationQuery) -> str:
    content = orjson.dumps([_digest(query), _PAGE_KEY.dump_python(key, mode="json")])
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decode_cursor(cursor: str, query: EscalationQuery) -> PageKey:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        digest, content = orjson.loads(base64.b64decode(padded, altchars=b"-_"))
        key = _PAGE_KEY.validate_python(content)
    except (binascii.Error, ValueError, TypeError, ValidationError) as error:
        raise ProblemError(422, "invalid", "query/cursor: it is malformed.") from error
    if digest != _digest(query):
        detail = "query/cursor: it belongs to a list of another sort or other filters."
        raise ProblemError(422, "invalid", detail)
    return key


def _digest(query: EscalationQuery) -> str:
    """Return the same for queries that differ only in the order of values."""
    filters = {
        name: sorted(value) if isinstance(value, list) else value
        for name, value in query
        if name in EscalationQuery.model_fields
    }
    content = orjson.dumps(filters, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(content, digest_size=8).hexdigest()
