"""The buttons of an escalation: where each leads, and what it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.views.actions import ACTIONS, ActionName, Choices
from console.views.reader import Reader


@dataclass(frozen=True, slots=True)
class Button:
    """One action. Without `asks_first` it acts at once; else `url` shows a form before."""

    name: ActionName
    label: str
    url: str
    asks_first: bool
    key: str | None


@dataclass(frozen=True, slots=True)
class Buttons:
    primary: Button | None
    more: tuple[Button, ...]

    @property
    def all(self) -> tuple[Button, ...]:
        return self.more if self.primary is None else (self.primary, *self.more)


def escalation_url(escalation_id: str) -> str:
    return f"/e/{escalation_id}"


def action_url(escalation_id: str, name: ActionName) -> str:
    return f"{escalation_url(escalation_id)}/{name.replace('_', '-')}"


def buttons(escalation: Mapping[str, Any], choices: Choices, reader: Reader) -> Buttons:
    def button(name: ActionName) -> Button:
        action = ACTIONS[name]
        return Button(
            name,
            _label(name, escalation, reader),
            action_url(escalation["escalation_id"], name),
            action.asks_first,
            action.key,
        )

    primary = None if choices.primary is None else button(choices.primary)
    return Buttons(primary, tuple(button(name) for name in choices.more))


def _label(name: ActionName, escalation: Mapping[str, Any], reader: Reader) -> str:
    approval = escalation["approval"]
    if name == "refuse" and approval is not None and approval["asked_by"] == reader.person:
        return reader.texts.gettext("Withdraw the request…")
    return reader.texts.gettext(ACTIONS[name].label)
