"""Slack: messages with buttons, their updates, and the presses that Slack reports."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, Self

import orjson
import structlog
from aiohttp import ClientError, ClientSession
from pydantic import ValidationError

from common.core.secret_strength import split_secrets
from common.http.webhooks import (
    BadSignatureError,
    SignatureScheme,
    StaleRequestError,
    verify_signature,
)
from notifier import rendering
from notifier.channels import (
    slack_events,
    slack_forms,
    slack_home,
    slack_interactions,
    slack_messages,
)
from notifier.channels.base import (
    Channel,
    FilledForm,
    FormRequest,
    Interaction,
    Press,
    SignatureRefusedError,
)
from notifier.channels.http_client import open_client, read_answer, read_failure, read_refusal
from notifier.channels.slack_model import SlackModel
from notifier.domain.delivery import Outcome, Postponed, Refused, Sent, Unknown
from notifier.domain.home_tabs import HomeView
from notifier.domain.notifications import Notification
from notifier.links import Links
from notifier.settings import Settings

log = structlog.get_logger()

_SIGNATURES = SignatureScheme(encoding="hex", time_format="unix", prefix="v0=")

# These mean that this message or this address is wrong, so that another attempt would fail, too.
# All other errors are tried again: an operator or Slack can fix them.
_PERMANENT = frozenset(
    {
        "as_user_not_supported",
        "block_mismatch",
        "cannot_reply_to_message",
        "cant_update_message",
        "channel_is_limited_access",
        "channel_not_found",
        "edit_window_closed",
        "invalid_arguments",
        "invalid_blocks",
        "invalid_blocks_format",
        "is_archived",
        "is_inactive",
        "message_not_found",
        "messages_tab_disabled",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "not_in_channel",
        "restricted_action",
        "thread_not_found",
        "user_not_found",
        "view_too_large",
    }
)
# Slack works, but takes no more of this just now.
_BUSY = frozenset({"message_limit_exceeded", "rate_limited", "ratelimited"})
# Slack opens a form within 3 s of the press, and waits as long for the answer to the press.
_TRIGGER_S = 2.5
_THREAD_ARGUMENTS = ("thread_ts", "reply_broadcast")


def _refused(error: str) -> Refused:
    return Refused(f"Slack refused: {error}")


# The message may arrive without what Slack refuses: its layout, or the message that it answers.
# Tuples: an outcome with a receipt has no hash.
_BLOCKS_REFUSED = tuple(
    map(_refused, ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"))
)
_THREAD_REFUSED = tuple(map(_refused, ("cannot_reply_to_message", "thread_not_found")))


class _Answer(SlackModel):
    """`channel` and `ts` identify the message, to change it later."""

    ok: bool
    channel: str = ""
    ts: str = ""
    error: str = "no error named"


class Slack(Channel):
    """Calls Slack's Web API; `url` is its base, without a slash at the end."""

    medium = "slack"
    address = slack_messages.SlackAddress
    editable = True
    threaded = True
    interactive = True
    has_home = True
    changes_summaries = True
    callback_body: ClassVar[Mapping[str, Any]] = {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"type": "string"}, "event": {"type": "object"}},
            },
            "example": {
                "type": "event_callback",
                "event": {"type": "app_home_opened", "user": "U0123", "tab": "home"},
            },
        },
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["payload"],
                "properties": {"payload": {"type": "string"}},
            },
            "example": {
                "payload": '{"type":"block_actions","user":{"id":"U0123"},'
                '"actions":[{"action_id":"acknowledge","value":"the signed token"}]}'
            },
        },
    }

    def __init__(
        self, url: str, token: str, signing_secret: str, links: Links, timeout: timedelta
    ) -> None:
        self._url = url
        self._links = links
        self._signing_secrets = [secret.encode() for secret in split_secrets(signing_secret)]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._open_client = partial(open_client, timeout.total_seconds(), headers)
        # Its connections are kept for further calls.
        self._client: ClientSession | None = None

    @classmethod
    def from_settings(cls, settings: Settings, links: Links) -> Self:
        return cls(
            settings.slack_api_url,
            settings.slack_token.get_secret_value(),
            settings.slack_signing_secret.get_secret_value(),
            links,
            timedelta(seconds=settings.delivery_timeout_seconds),
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        custom = self.templates.text_of(
            notification, notification.local(at), has_console=self._links.has_console
        )
        message = slack_messages.page_message(notification, self._links, at, custom)
        if change := slack_messages.summary_change(notification, message):
            result = await self._call("chat.update", change, at)
            # A message that can't be changed any more is no reason not to notify.
            if not isinstance(result, Refused):
                return _as_change(result, notification)
        result = await self._call("chat.postMessage", message, at)
        if result in _THREAD_REFUSED:
            message = {name: message[name] for name in message if name not in _THREAD_ARGUMENTS}
            result = await self._call("chat.postMessage", message, at)
        if result in _BLOCKS_REFUSED:
            log.warning("blocks_refused", notification_id=notification.notification_id)
            fallback = {**message, **slack_messages.fallback(notification, self._links, at)}
            result = await self._call("chat.postMessage", fallback, at)
        return result

    async def update(self, notification: Notification, at: datetime) -> Outcome:
        message = slack_messages.update_message(notification, self._links, at)
        result = await self._call("chat.update", message, at)
        if result in _BLOCKS_REFUSED:
            log.warning("blocks_refused", notification_id=notification.notification_id)
            result = await self._call("chat.update", {**message, "blocks": []}, at)
        return result

    async def refuse(
        self, press: Press | FormRequest, reason: str, language: str, at: datetime
    ) -> None:
        if not press.conversation:
            # In the home tab nothing can be written that only one user sees.
            await self._open_view(press.trigger, slack_forms.notice(reason, language), at)
            return
        text = rendering.slack_text("slack/refusal.j2", language=language, reason=reason)
        message = {
            "channel": press.conversation,
            "user": press.user_id,
            **slack_messages.preview(text),
        }
        # It happens rarely, and also in a process that delivers nothing and closes no channel.
        async with self._open_client() as client:
            result = await self._call_by(client, "chat.postEphemeral", message, at)
        if not isinstance(result, Sent):
            log.info("refusal_not_shown", outcome=result)

    async def _call(self, method: str, message: Mapping[str, Any], at: datetime) -> Outcome:
        if self._client is None:
            self._client = self._open_client()
        return await self._call_by(self._client, method, message, at)

    async def _call_by(
        self, client: ClientSession, method: str, message: Mapping[str, Any], at: datetime
    ) -> Outcome:
        try:
            async with client.post(
                f"{self._url}/{method}", data=orjson.dumps(message), allow_redirects=False
            ) as response:
                body = await read_answer(response)
        except (ClientError, OSError) as error:
            return read_failure(error, repr(error))
        return outcome(response.status, response.headers, body, at)

    def presses(
        self, headers: Mapping[str, str], body: bytes, at: datetime
    ) -> Sequence[Interaction]:
        timestamp = headers.get("x-slack-request-timestamp", "")
        try:
            verify_signature(
                _SIGNATURES,
                secrets=self._signing_secrets,
                signed=f"v0:{timestamp}:".encode() + body,
                signature=headers.get("x-slack-signature", ""),
                timestamp=timestamp,
                now=at,
            )
        except (BadSignatureError, StaleRequestError) as error:
            raise SignatureRefusedError(error.__doc__) from error
        if headers.get("content-type", "").startswith("application/json"):
            return slack_events.read(body)
        return slack_interactions.read(body)

    async def publish_home(self, user_id: str, view: HomeView, at: datetime) -> Outcome:
        arguments = {
            "user_id": user_id,
            "view": slack_home.home_view(view, user_id, self._links, at),
        }
        # Its own connections: the worker that closes the others may stop first.
        async with self._open_client() as client:
            return await self._call_by(client, "views.publish", arguments, at)

    async def open_form(self, request: FormRequest, language: str, at: datetime) -> None:
        view = slack_forms.form(request.action, request.token, language)
        await self._open_view(request.trigger, view, at)

    async def _open_view(self, trigger: str, view: Mapping[str, Any], at: datetime) -> None:
        arguments = {"trigger_id": trigger, "view": view}
        try:
            async with asyncio.timeout(_TRIGGER_S), self._open_client() as client:
                result = await self._call_by(client, "views.open", arguments, at)
        except TimeoutError:
            result = Unknown("no answer in time")
        if not isinstance(result, Sent):
            log.warning("form_not_shown", form=view.get("callback_id"), outcome=result)

    def form_refusal(self, form: FilledForm, reason: str) -> bytes:
        return orjson.dumps(slack_forms.refusal(form.act.action, reason))


def outcome(status: int, headers: Mapping[str, str], body: bytes, at: datetime) -> Outcome:
    """Read an HTTP answer; `ok: false` comes with status 200."""
    if status == HTTPStatus.OK:
        return _answer(body)
    return read_refusal("Slack", status, headers.get("retry-after"), at)


def _as_change(outcome: Outcome, summary: Notification) -> Outcome:
    """Let the attempt say which message was changed."""
    content = summary.content.summary
    if not isinstance(outcome, Sent) or content is None:
        return outcome
    return replace(outcome, receipt={**outcome.receipt, "changed_message": content.earlier[0]})


def _answer(body: bytes) -> Outcome:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError:
        return Unknown("Slack answered 200 with an unexpected body")
    if answer.ok:
        return Sent({"channel": answer.channel, "ts": answer.ts})
    if answer.error in _PERMANENT:
        return _refused(answer.error)
    works = answer.error in _BUSY
    return Postponed(f"Slack refused for now: {answer.error}", works=works)
