"""What happened to one message, in plain words: when it arrived, was seen, or why it waits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views import words
from console.views.reader import Reader

# Of a page that goes well a reader wants to know no more than that it was sent.
_UNREMARKABLE: Final = frozenset({"queued", "sending"})
_SENTENCES: Final[Mapping[str, str]] = {
    "delayed": mark("held back, since many messages came at once"),
    "sent": mark("sent"),
    "delivered": mark("arrived"),
    "seen": mark("seen"),
    "acted_on": mark("answered"),
    "failed_for_now": mark("not delivered, tried again"),
    "failed": mark("not delivered"),
    "ambiguous": mark("may have arrived, tried again"),
    "suppressed": mark("no longer needed"),
}
_DELAYS: Final[Mapping[str, str]] = {
    "maintenance": mark("waits for the end of a maintenance"),
    "system-down": mark("waits, since the service that carries it does not work"),
}
_QUIET: Final = mark("waits for the end of quiet hours")
_STANDS_IN: Final = mark("sent here because %(medium)s did not reach the person")
_PROBLEMS: Final = frozenset({"failed", "failed_for_now", "ambiguous"})


@dataclass(frozen=True, slots=True)
class DeliveryStep:
    at_text: str
    text: str
    until_text: str | None
    is_problem: bool


def delivery_steps(notification: Mapping[str, Any], reader: Reader) -> tuple[DeliveryStep, ...]:
    return tuple(
        _step(step, notification, reader)
        for step in notification.get("history", ())
        if step["state"] not in _UNREMARKABLE or _is_stand_in(step, notification)
    )


def _is_stand_in(step: Mapping[str, Any], notification: Mapping[str, Any]) -> bool:
    return step["state"] == "queued" and notification["failover_from"] is not None


def _step(step: Mapping[str, Any], notification: Mapping[str, Any], reader: Reader) -> DeliveryStep:
    return DeliveryStep(
        at_text=reader.time(step["at"]),
        text=_text(step, notification, reader),
        until_text=None if step["until"] is None else reader.time(step["until"]),
        is_problem=step["state"] in _PROBLEMS,
    )


def _text(step: Mapping[str, Any], notification: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    if _is_stand_in(step, notification):
        return _(_STANDS_IN, medium=words.medium_label(notification["failover_from"], reader))
    waits = notification["delay_reason"] is not None
    if step["state"] == "delayed" and step["reason"] == notification["delay_reason"] and waits:
        delay = _DELAYS.get(notification["delay_code"])
        return _(delay) if delay else step["reason"]
    if step["state"] == "delayed" and notification["reason_code"] == "quiet-hours":
        return _(_QUIET)
    sentence = _SENTENCES.get(step["state"])
    return _(sentence) if sentence else step["reason"] or step["state"]
