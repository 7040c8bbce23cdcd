"""Calls status webhooks by the rules of Standard Webhooks."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Final

import orjson
from aiohttp import (
    ClientConnectionResetError,
    ClientError,
    ClientSession,
    ServerDisconnectedError,
    TraceConfig,
    TraceConnectionReuseconnParams,
)

from common.core.errors import PermanentError
from common.core.sealed_secrets import SecretBox
from common.http.retry_after import retry_after
from notifier.channels.http_client import describe_failure, open_client
from notifier.channels.receiver_guard import ForbiddenReceiverError, GuardedResolver, ReceiverGuard
from notifier.domain.status_webhooks import CallResult, StatusDelivery, StatusWebhook
from notifier.settings import Settings

_PREFIX: Final = "whsec_"
# Standard Webhooks wants 24 to 64.
_MIN_KEY_BYTES: Final = 24
_MAX_KEY_BYTES: Final = 64
_NEW_KEY_BYTES: Final = 32
_EVENT_PREFIX: Final = "contact."
_USER_AGENT: Final = "Upstairs-Status-Webhooks/1"


class StatusCaller:
    """Signs and sends; it must be closed in the event loop in which it first called."""

    def __init__(self, box: SecretBox | None, guard: ReceiverGuard, timeout_s: float) -> None:
        self.box = box
        self.guard = guard
        self.timeout_s = timeout_s
        self._client: ClientSession | None = None
        self._resolver: GuardedResolver | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "StatusCaller":
        keys = settings.encryption_keys
        return cls(
            keys.secret_box() if keys.all else None,
            ReceiverGuard(settings.status_webhook_trusted_hosts),
            settings.status_webhook_timeout_seconds,
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None
        if self._resolver is not None:
            await self._resolver.close()
            self._resolver = None

    async def call(
        self, webhook: StatusWebhook, message_id: str, body: bytes, at: datetime
    ) -> CallResult:
        """Make one attempt; a failure is a result, not an exception."""
        if self.box is None:
            return CallResult(None, "UPSTAIRS_ENCRYPTION_KEYS is not set")
        try:
            self.guard.check_url(webhook.url)
            opened = [self.box.open(sealed) for sealed in webhook.valid_secrets(at)]
            if not opened:
                return CallResult(None, "not called: it has no secret")
            headers = sign(opened, message_id, at, body)
            return await self._post(webhook.url, body, headers, at)
        except ForbiddenReceiverError as error:
            return CallResult(None, f"not called: {error}")
        except PermanentError as error:
            return CallResult(None, f"not called: {error.__doc__}")
        # ValueError: what the client says of a URL or a secret that it can't use.
        except (ClientError, OSError, ValueError) as error:
            forbidden = _find_forbidden(error)
            detail = f"not called: {forbidden}" if forbidden else describe_failure(error)
            return CallResult(None, detail)

    async def _post(
        self, url: str, body: bytes, headers: Mapping[str, str], at: datetime
    ) -> CallResult:
        while True:
            reused: list[bool] = []
            try:
                return await self._post_once(url, body, headers, at, reused)
            except (ServerDisconnectedError, ClientConnectionResetError):
                # A receiver may close a connection that is kept just when it is used again. If it
                # has read the message all the same, it knows it by its id.
                if not reused:
                    raise

    async def _post_once(
        self, url: str, body: bytes, headers: Mapping[str, str], at: datetime, reused: list[bool]
    ) -> CallResult:
        # The body of the answer is not read: nobody needs it, and it may have no end.
        async with self._open().post(
            url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=reused
        ) as response:
            wait = retry_after(response.headers.get("Retry-After"), at)
            return CallResult(response.status, _describe(response.status), wait)

    def _open(self) -> ClientSession:
        if self._client is None:
            self._resolver = GuardedResolver(self.guard)
            trace = TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            self._client = open_client(
                self.timeout_s,
                {"User-Agent": _USER_AGENT, "Content-Type": "application/json"},
                resolver=self._resolver,
                traces=(trace,),
            )
        return self._client


async def _note_reuse(
    _client: ClientSession,
    context: SimpleNamespace,
    _parameters: TraceConnectionReuseconnParams,
) -> None:
    context.trace_request_ctx.append(True)


def sign(opened: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks, with a signature of each secret that is valid."""
    timestamp = str(int(at.timestamp()))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = (hmac.new(key_of(each), signed, hashlib.sha256).digest() for each in opened)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(signature).decode()}" for signature in signatures
        ),
    }


def make_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_NEW_KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """Return the bytes that sign; raises ValueError for what is no secret of Standard Webhooks."""
    encoded = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        # No Base64, or no ASCII.
        key = b""
    if encoded == secret or not _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES:
        raise ValueError("must be whsec_ and 24 to 64 bytes in Base64")
    return key


def write_body(delivery: StatusDelivery, name: str | None) -> bytes:
    """Write the status as its receiver reads it; it has no customer's words."""
    content = delivery.content
    person = {"id": content.person_id, "name": name} if content.person_id else None
    data: dict[str, Any] = {
        "contact_id": delivery.contact_id,
        "external_ref": content.external_ref,
        "status": delivery.status,
        "sequence": delivery.sequence,
        "person": person,
        "level": content.level,
        "merged_into": content.merged_into,
    }
    return _write(delivery.status, delivery.occurred_at, data)


def write_test_body(webhook: StatusWebhook, at: datetime) -> bytes:
    return _write("test", at, {"source": webhook.source, "status": "test"})


def _write(status: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    return orjson.dumps(
        {"type": f"{_EVENT_PREFIX}{status}", "timestamp": at, "data": data},
        option=orjson.OPT_UTC_Z,
    )


def _describe(status: int) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"answered {status}: redirections are not followed"
    return f"answered {status}"


def _find_forbidden(error: BaseException) -> ForbiddenReceiverError | None:
    """Return why the guard ended the call: the client wraps what a resolver raises."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ForbiddenReceiverError):
        inner = getattr(cause, "os_error", None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__
    return cause
