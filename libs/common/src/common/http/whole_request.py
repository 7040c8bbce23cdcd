"""A request whose body has been read, within its limit, before anything looks at it."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from common.http.json_body import parse_json
from common.http.limits import MAX_BODY_BYTES, USUAL_BODY, BodyLimit, LargeBodyMemory


class WholeRequest(Request):
    """`fields` has the first value of each header, by its name in lower case.

    `answer_headers` go out with the answer, whether it is a success or a problem.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, content: bytes) -> None:
        super().__init__(scope, receive, send)
        # Where Starlette looks for a body that it has read.
        self._body = content
        self.content = content
        self.fields: dict[bytes, bytes] = dict(reversed(scope["headers"]))
        self.repeats_fields = len(self.fields) < len(scope["headers"])
        self.answer_headers: Mapping[str, str] | None = None
        self.has_query = bool(scope["query_string"])
        self._document: Any = None
        self._is_parsed = False

    def text_of(self, field: bytes) -> str:
        """Return the header's value, empty if there is no such header."""
        return self.fields.get(field, b"").decode("latin-1")

    def parse(self) -> Any:
        """Return the body's JSON; raises JSONDecodeError."""
        if not self._is_parsed:
            self._document, self._is_parsed = parse_json(self.content), True
        return self._document


async def read_request(
    scope: Scope,
    receive: Receive,
    send: Send,
    limit: BodyLimit = USUAL_BODY,
    memory: LargeBodyMemory | None = None,
) -> WholeRequest | None:
    """Read the whole body; return None if the client leaves before.

    Raises ProblemError if the body is over the limit, or if too many are large now. Who gets the
    request releases the memory of its content.
    """
    memory = memory or LargeBodyMemory()
    message = await receive()
    content: bytes = message.get("body", b"")
    if message.get("more_body", False) or len(content) > MAX_BODY_BYTES:
        parts = bytearray()
        try:
            _append(parts, content, limit, memory)
            while message.get("more_body", False):
                message = await receive()
                _append(parts, message.get("body", b""), limit, memory)
        except BaseException:
            memory.release(len(parts))
            raise
        content = bytes(parts)
    if message["type"] == "http.disconnect":
        memory.release(len(content))
        return None
    return WholeRequest(scope, receive, send, content)


def _append(parts: bytearray, part: bytes, limit: BodyLimit, memory: LargeBodyMemory) -> None:
    size = len(parts) + len(part)
    if size > limit.body_bytes:
        raise limit.refusal()
    memory.grow(len(parts), size)
    parts += part
