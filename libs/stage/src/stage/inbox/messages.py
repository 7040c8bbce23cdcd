"""What the Slack and mail receivers got, as one list of messages, newest first."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Literal

from devstack.receivers import MailReceiver, SlackCall, SlackReceiver

Blocks = Sequence[Mapping[str, Any]]

# Of a simulated centre that works for hours, a page shows no more.
_LATEST = 200
_URL = re.compile(r"https?://[^\s<>\"'`]+")
# Slack's control sequences, such as `<!date^1764230400^{time}|12:00>` and `<https://…|label>`.
_CONTROL = re.compile(r"<[^<>|]*(?:\|([^<>]*))?>")
_EMOJI = {
    ":hourglass_flowing_sand:": "⏳",
    ":white_check_mark:": "✅",
    ":arrows_counterclockwise:": "🔄",
    ":point_right:": "👉",
}


@dataclass(frozen=True)
class Button:
    """Has a `url` to open, or what Slack returns when a person presses it."""

    label: str
    url: str | None = None
    action_id: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class Message:
    """`key` is unique among all messages; `updated_at` is the last edit, if there was one.

    `user_id` is the user in Slack who has it; empty for a mail.
    """

    key: str
    medium: Literal["Slack", "Mail"]
    recipient: str
    received_at: datetime
    title: str
    lines: tuple[str, ...]
    buttons: tuple[Button, ...] = ()
    updated_at: datetime | None = None
    user_id: str = ""

    @property
    def changed_at(self) -> datetime:
        return self.updated_at or self.received_at


def received_messages(slack: SlackReceiver, mail: MailReceiver) -> list[Message]:
    """Return the latest messages, at most 200 on each medium."""
    mails = enumerate(zip(mail.messages, mail.arrivals, strict=False))
    latest_mails = [
        mail_message(message, at, number) for number, (message, at) in deque(mails, _LATEST)
    ]
    calls = slack.accepted[-_LATEST:]
    messages = [*slack_messages(calls), *home_tabs(calls), *latest_mails]
    return sorted(messages, key=lambda message: message.received_at, reverse=True)


def slack_messages(calls: Sequence[SlackCall]) -> Iterator[Message]:
    """Yield one message for each post, in the form of its last update."""
    first: dict[str, SlackCall] = {}
    last: dict[str, SlackCall] = {}
    for call in calls:
        if not call.method.startswith("chat."):
            continue
        first.setdefault(call.ts, call)
        last[call.ts] = call
    for ts, call in last.items():
        post, channel = first[ts], str(call.body.get("channel"))
        title, *lines = [*_slack_lines(call.body), ""]
        yield Message(
            key=f"slack-{ts}",
            medium="Slack",
            recipient=channel,
            received_at=post.at,
            title=title,
            lines=tuple(line for line in lines if line),
            buttons=tuple(_slack_buttons(_blocks(call.body))),
            updated_at=None if call is post else call.at,
            # `U0SARA` owns the direct channel `D0SARA`.
            user_id=f"U{channel[1:]}",
        )


def home_tabs(calls: Sequence[SlackCall]) -> Iterator[Message]:
    """Yield the home tab of each user as it was published last."""
    last = {call.body["user_id"]: call for call in calls if call.method == "views.publish"}
    for user_id, call in last.items():
        view = call.body["view"]
        title, *lines = _slack_lines(view)
        yield Message(
            key=f"home-{user_id}",
            medium="Slack",
            recipient=f"the home tab of {user_id}",
            received_at=call.at,
            title=title,
            lines=tuple(line for line in lines if line),
            buttons=tuple(_slack_buttons(_blocks(view))),
            user_id=user_id,
        )


def slack_users(messages: Iterable[Message]) -> list[str]:
    """Return who has got something in Slack."""
    return sorted({message.user_id for message in messages if message.user_id})


def mail_message(message: EmailMessage, received_at: datetime, number: int) -> Message:
    body = message.get_body(("plain",))
    text = str(body.get_content()) if body is not None else ""
    return Message(
        key=f"mail-{number}",
        medium="Mail",
        recipient=str(message["To"]),
        received_at=received_at,
        title=str(message["Subject"]),
        lines=tuple(line for line in text.splitlines() if line.strip()),
    )


def split_links(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text, and whether each is a link (http or https only)."""
    end = 0
    for match in _URL.finditer(text):
        yield text[end : match.start()], False
        yield match.group(), True
        end = match.end()
    yield text[end:], False


def printable(text: str) -> str:
    """Replace control characters, which could change what a terminal shows."""
    return "".join(char if char.isprintable() else " " for char in text)


def _blocks(body: Mapping[str, Any]) -> Blocks:
    blocks = body.get("blocks")
    return [block for block in blocks if isinstance(block, dict)] if blocks else []


def _slack_lines(body: Mapping[str, Any]) -> Iterator[str]:
    texts = [text for block in _blocks(body) for text in _block_texts(block)]
    for text in texts or [str(body.get("text", ""))]:
        yield from (_plain(line) for line in text.splitlines())


def _block_texts(block: Mapping[str, Any]) -> Iterator[str]:
    match block:
        case {"type": "section" | "header", "text": {"text": str(text)}}:
            yield text
        case {"type": "context", "elements": [*elements]}:
            yield from (element["text"] for element in elements)
        case _:
            pass


def _slack_buttons(blocks: Blocks) -> Iterator[Button]:
    for block in blocks:
        if block.get("type") == "actions":
            for element in block["elements"]:
                yield _slack_button(element)


def _slack_button(element: Mapping[str, Any]) -> Button:
    label = str(element["text"]["text"])
    match element:
        case {"url": str(url)} if _URL.fullmatch(url):
            return Button(label, url=url)
        case {"action_id": str(action_id), "value": str(value)}:
            return Button(label, action_id=action_id, value=value)
        case _:
            return Button(label)


def _plain(mrkdwn: str) -> str:
    """Return Slack's markup as plain text."""
    text = _CONTROL.sub(lambda match: match.group(1) or "", mrkdwn)
    for name, emoji in _EMOJI.items():
        text = text.replace(name, emoji)
    text = re.sub(r"(?<!\w)\*(\S[^*]*)\*(?!\w)", r"\1", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
