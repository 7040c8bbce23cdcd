"""uvicorn's HTTP protocol with limits: bytes, headers, times and connections.

uvicorn bounds the time between two requests only. See ADR 0023.
"""

from collections.abc import Iterator
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from common.core.clock import monotonic
from common.core.metrics import Metrics
from common.http.limits import ConnectionLimiter, HttpLimits
from common.http.problems import ProblemError
from common.http.protection import SECURITY_HEADERS

# The parser gets so much at once: it keeps all of an unfinished header.
_PART_BYTES = 8 * 1024


class RefusedRequestError(Exception):
    """The request is over a limit."""

    def __init__(self, problem: ProblemError) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration, and what `LimitedProtocol` needs."""

    limits: HttpLimits
    limiter: ConnectionLimiter
    metrics: Metrics


class LimitedProtocol(HttpToolsProtocol):
    """One connection. `enforce_times` must be called every moment."""

    def __init__(self, config: ServerConfig, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self._limits = config.limits
        self._limiter = config.limiter
        self._metrics = config.metrics
        # Until then the head, the body, or the answer to a refusal must be complete.
        self._deadline: float | None = None
        self._unread_since: float | None = None
        self._head_bytes = 0
        self._body_bytes = 0
        self._body_limit = self._limits.bodies.find("")
        self._in_body = False
        self._trailers = 0
        self._is_admitted = False
        self._is_refused = False
        # Of this connection and not answered yet, the oldest first; uvicorn knows the newest only.
        self._cycles: list[RequestResponseCycle] = []

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._is_admitted = self._limiter.admit(self._address)
        if self._is_admitted:
            self._deadline = monotonic() + self._limits.head_s
        else:
            self._refuse(_TOO_MANY_CONNECTIONS)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end_cycles()
        if self._is_admitted:
            self._is_admitted = False
            self._limiter.release(self._address)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        if self._deadline is None:
            # Perhaps only an empty line, which begins no message.
            self._deadline = monotonic() + self._limits.head_s
        try:
            for part in _parts(data):
                self._count(len(part))
                self.parser.feed_data(part)
        except httptools.HttpParserUpgrade:
            # The request is served, but what follows it is not HTTP for the parser.
            self._is_refused = True
            self.cycle.keep_alive = False
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause.problem if isinstance(cause, RefusedRequestError) else _MALFORMED)
        except RefusedRequestError as error:
            self._refuse(error.problem)

    def enforce_times(self, now: float) -> None:
        """Refuse a request that takes too long; drop a client that does not read its answer."""
        if self._deadline is not None and now > self._deadline:
            if self._is_refused:
                self._drop()
            else:
                self._refuse(_TIMEOUT)
        if not self.transport.get_write_buffer_size():
            self._unread_since = None
        elif self._unread_since is None:
            self._unread_since = now
        elif now > self._unread_since + self._limits.answer_s:
            self._metrics.http_refused.labels("answer-not-read").inc()
            self._drop()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = self._body_bytes = self._trailers = 0
        if len(self.pipeline) >= self._limits.pipelined:
            raise RefusedRequestError(_TOO_MANY_PIPELINED)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self._limits.url_bytes:
            raise RefusedRequestError(_URL_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; drop a trailer: a proxy that checks headers may not have checked it."""
        if self._in_body:
            self._trailers += 1
        else:
            super().on_header(name, value)
        if len(self.headers) + self._trailers > self._limits.headers:
            raise RefusedRequestError(_TOO_MANY_HEADERS)

    def on_headers_complete(self) -> None:
        # Counted are the parts after the first, so most heads need no closer look.
        if self._head_bytes + _PART_BYTES > self._limits.head_bytes:
            self._check_head_size()
        declared = [value for name, value in self.headers if name == b"content-length"]
        # The path without the query, and not decoded: another spelling has the usual limit.
        self._body_limit = self._limits.bodies.find(self.url.partition(b"?")[0].decode("latin-1"))
        # The parser has refused what is not a number.
        if declared and int(declared[0]) > self._body_limit.body_bytes:
            raise RefusedRequestError(self._body_limit.refusal())
        if self.parser.should_upgrade() and self._has_body():
            # The parser would take the body for something else.
            raise RefusedRequestError(_UPGRADE_WITH_BODY)
        super().on_headers_complete()
        self._cycles.append(self.cycle)
        self._in_body = True
        self._deadline = monotonic() + self._limits.body_s

    def _check_head_size(self) -> None:
        head_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if head_bytes > self._limits.head_bytes:
            raise RefusedRequestError(_HEAD_TOO_LARGE)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_body = False
        self._deadline = None

    def on_response_complete(self) -> None:
        self._cycles = [cycle for cycle in self._cycles if not cycle.response_complete]
        super().on_response_complete()
        if self._in_body and not self._is_refused:
            # Nobody will read the rest of the body.
            self._linger()

    def shutdown(self) -> None:
        """Close the connection, after the answer if its request is whole."""
        if self._in_body or self._is_refused:
            self.transport.close()
        else:
            super().shutdown()

    def _has_body(self) -> bool:
        names = {name for name, _ in self.headers}
        return not names.isdisjoint((b"content-length", b"transfer-encoding"))

    def _count(self, size: int) -> None:
        if self._in_body:
            self._body_bytes += size
            if self._body_bytes > self._body_limit.body_bytes + self._limits.framing_bytes:
                raise RefusedRequestError(self._body_limit.refusal())
        else:
            self._head_bytes += size
            # What is left over may be the head's last part, and the beginning of a body: the exact
            # size is checked when the head is whole.
            if self._head_bytes > self._limits.head_bytes + _PART_BYTES:
                raise RefusedRequestError(_HEAD_TOO_LARGE)

    def _refuse(self, problem: ProblemError) -> None:
        """Answer a request that is not complete, and read no further one."""
        self._metrics.http_refused.labels(problem.code).inc()
        if not self._is_answerable():
            self._is_refused = True
            self._drop()
            return
        if self._in_body:
            # The app waits for the rest.
            self._end_cycles()
        self.transport.write(_answer(problem))
        self._linger()

    def _drop(self) -> None:
        """Close the connection at once."""
        self._end_cycles()
        self.transport.abort()

    def _end_cycles(self) -> None:
        """Write nothing more of what an app still answers: uvloop raises for a closed connection.

        A stranger could fill the log with it.
        """
        for cycle in self._cycles:
            cycle.disconnected = True
            cycle.message_event.set()

    def _is_answerable(self) -> bool:
        """Whether nothing of another answer is on the connection, or will be."""
        if self.transport.is_closing() or self.pipeline:
            return False
        if self._in_body:
            return not self.cycle.response_started
        return self.cycle is None or self.cycle.response_complete

    def _linger(self) -> None:
        """Give the client time to read the answer; closing at once might discard it."""
        self._is_refused = True
        self._unset_keepalive_if_required()
        self._deadline = monotonic() + self._limits.linger_s
        self.flow.resume_reading()
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()


