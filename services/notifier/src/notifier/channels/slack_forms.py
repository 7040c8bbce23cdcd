"""The forms that Slack shows for a button: why it is handed back, how long it is snoozed."""

from typing import Any, Final, assert_never

from notifier import rendering
from notifier.domain.answers import HolderAction
from notifier.domain.recipients import DEFAULT_LANGUAGE

# The names of the fields, each also that of its block.
NOTE: Final = "note"
MINUTES: Final = "minutes"
# Minutes to choose from; escalation ends a snooze earlier if the ladder says so.
SNOOZES: Final = ("10", "15", "30", "60", "120", "240")
_CHOSEN: Final = "30"
# A modal takes so much; an event cuts a note at twice as many.
_LONGEST_NOTE: Final = 1000


def form(action: HolderAction, token: str, language: str = DEFAULT_LANGUAGE) -> dict[str, Any]:
    """Write the view of `views.open`; what is sent comes back with the token."""
    lines = rendering.text("slack/forms.j2", language=language, action=action)
    words = dict(rendering.labelled_lines(lines))
    return {
        "type": "modal",
        "callback_id": action,
        "private_metadata": token,
        "title": _plain(words["title"]),
        "submit": _plain(words["submit"]),
        "close": _plain(words["close"]),
        "blocks": [*_time(action, words, language), _note(action, words)],
    }


def notice(reason: str, language: str) -> dict[str, Any]:
    """Write a view that only says why nothing happened."""
    lines = rendering.text("slack/notice.j2", language=language, reason=reason)
    words = dict(rendering.labelled_lines(lines))
    body = {"type": "section", "text": {**_plain(words["body"]), "emoji": False}}
    return {
        "type": "modal",
        "title": _plain(words["title"]),
        "close": _plain(words["close"]),
        "blocks": [body],
    }


def refusal(action: HolderAction, reason: str) -> dict[str, Any]:
    """Write the answer that keeps the form open, with the reason at its first field."""
    match action:
        case "snooze":
            field = MINUTES
        case "hand_back":
            field = NOTE
        case _:
            assert_never(action)
    return {"response_action": "errors", "errors": {field: reason}}


def _time(action: HolderAction, words: dict[str, str], language: str) -> list[dict[str, Any]]:
    if action != "snooze":
        return []
    options = {minutes: _option(minutes, language) for minutes in SNOOZES}
    element = {
        "type": "static_select",
        "action_id": MINUTES,
        "options": [*options.values()],
        "initial_option": options[_CHOSEN],
    }
    block = {"type": "input", "block_id": MINUTES, "element": element}
    return [{**block, "label": _plain(words["minutes"]), "hint": _plain(words["hint"])}]


def _option(minutes: str, language: str) -> dict[str, Any]:
    text = rendering.slack_text("slack/minutes.j2", language=language, seconds=int(minutes) * 60)
    return {"text": _plain(text), "value": minutes}


def _note(action: HolderAction, words: dict[str, str]) -> dict[str, Any]:
    element = {
        "type": "plain_text_input",
        "action_id": NOTE,
        "multiline": True,
        "max_length": _LONGEST_NOTE,
    }
    return {
        "type": "input",
        "block_id": NOTE,
        "label": _plain(words["note"]),
        "element": element,
        "optional": action == "snooze",
    }


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
