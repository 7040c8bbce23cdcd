"""What people do in Slack's messages and forms, as Slack reports it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs

import orjson
from pydantic import Field, StringConstraints, ValidationError

from common.contracts.texts import NOTE_LENGTH
from common.contracts.validation_messages import describe, place
from common.http.app import Slug
from notifier.channels import slack_forms
from notifier.channels.base import (
    FilledForm,
    FormRequest,
    Interaction,
    MalformedPayloadError,
    Press,
)
from notifier.channels.slack_model import SlackModel
from notifier.domain.answers import HolderAct

_Note = Annotated[str, StringConstraints(max_length=NOTE_LENGTH, strip_whitespace=True)]


class _User(SlackModel):
    id: Slug


class _Conversation(SlackModel):
    id: Slug


class _PressedAction(SlackModel):
    action_id: str
    value: str | None = None


class _Option(SlackModel):
    value: str


class _Input(SlackModel):
    """What a field of a form has: a text, or the option that was chosen."""

    value: _Note | None = None
    selected_option: _Option | None = None


class _State(SlackModel):
    values: dict[str, dict[str, _Input]] = Field(default={}, max_length=25)


class _View(SlackModel):
    callback_id: str = ""
    private_metadata: Annotated[str, StringConstraints(max_length=3000)] = ""
    state: _State = _State()


class Payload(SlackModel):
    """A user pressed something in one of our messages, or sent one of our forms."""

    type: str
    user: _User
    channel: _Conversation | None = None
    trigger_id: str = ""
    actions: tuple[_PressedAction, ...] = Field(default=(), max_length=25)
    view: _View | None = None


def read(body: bytes) -> Sequence[Interaction]:
    """Return what was done; raises MalformedPayloadError."""
    payload = parse(body)
    match payload.type:
        case "block_actions":
            conversation = payload.channel.id if payload.channel else ""
            return [
                interaction
                for pressed in payload.actions
                for interaction in _pressed(pressed, payload, conversation)
            ]
        case "view_submission" if payload.view is not None:
            return _filled(payload.view, payload.user.id)
        case _:
            return ()


def _pressed(
    pressed: _PressedAction, payload: Payload, conversation: str
) -> Sequence[Press | FormRequest]:
    token, user_id = pressed.value or "", payload.user.id
    match pressed.action_id:
        case "acknowledge" | "take_over":
            trigger = payload.trigger_id
            return (Press(token, user_id, pressed.action_id, conversation, trigger),)
        case "snooze" | "hand_back":
            trigger = payload.trigger_id
            return (FormRequest(token, user_id, pressed.action_id, trigger, conversation),)
        case _:
            return ()


def _filled(view: _View, user_id: str) -> Sequence[FilledForm]:
    match view.callback_id:
        case "hand_back":
            note = _input(view, slack_forms.NOTE).value
            if not note:
                raise MalformedPayloadError(422, "payload/view/state: there is no guidance")
            act = HolderAct("hand_back", note)
        case "snooze":
            note = _input(view, slack_forms.NOTE).value
            act = HolderAct("snooze", note or None, _minutes(_input(view, slack_forms.MINUTES)))
        case _:
            return ()
    return (FilledForm(view.private_metadata, user_id, act),)


def _minutes(chosen: _Input) -> timedelta:
    minutes = chosen.selected_option.value if chosen.selected_option else ""
    if minutes not in slack_forms.SNOOZES:
        raise MalformedPayloadError(422, "payload/view/state: there is no time to choose")
    return timedelta(minutes=int(minutes))


def _input(view: _View, name: str) -> _Input:
    return view.state.values.get(name, {}).get(name, _Input())


def parse(body: bytes) -> Payload:
    """Read a form's field `payload`; raises MalformedPayloadError."""
    try:
        (payload,) = parse_qs(body.decode(), strict_parsing=True)["payload"]
        content: Any = orjson.loads(payload)
        return Payload.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        detail = f"payload/{place(first)}: {describe(first)}"
        raise MalformedPayloadError(422, detail) from error
    except (ValueError, KeyError) as error:
        raise MalformedPayloadError(400, "The form has no field payload that is JSON.") from error
