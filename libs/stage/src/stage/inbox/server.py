"""Serves the page, presses Slack's buttons as a person in Slack would, and takes statuses."""

import asyncio
import hashlib
import hmac
import time
from http import HTTPStatus
from typing import Self
from urllib.parse import parse_qs, urlencode

import httpx
import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from devstack.threaded_server import ThreadedServer
from stage.inbox.messages import Message, printable, received_messages, slack_users, split_links
from stage.system import Receivers

REFRESH_S = 3
_STATUSES = "/statuses"
_MAX_FORM_BYTES = 10_000
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


class Inbox:
    """`notifier_url` and `signing_secret` are for the calls that Slack makes to the notifier."""

    def __init__(self, receivers: Receivers, notifier_url: str, signing_secret: str) -> None:
        self._receivers = receivers
        self._notifier_url = notifier_url
        self._signing_secret = signing_secret
        templates = Environment(
            loader=PackageLoader("stage.inbox"), autoescape=True, undefined=StrictUndefined
        )
        templates.filters["split_links"] = split_links
        templates.filters["printable"] = printable
        self._page = templates.get_template("inbox.html.jinja")
        app = Starlette(
            routes=[
                Route("/", self._show),
                Route("/press", self._press, methods=["POST"]),
                Route("/open-home", self._open_home, methods=["POST"]),
                Route(_STATUSES, self._take_status, methods=["POST"]),
            ],
            # A foreign website must not reach it through a name of its own.
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1"])],
        )
        self._server = ThreadedServer(app, "inbox")

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def statuses_url(self) -> str:
        """Where the channel of the stage is told what becomes of its contacts."""
        return f"{self.url}{_STATUSES}"

    @property
    def received(self) -> int:
        """How many calls and mails have come."""
        return len(self._receivers.slack.requests) + len(self._receivers.mail.messages)

    def messages(self) -> list[Message]:
        return received_messages(self._receivers.slack, self._receivers.mail)

    async def __aenter__(self) -> Self:
        self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._server.stop)

    async def _show(self, _request: Request) -> Response:
        messages = self.messages()
        page = self._page.render(
            messages=messages, users=slack_users(messages), refresh_s=REFRESH_S
        )
        return HTMLResponse(page, headers=_HEADERS)

    async def _take_status(self, request: Request) -> Response:
        await request.body()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def _press(self, request: Request) -> Response:
        """Send the notifier what Slack sends when a person presses a button."""
        action_id, value = await _read_fields(request, "action_id", "value")
        message = self._with_button(action_id, value)
        if message is None:
            return PlainTextResponse("No message has this button.", HTTPStatus.NOT_FOUND)
        pressed = _interaction(message.user_id, action_id, value)
        return await self._call_notifier(pressed, "application/x-www-form-urlencoded")

    async def _open_home(self, request: Request) -> Response:
        """Send the notifier what Slack sends when a person opens the app's home tab."""
        (user_id,) = await _read_fields(request, "user_id")
        if user_id not in slack_users(self.messages()):
            return PlainTextResponse("Nobody got a message there.", HTTPStatus.NOT_FOUND)
        opened = {"type": "app_home_opened", "user": user_id, "tab": "home"}
        body = orjson.dumps({"type": "event_callback", "event": opened})
        return await self._call_notifier(body, "application/json")

    def _with_button(self, action_id: str, value: str) -> Message | None:
        """Find the message by the button's secret value, which no other website can know."""
        for message in self.messages():
            buttons = [(button.action_id, button.value) for button in message.buttons]
            if value and (action_id, value) in buttons:
                return message
        return None

    async def _call_notifier(self, body: bytes, media_type: str) -> Response:
        """Lead back to the page, or say what the notifier refused."""
        timestamp = str(int(time.time()))  # noqa: TID251 - Slack signs with its own clock
        base = b"v0:" + timestamp.encode() + b":" + body
        mac = hmac.new(self._signing_secret.encode(), base, hashlib.sha256)
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.post(
                f"{self._notifier_url}/v1/callbacks/slack",
                content=body,
                headers={
                    "Content-Type": media_type,
                    "X-Slack-Request-Timestamp": timestamp,
                    "X-Slack-Signature": f"v0={mac.hexdigest()}",
                },
            )
        if not answer.is_success:
            text = f"The notifier answered {answer.status_code}: {answer.text}"
            return PlainTextResponse(text, HTTPStatus.BAD_GATEWAY)
        return RedirectResponse("/", HTTPStatus.SEE_OTHER)


async def _read_fields(request: Request, *names: str) -> list[str]:
    """Return the fields of a form; one that was not sent is empty."""
    form = parse_qs((await request.body())[:_MAX_FORM_BYTES].decode(errors="replace"))
    return [form.get(name, [""])[0] for name in names]


def _interaction(user_id: str, action_id: str, value: str) -> bytes:
    """Return the form of a button that the user has pressed."""
    payload = {
        "type": "block_actions",
        "user": {"id": user_id},
        "actions": [{"action_id": action_id, "value": value}],
    }
    return urlencode({"payload": orjson.dumps(payload).decode()}).encode()
