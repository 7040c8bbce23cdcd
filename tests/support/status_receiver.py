"""A receiver of statuses, which verifies them by the library of Standard Webhooks."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from support.loopback_server import LoopbackServer


@dataclass(frozen=True)
class Answer:
    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    # Reads the request and does not answer until the caller gives up.
    hangs: bool = False
    # Begins an answer that never ends.
    endless: bool = False


@dataclass(frozen=True)
class ReceivedStatus:
    webhook_id: str
    body: Mapping[str, Any]
    answer: int

    @property
    def contact_id(self) -> str:
        return str(self.body["data"].get("contact_id"))

    @property
    def status(self) -> str:
        return str(self.body["data"]["status"])


class StatusReceiver(LoopbackServer):
    """The next calls get `answers`, one each, and later calls `otherwise`.

    A call that no secret of `secrets` has signed gets 401. `max_at_once` is how many calls were
    under way together.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self.secrets = list(secrets)
        self.received: list[ReceivedStatus] = []
        self.answers: deque[Answer] = deque()
        self.otherwise = Answer()
        self.max_at_once = 0
        # For senders whose clock a test has moved.
        self.ignores_time = False
        # While it is cleared, calls wait for their answer.
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._at_once = 0
        self._ended = asyncio.Event()
        app = web.Application()
        app.router.add_post("/statuses", self._take)
        super().__init__(app, "/statuses", shutdown_timeout_s=1)

    async def __aexit__(self, *error: object) -> None:
        self._ended.set()
        self.may_answer.set()
        await super().__aexit__(*error)

    @property
    def accepted(self) -> list[ReceivedStatus]:
        """What it took, each once: a repeat has the same id."""
        by_id = {each.webhook_id: each for each in reversed(self.received) if each.answer == 204}
        return sorted(by_id.values(), key=self.received.index)

    def statuses_of(self, contact_id: str) -> list[str]:
        return [each.status for each in self.accepted if each.contact_id == contact_id]

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self._at_once += 1
        self.max_at_once = max(self.max_at_once, self._at_once)
        try:
            return await self._answer(request)
        finally:
            self._at_once -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        answer = self.answers.popleft() if self.answers else self.otherwise
        if not self._is_signed(content, request.headers):
            answer = Answer(401)
        await self.may_answer.wait()
        body = json.loads(content)
        self.received.append(ReceivedStatus(request.headers["webhook-id"], body, answer.status))
        if answer.hangs:
            await self._ended.wait()
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        await response.prepare(request)
        while answer.endless and not self._ended.is_set():
            await response.write(b"x" * 65_536)
        return response

    def _is_signed(self, content: bytes, headers: Mapping[str, str]) -> bool:
        named = {name.lower(): value for name, value in headers.items()}
        return any(self._verifies(secret, content, named) for secret in self.secrets)

    def _verifies(self, secret: str, content: bytes, headers: Mapping[str, str]) -> bool:
        webhook = Webhook(secret)
        if self.ignores_time:
            at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
            signature = webhook.sign(headers["webhook-id"], at, content.decode())
            return signature in headers["webhook-signature"].split(" ")
        try:
            webhook.verify(content, dict(headers))
        except WebhookVerificationError:
            return False
        return True
