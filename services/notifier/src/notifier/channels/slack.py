"""Slack: messages with buttons, their updates, and the presses that Slack reports."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Self, get_args
from urllib.parse import parse_qs

import httpx
import orjson
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common.contracts.notifications import Action
from common.core.secret_strength import split_secrets
from common.http.app import Slug
from common.http.validation_messages import describe, place
from common.http.webhooks import (
    BadSignatureError,
    SignatureScheme,
    StaleRequestError,
    verify_signature,
)
from notifier import rendering
from notifier.channels.base import (
    Channel,
    ChannelAddress,
    MalformedPayloadError,
    Press,
    SignatureRefusedError,
)
from notifier.domain import answers
from notifier.domain.content import HeldPage
from notifier.domain.delivery import Outcome, Postponed, Refused, Sent, Unknown
from notifier.domain.notifications import Notification
from notifier.links import Links
from notifier.settings import Settings

log = structlog.get_logger()

OPEN = "open"
_ACTIONS: tuple[Action, ...] = get_args(Action)
_SIGNATURES = SignatureScheme(encoding="hex", time_format="unix", prefix="v0=")
# Slack refuses a longer text in a block.
_LONGEST_TEXT = 3000

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
        "user_not_found",
    }
)


class _SlackModel(BaseModel):
    """Unknown fields are ignored, since Slack adds some at any time."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class User(_SlackModel):
    id: Slug


class Conversation(_SlackModel):
    id: Slug


class PressedAction(_SlackModel):
    action_id: str
    value: str | None = None


class Interaction(_SlackModel):
    """A user pressed something in one of our messages."""

    type: str
    user: User
    channel: Conversation | None = None
    actions: tuple[PressedAction, ...] = Field(default=(), max_length=25)


class _Answer(_SlackModel):
    """`channel` and `ts` identify the message, to change it later."""

    ok: bool
    channel: str = ""
    ts: str = ""
    error: str = "no error named"


class SlackAddress(ChannelAddress):
    medium: Literal["slack"] = Field(description="The channel that the address is for.")
    channel: Slug = Field(description="Slack's id of where to write: a direct message or channel.")
    user_id: Slug = Field(description="Slack's id of the user who presses the buttons.")


class Slack(Channel):
    """Calls Slack's Web API; `url` is its base, without a slash at the end."""

    medium = "slack"
    address = SlackAddress
    editable = True
    interactive = True
    callback_body: ClassVar[Mapping[str, Any]] = {
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
        }
    }

    def __init__(
        self, url: str, token: str, signing_secret: str, links: Links, timeout: timedelta
    ) -> None:
        seconds = timeout.total_seconds()
        self._links = links
        self._signing_secrets = [secret.encode() for secret in split_secrets(signing_secret)]
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            # Shorter to connect: if that fails, we know that nothing was sent.
            timeout=httpx.Timeout(seconds, connect=seconds * 0.6),
            trust_env=False,
        )

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
        await self._client.aclose()

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        return await self._call("chat.postMessage", page_message(notification, self._links, at))

    async def update(self, notification: Notification, at: datetime) -> Outcome:
        return await self._call("chat.update", update_message(notification, at))

    async def refuse(self, press: Press, reason: str) -> None:
        if press.conversation:
            message = {
                "channel": press.conversation,
                "user": press.user_id,
                **_preview(rendering.slack_text("slack/refusal.j2", reason=reason)),
            }
            result = await self._call("chat.postEphemeral", message)
            if not isinstance(result, Sent):
                log.info("refusal_not_shown", outcome=result)

    async def _call(self, method: str, message: dict[str, Any]) -> Outcome:
        try:
            response = await self._client.post(f"/{method}", json=message)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Postponed(f"not reached: {error!r}")
        except httpx.HTTPError as error:
            return Unknown(f"no answer: {error!r}")
        return outcome(response.status_code, response.headers, response.content)

    def presses(self, headers: Mapping[str, str], body: bytes, at: datetime) -> Sequence[Press]:
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
        interaction = parse_interaction(body)
        if interaction.type != "block_actions":
            return ()
        conversation = interaction.channel.id if interaction.channel else ""
        return [
            Press(pressed.value or "", interaction.user.id, action, conversation)
            for pressed in interaction.actions
            for action in _ACTIONS
            if pressed.action_id == action
        ]


def page_message(notification: Notification, links: Links, at: datetime) -> dict[str, Any]:
    """Write the arguments of `chat.postMessage`."""
    content = notification.content
    words = rendering.words(content, at)
    context = rendering.slack_text("slack/context.j2", words=words)
    return {
        "channel": SlackAddress.read(notification.address).channel,
        **_preview(rendering.slack_text("slack/text.j2", words=words)),
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            _section(_page_text(words, content.respond_by)),
            *([_context(context)] if context else ()),
            *_actions(notification, links, at),
        ],
    }