def _parts(data: bytes) -> Iterator[bytes]:
    if len(data) <= _PART_BYTES:
        yield data
        return
    for start in range(0, len(data), _PART_BYTES):
        yield data[start : start + _PART_BYTES]


def _answer(problem: ProblemError) -> bytes:
    response = problem.response()
    sent = (*response.raw_headers, *SECURITY_HEADERS)
    headers = b"".join(b"%s: %s\r\n" % header for header in sent)
    head = STATUS_LINE[response.status_code] + headers + b"connection: close\r\n\r\n"
    return head + bytes(response.body)


_TOO_MANY_CONNECTIONS = ProblemError(
    503,
    "too-many-connections",
    "You have too many connections, or the service has. Try again soon.",
    headers={"Retry-After": "5"},
)
_MALFORMED = ProblemError(400, "malformed-request", "This is not an HTTP request.")
_UPGRADE_WITH_BODY = ProblemError(
    400, "upgrade-with-body", "A request with a body can't ask for another protocol (`Upgrade`)."
)
_TIMEOUT = ProblemError(408, "timeout", "The request was not complete in time.")
_TOO_MANY_PIPELINED = ProblemError(
    429, "too-many-pipelined", "Too many requests wait on this connection."
)
_URL_TOO_LONG = ProblemError(414, "url-too-long", "The URL is too long.")
_TOO_MANY_HEADERS = ProblemError(431, "too-many-headers", "The request has too many headers.")
_HEAD_TOO_LARGE = ProblemError(431, "headers-too-large", "The headers are too large.")
