"""What to say to a person when an action is done."""

from collections.abc import Mapping
from typing import Any

from console.views.actions import ACTIONS, ActionName
from console.views.reader import Reader
from console.views.rows import who


def done_text(name: ActionName, escalation: Mapping[str, Any], reader: Reader) -> str:
    """Say what has become of the escalation: an outcome above the limit waits for an approval."""
    _ = reader.texts.gettext
    if name == "resolve" and escalation["state"] == "approval_asked":
        return _("It waits for an approval. %(who)s.", who=who(escalation, reader))
    return _(ACTIONS[name].done)