def _actions(notification: Notification, links: Links, at: datetime) -> list[dict[str, Any]]:
    """Return the buttons of a page, or the pages of a summary with theirs; a notice has none."""
    epoch = notification.link_epoch
    match notification.kind:
        case "page":
            return [_buttons(notification, epoch, links)]
        case "summary":
            summary = notification.content.summary
            return [
                block
                for page in (summary.pages if summary else ())
                for block in (
                    _section(
                        rendering.slack_text(
                            "slack/held_page.j2", words=rendering.words(page.content, at)
                        )
                    ),
                    _buttons(page, epoch, links),
                )
            ]
        case _:
            return []


def _buttons(page: Notification | HeldPage, epoch: int, links: Links) -> dict[str, Any]:
    """Make the buttons; others may see the message, so its link only shows what it is about."""
    show = links.url(page.notification_id, "show", epoch)
    buttons = [_button(OPEN, "Open", url=show)]
    if answers.has_buttons(page):
        token = links.token(page.notification_id, "press", epoch)
        buttons = [
            _button("acknowledge", "Acknowledge", style="primary", value=token),
            _button("take_over", "Take over", value=token),
            *buttons,
        ]
    return {"type": "actions", "elements": buttons}


def _preview(text: str) -> dict[str, Any]:
    """Make what a phone shows before the message is opened: no style, no link, no mention."""
    return {"text": text, "mrkdwn": False, "parse": "none", "link_names": False}


def update_message(notification: Notification, at: datetime) -> dict[str, Any]:
    """Write the arguments of `chat.update`, which replaces the buttons by the status."""
    status, receipt = notification.content.status, notification.receipt or {}
    if status is None:
        raise TypeError("an update has a status")
    words = rendering.words(notification.content, at)
    status_text = rendering.status_text(status)
    context = rendering.slack_text(
        "slack/status.j2", status=status_text, awaits_answer=status.awaits_answer
    )
    return {
        "channel": receipt.get("channel"),
        "ts": receipt.get("ts"),
        **_preview(rendering.slack_text("slack/update_text.j2", words=words, status=status_text)),
        "blocks": [
            _section(rendering.slack_text("slack/update.j2", words=words)),
            _context(context),
        ],
    }


def _page_text(words: rendering.Words, respond_by: datetime | None) -> str:
    epoch = int(respond_by.timestamp()) if respond_by else None
    return rendering.slack_text("slack/page.j2", words=words, respond_by=respond_by, epoch=epoch)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_mrkdwn(text)]}


def _mrkdwn(text: str) -> dict[str, Any]:
    """Make a text whose addresses Slack does not turn into links: a customer may have sent them."""
    return {"type": "mrkdwn", "text": _fitted(text), "verbatim": True}


def _button(action_id: str, label: str, **more: str) -> dict[str, Any]:
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "action_id": action_id, "text": text, **more}


def _fitted(text: str) -> str:
    """Cut what Slack would refuse as too long, but no entity in two: `&amp;`."""
    if len(text) <= _LONGEST_TEXT:
        return text
    cut = text[: _LONGEST_TEXT - 1]
    if cut.rfind("&") > cut.rfind(";"):
        cut = cut[: cut.rfind("&")]
    return f"{cut}…"


def outcome(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Read an HTTP answer; `ok: false` comes with status 200."""
    if status == httpx.codes.OK:
        return _answer(body)
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Postponed(f"Slack answered {status}", _retry_after(headers))
    return Refused(f"Slack answered {status}")


def _answer(body: bytes) -> Outcome:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError:
        return Unknown("Slack answered 200 with an unexpected body")
    if answer.ok:
        return Sent({"channel": answer.channel, "ts": answer.ts})
    if answer.error in _PERMANENT:
        return Refused(f"Slack refused: {answer.error}")
    return Postponed(f"Slack refused for now: {answer.error}")


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    seconds = headers.get("retry-after", "")
    return timedelta(seconds=int(seconds)) if seconds.isdecimal() else None


def parse_interaction(body: bytes) -> Interaction:
    """Read a form's field `payload`; raises MalformedPayloadError."""
    try:
        (payload,) = parse_qs(body.decode(), strict_parsing=True)["payload"]
        return Interaction.model_validate(orjson.loads(payload))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        detail = f"payload/{place(first)}: {describe(first)}"
        raise MalformedPayloadError(422, detail) from error
    except (ValueError, KeyError) as error:
        raise MalformedPayloadError(400, "The form has no field payload that is JSON.") from error
