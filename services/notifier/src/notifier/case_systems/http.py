"""The HTTP of case systems: calls to one base address, and what their failures mean."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import orjson
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ConnectionTimeoutError,
)

from common.core.clock import TimeSource
from common.http.retry_after import retry_after
from notifier.allowed_origins import AllowedOrigins
from notifier.domain.write_backs.writes import (
    CredentialsRefused,
    Delayed,
    Rejected,
    Uncertain,
    WriteOutcome,
)

# Somebody else changes the case at this moment.
_WAIT_AFTER_CONFLICT: Final = timedelta(seconds=2)
_MAX_ANSWER_BYTES: Final = 2 * 1024 * 1024
_MAX_DETAIL_CHARACTERS: Final = 200
_CONFLICTS: Final = frozenset((HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED))
_BUSY: Final = frozenset((HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE))
_GONE: Final = frozenset((HTTPStatus.NOT_FOUND, HTTPStatus.GONE))


class WriteFailedError(Exception):
    """A call did not succeed; the outcome says what that means for the write."""

    def __init__(self, outcome: WriteOutcome) -> None:
        super().__init__(getattr(outcome, "reason", ""))
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Call:
    """`changes`: it writes, so a lost answer is no proof that nothing happened."""

    method: str
    url: str
    json: Any = None
    form: Mapping[str, str] | None = None
    query: Mapping[str, str] | None = None
    changes: bool = False


class CaseHttp:
    """Calls below one address, which operators allow; it follows no redirect."""

    def __init__(
        self, session: ClientSession, base_url: str, allowed: AllowedOrigins, clock: TimeSource
    ) -> None:
        self.base_url = base_url
        self.clock = clock
        self._session = session
        self._allowed = allowed

    async def send(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """Raises WriteFailedError only if there is no answer."""
        if not self._allowed.admits(call.url):
            raise WriteFailedError(Rejected("the address is not among UPSTAIRS_WRITE_BACK_SYSTEMS"))
        content = None if call.json is None else orjson.dumps(call.json)
        more = {} if content is None else {"Content-Type": "application/json"}
        try:
            async with self._session.request(
                call.method,
                call.url,
                data=content if call.form is None else call.form,
                params=call.query,
                headers={"Accept": "application/json", **more, **headers},
                allow_redirects=False,
            ) as response:
                body = await _read_body(response)
                return Answer(response.status, response.headers, _read_json(body))
        except (ClientError, OSError, TimeoutError) as error:
            raise WriteFailedError(_read_failure(error, call)) from error
        except ValueError as error:
            # Its words may have the token.
            raise WriteFailedError(Rejected("credentials or URL can't be sent by HTTP")) from error

    def require_success(self, answer: Answer, call: Call) -> Answer:
        """Raises WriteFailedError."""
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return answer
        raise WriteFailedError(read_refusal(answer, call, self.clock.utc_now()))


def read_refusal(answer: Answer, call: Call, at: datetime) -> WriteOutcome:
    """Return what an answer means that is no success."""
    status, reason = answer.status, f"answered {answer.status}{_detail(answer.body)}"
    wait = retry_after(answer.headers.get("Retry-After"), at)
    if status == HTTPStatus.UNAUTHORIZED:
        return CredentialsRefused(reason)
    if status in _BUSY:
        return Delayed(reason, wait, holds_system=True)
    if status in _CONFLICTS:
        return Delayed(reason, _WAIT_AFTER_CONFLICT)
    if status in _GONE:
        return Rejected(f"there is no such case: it {reason}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Uncertain(reason) if call.changes else Delayed(reason, wait)
    return Rejected(reason)


def _read_failure(error: Exception, call: Call) -> WriteOutcome:
    reason = type(error).__name__
    if isinstance(error, (ssl.SSLError, ClientConnectorError, ConnectionTimeoutError)):
        return Delayed(f"not reached: {reason}")
    return Uncertain(f"no answer: {reason}") if call.changes else Delayed(f"no answer: {reason}")


async def _read_body(response: ClientResponse) -> bytes:
    """Read all parts, but no more than the limit: what is cut off is no JSON."""
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > _MAX_ANSWER_BYTES:
            break
    return bytes(body)


def _read_json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        return None


def _detail(body: Any) -> str:
    """Return what the system says is wrong, where it says it: each has another place."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return ""
    inner = body.get("error")
    if isinstance(inner, dict):
        body, inner = inner, None
    texts = (body.get("errorCode"), body.get("code"), inner, body.get("description"))
    words = [*dict.fromkeys(str(each) for each in (*texts, body.get("message")) if each)]
    return f": {' '.join(words)}"[:_MAX_DETAIL_CHARACTERS] if words else ""
