"""Slack: messages with a button, changed once they are settled, and the presses that come back."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from notifier.domain import notifications, wording
from notifier.domain.delivering import Outcome, Postponed, Refused, Sent, Unknown
from notifier.domain.notifications import Content, Notification
from notifier.domain.recipients import SlackAddress
from notifier.links import Links

ACKNOWLEDGE, OPEN = "acknowledge", "open"
_MAX_AGE = timedelta(minutes=5)
# Slack refuses a section of more than 3,000 characters; escaping makes some of ours longer.
_HEADLINE, _WHY = 300, 1500

# What an operator or Slack mends is tried again, and so is what we don't know: only what is wrong
# with this message or this address is given up.
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


class BadSignatureError(Exception):
    """The signature is missing or is not of this body."""


class StaleRequestError(Exception):
    """The signature is more than five minutes old, or from the future."""


class BadPayloadError(Exception):
    """The body is not a form with a field `payload` that holds JSON."""


class _Lenient(BaseModel):
    """Slack adds fields as it likes."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class User(_Lenient):
    id: str


class Action(_Lenient):
    action_id: str
    value: str | None = None


class Interaction(_Lenient):
    """Somebody pressed something in a message of ours."""

    type: str
    user: User
    actions: tuple[Action, ...] = Field(default=(), max_length=25)


class _Answer(_Lenient):
    """`channel` and `ts` name the message, to change it later."""

    ok: bool
    channel: str = ""
    ts: str = ""
    error: str = "no error named"


class Slack:
    """The Web API; `url` is its base, without a slash at the end."""

    def __init__(self, url: str, token: str, links: Links, timeout: timedelta) -> None:
        seconds = timeout.total_seconds()
        self._links = links
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            # Shorter to connect: when that fails, we know that nothing was sent.
            timeout=httpx.Timeout(seconds, connect=seconds * 0.6),
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        method, body = request(notification, self._links, at)
        try:
            response = await self._client.post(f"/{method}", json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Postponed(f"not reached: {error!r}")
        except httpx.HTTPError as error:
            return Unknown(f"no answer: {error!r}")
        return outcome(response.status_code, response.headers, response.content)


def request(notification: Notification, links: Links, at: datetime) -> tuple[str, dict[str, Any]]:
    """Return the method to call and what to send to it."""
    content = notification.content
    body: dict[str, Any] = {"text": content.headline[:_HEADLINE]}
    if notification.kind == "update":
        receipt = notification.receipt or {}
        body |= {"channel": receipt.get("channel"), "ts": receipt.get("ts")}
        return "chat.update", body | {"blocks": settled_blocks(content)}
    if isinstance(notification.address, SlackAddress):
        body["channel"] = notification.address.channel
    token = None
    if notifications.offers_answer(notification):
        token = links.token(notification.notification_id)
    blocks = page_blocks(content, links.url(notification.notification_id), token, at)
    return "chat.postMessage", body | {"blocks": blocks}


def page_blocks(
    content: Content, url: str, token: str | None, at: datetime
) -> list[dict[str, Any]]:
    """Lay out a page; without a token there is nothing to acknowledge."""
    buttons: list[dict[str, Any]] = []
    if token is not None:
        buttons.append(
            {
                "type": "button",
                "action_id": ACKNOWLEDGE,
                "style": "primary",
                "text": {"type": "plain_text", "text": "Acknowledge"},
                "value": token,
            }
        )
    buttons.append(
        {
            "type": "button",
            "action_id": OPEN,
            "text": {"type": "plain_text", "text": "Open"},
            "url": url,
        }
    )
    facts = [*_deadline(content, at), *map(_escaped, wording.circumstances(content))]
    return [_section(content), _context(facts), {"type": "actions", "elements": buttons}]


def settled_blocks(content: Content) -> list[dict[str, Any]]:
    sign = ":arrows_counterclockwise:" if content.waits else ":white_check_mark:"
    return [
        _section(content),
        _context([f"{sign} {_escaped((content.settled or '')[:_HEADLINE])}"]),
    ]


def _section(content: Content) -> dict[str, Any]:
    headline = _escaped(" ".join(content.headline.split())[:_HEADLINE])
    text = f"*{headline}*\n{_escaped(content.why[:_WHY])}"
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(facts: list[str]) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": " · ".join(facts)}]}


def _deadline(content: Content, at: datetime) -> list[str]:
    """Say it in the reader's own time zone, and how long that is from now."""
    if content.respond_by is None:
        return []
    epoch = int(content.respond_by.timestamp())
    plain = wording.moment(content.respond_by)
    left = wording.left(content.respond_by, at)
    when = f"<!date^{epoch}^{{date_short_pretty}} {{time_secs}}|{plain}>"
    return [f":hourglass_flowing_sand: *{left}*, until {when}"]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def outcome(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Read an answer; `ok: false` comes with status 200."""
    if status == httpx.codes.OK:
        return _answer(body)
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Postponed(f"Slack answered {status}", _retry_after(headers))
    return Refused(f"Slack answered {status}")


def _answer(body: bytes) -> Outcome:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError:
        return Unknown("Slack answered 200, but not as it says it does")
    if answer.ok:
        return Sent({"channel": answer.channel, "ts": answer.ts})
    if answer.error in _PERMANENT:
        return Refused(f"Slack refused: {answer.error}")
    return Postponed(f"Slack refused for now: {answer.error}")


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    seconds = headers.get("retry-after", "")
    return timedelta(seconds=int(seconds)) if seconds.isdecimal() else None


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raise BadSignature or Stale unless Slack signed this body within the last five minutes."""
    timestamp = headers.get("x-slack-request-timestamp", "")
    given = headers.get("x-slack-signature", "")
    expected = signature(secret, timestamp, body)
    # Without a secret anybody could sign.
    if not secret or not hmac.compare_digest(expected.encode(), given.encode()):
        raise BadSignatureError
    try:
        signed_at = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadSignatureError from error
    if abs(now - signed_at) > _MAX_AGE:
        raise StaleRequestError


def signature(secret: str, timestamp: str, body: bytes) -> str:
    signed = f"v0:{timestamp}:".encode() + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def interaction(body: bytes) -> Interaction:
    """Read a form's field `payload`; raises BadPayload, or ValidationError for its content."""
    try:
        (payload,) = parse_qs(body.decode(), strict_parsing=True)["payload"]
        return Interaction.model_validate(orjson.loads(payload))
    except (UnicodeDecodeError, KeyError, orjson.JSONDecodeError) as error:
        raise BadPayloadError from error
