"""Slack: a support channel's messages, `/supervisor`, and the shortcut "ask a supervisor"."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from common.contracts.event import CustomerId
from common.http.webhooks import SignatureScheme, verify_signature
from intake.channels.base import (
    ChannelEvent,
    ContactOpened,
    CustomerMessageAdded,
    ExternalContact,
    FileAdded,
    FirstMessage,
    MalformedBodyError,
    Reply,
    RepresentativeMessageAdded,
    SupervisorRequested,
    UnrelatedUpdate,
    WebhookRequest,
)
from intake.channels.event_keys import event_key
from intake.channels.fields import load_json, moment_at, read_file, read_form, read_id, read_seconds
from intake.channels.options import MappingOptions, by_tag, read_labels
from intake.channels.slack_schema import Callback, Interaction, Message
from intake.domain.customers import CustomerStatement
from intake.domain.model import ChannelConnection

_SCHEME: Final = SignatureScheme(encoding="hex", time_format="unix", prefix="v0=")
_SIGNATURE: Final = "x-slack-signature"
_TIMESTAMP: Final = "x-slack-request-timestamp"
# Messages with words of people or bots; others are edits, and who joined.
_SUBTYPES: Final = (None, "bot_message", "file_share", "thread_broadcast", "me_message")
_THANKS: Final = "A supervisor has been asked and will get in touch."


class SlackOptions(MappingOptions):
    """How a connection reads a workspace: a tag is a channel or a user, as `channel=C0HELP`."""

    representatives: tuple[str, ...] = Field(
        (),
        description="The users who are representatives: what they write is a reply. All others, "
        "except bots, are customers.",
        examples=[["U0RITA"]],
    )
    command: str = Field(
        "/supervisor", pattern="^/", description="The command that asks for a supervisor."
    )
    shortcut: str = Field(
        "ask_supervisor",
        description="The callback id of the shortcut, or the action id of the button, that asks "
        "for a supervisor.",
    )


class Slack:
    kind = "slack"
    proof = (
        "Slack signs the time and the body with the signing secret: the headers "
        "x-slack-signature and x-slack-request-timestamp."
    )
    options = SlackOptions

    def verify(self, connection: ChannelConnection, request: WebhookRequest, now: datetime) -> None:
        timestamp = request.headers.get(_TIMESTAMP, "")
        verify_signature(
            _SCHEME,
            secrets=connection.secrets,
            signed=b"v0:" + timestamp.encode() + b":" + request.body,
            signature=request.headers.get(_SIGNATURE, ""),
            timestamp=timestamp,
            now=now,
        )

    def parse(self, connection: ChannelConnection, request: WebhookRequest) -> list[ChannelEvent]:
        options = SlackOptions.model_validate(connection.options)
        if not _is_form(request):
            callback = Callback.model_validate(load_json(request.body))
            return [*_callback_events(callback, options)]
        form = read_form(request.body)
        if "payload" in form:
            interaction = Interaction.model_validate(load_json(form["payload"]))
            return [*_interaction_events(interaction, options)]
        if "command" in form:
            return [*_command_events(form, options)]
        if "ssl_check" in form:
            return []
        raise MalformedBodyError(
            "The form has no payload and no command.", "fields-missing", fields="payload, command"
        )

    def reply(self, request: WebhookRequest) -> Reply | None:
        """Slack shows what it reads to the user; it takes an empty answer for success."""
        try:
            if not _is_form(request):
                challenge = Callback.model_validate(load_json(request.body)).challenge
                return None if challenge is None else Reply(challenge.encode(), "text/plain")
            if "command" in read_form(request.body):
                answer = {"response_type": "ephemeral", "text": _THANKS}
                return Reply(json.dumps(answer).encode(), "application/json")
        except (MalformedBodyError, ValueError):
            # It is kept.
            return None
        return Reply(b"", "text/plain")


def _is_form(request: WebhookRequest) -> bool:
    return not request.body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{")


def _callback_events(callback: Callback, options: SlackOptions) -> Iterator[ChannelEvent]:
    message = callback.event
    if callback.type == "url_verification" or message.type not in ("message", "app_mention"):
        return
    if message.subtype not in _SUBTYPES:
        return
    if message.channel is None or message.ts is None:
        raise MalformedBodyError(
            "The message has no channel or no ts.", "fields-missing", fields="channel, ts"
        )
    thread = message.thread_ts or message.ts
    if thread == message.ts and _is_ours(message, options):
        # An announcement: nobody asked for anything.
        return
    customer = _customer(message, options)
    contact = _contact(message.channel, thread, customer, message.text, options)
    # A mention comes as a message too.
    about: dict[str, Any] = {
        "event_id": event_key(message.channel, message.ts),
        "event_type": "message",
        "contact": contact,
        "moment": moment_at(read_seconds(message.ts)),
    }
    yield _message_event(message, options, about)
    for file in message.files:
        added = read_file(file.id, file.name, file.url_private, file.mimetype)
        if added is not None:
            key = event_key(message.channel, message.ts, added.file_id)
            fields = about | {"event_id": key, "event_type": "file"}
            yield FileAdded(**fields, message_ref=message.ts, file=added)


def _message_event(message: Message, options: SlackOptions, about: dict[str, Any]) -> ChannelEvent:
    text, user = message.text or "", message.user
    if not text.strip() and not message.files:
        return UnrelatedUpdate(**about)
    if _is_ours(message, options):
        return RepresentativeMessageAdded(
            **about,
            text=text,
            account=user,
            automatic=_is_bot(message, options),
            message_ref=message.ts,
        )
    return CustomerMessageAdded(**about, text=text, message_ref=message.ts)


def _is_ours(message: Message, options: SlackOptions) -> bool:
    return _is_bot(message, options) or message.user in options.representatives


def _is_bot(message: Message, options: SlackOptions) -> bool:
    return message.bot_id is not None or message.user in options.bots


def _customer(message: Message, options: SlackOptions) -> str | None:
    """Return who began the thread, unless a representative did."""
    if _is_ours(message, options):
        return message.parent_user
    is_theirs = message.parent_user not in (*options.representatives, *options.bots)
    return (message.parent_user if is_theirs else None) or message.user


def _interaction_events(interaction: Interaction, options: SlackOptions) -> Iterator[ChannelEvent]:
    """Yield a request for a supervisor if the shortcut or the button of it was pressed."""
    if options.shortcut not in interaction.names:
        return
    user, message = interaction.user.id, interaction.message
    ts = message.ts or interaction.container.message_ts
    channel = interaction.channel.id or interaction.container.channel_id or user
    key = interaction.trigger_id or ts
    if channel is None or key is None:
        raise MalformedBodyError(
            "The interaction has no channel, and no trigger_id.",
            "fields-missing",
            fields="channel, trigger_id",
        )
    thread = message.thread_ts or ts or key
    writer = message.parent_user or user
    contact = _contact(channel, thread, writer, message.text, options)
    about = (event_key("interaction", key), interaction.type or "", contact)
    quote = message.text or "Pressed the button for a supervisor."
    yield SupervisorRequested(*about, quote)


def _command_events(form: dict[str, str], options: SlackOptions) -> Iterator[ChannelEvent]:
    if form["command"].strip().lower() != options.command.lower():
        return
    channel, user = read_id(form.get("channel_id")), read_id(form.get("user_id"))
    key = read_id(form.get("trigger_id"))
    if user is None or key is None:
        raise MalformedBodyError(
            "The command has no user_id or no trigger_id.",
            "fields-missing",
            fields="user_id, trigger_id",
        )
    text = form.get("text", "").strip()
    # A command stands in no thread: it is a contact of its own.
    contact = _contact(channel or user, key, user, text, options, first=text)
    yield ContactOpened(event_key("command", key), "command", contact)
    request_id = event_key("command", key, "supervisor")
    yield SupervisorRequested(request_id, "supervisor", contact, text or options.command)


def _contact(
    channel: str,
    thread: str,
    user: str | None,
    text: str | None,
    options: SlackOptions,
    *,
    first: str | None = None,
) -> ExternalContact:
    tags = [f"channel={channel}", f"user={user}"]
    return ExternalContact(
        ref=event_key(channel, thread),
        channel="chat",
        customer=CustomerStatement(
            CustomerId(user or event_key(channel, thread)),
            tier=by_tag(tags, options.tier_by_tag),
        ),
        subject=text or "A message in Slack",
        **read_labels(tags, options),
        first_message=FirstMessage(first) if first else None,
    )
