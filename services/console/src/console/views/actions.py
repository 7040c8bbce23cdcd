"""What a person can press on an escalation: one primary button, and more by role and state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeGuard

from console.texts import mark
from console.views.countdown import SOON_S
from console.views.reader import Reader, parse_time
from console.views.words import CLOSED_STATES

ActionName = Literal[
    "acknowledge",
    "take_over",
    "renew",
    "note",
    "snooze",
    "hand_over",
    "mediate",
    "request_coaching",
    "refer_up",
    "hand_back",
    "resolve",
    "approve",
    "refuse",
    "reopen",
]


@dataclass(frozen=True, slots=True)
class Action:
    """`asks_first`: a form or a question comes before it. `key` is its single key on a row.

    `needs_version`: it is refused if anything changed since the person read the escalation.
    """

    label: str
    task: str
    done: str
    asks_first: bool = True
    needs_version: bool = True
    key: str | None = None


# A label with an ellipsis opens a form.
ACTIONS: Final[Mapping[ActionName, Action]] = {
    "acknowledge": Action(
        mark("Acknowledge"),
        mark("You take care of it, and nobody else is asked while you hold it."),
        mark("You have it now."),
        asks_first=False,
        needs_version=False,
        key="a",
    ),
    "take_over": Action(
        mark("Take over…"),
        mark("You serve the customer yourself. The representative no longer has the contact."),
        mark("You have taken it over."),
        key="t",
    ),
    "renew": Action(
        mark("Renew"),
        mark("Your time for this escalation starts again."),
        mark("Your time starts again."),
        asks_first=False,
        needs_version=False,
        key="r",
    ),
    "note": Action(
        mark("Add note…"),
        mark("Others read it in the story."),
        mark("Your note is in the story."),
        needs_version=False,
        key="n",
    ),
    "snooze": Action(
        mark("Snooze…"),
        mark("You are asked again when the snooze ends."),
        mark("It is snoozed."),
        key="s",
    ),
    "hand_over": Action(
        mark("Hand over…"),
        mark("A colleague is asked. Without an answer it moves up."),
        mark("Your colleague is asked."),
    ),
    "mediate": Action(
        mark("Mediate…"),
        mark("Write down both sides and your proposal."),
        mark("The mediation is in the story."),
    ),
    "request_coaching": Action(
        mark("Request coaching…"),
        mark("The supervisor of that person is asked to coach."),
        mark("The coaching is requested."),
    ),
    "refer_up": Action(
        mark("Refer up…"),
        mark("The next level is asked instead of you."),
        mark("The next level is asked."),
    ),
    "hand_back": Action(
        mark("Hand back…"),
        mark("The representative goes on with your guidance. This ends it."),
        mark("It is back with the representative."),
    ),
    "resolve": Action(
        mark("Resolve…"),
        mark("This ends the escalation."),
        mark("It is resolved."),
    ),
    "approve": Action(
        mark("Approve…"),
        mark("The outcome is granted, and the escalation ends."),
        mark("Approved: it is resolved."),
    ),
    "refuse": Action(
        mark("Refuse…"),
        mark("It goes back to the person who asked."),
        mark("It is back with the person who asked."),
    ),
    "reopen": Action(
        mark("Reopen…"), mark("The level where it ended is asked again."), mark("It is open again.")
    ),
}

PATHS: Final[Mapping[str, ActionName]] = {name.replace("_", "-"): name for name in ACTIONS}

_WHILE_HELD: Final[tuple[ActionName, ...]] = (
    "note",
    "snooze",
    "hand_over",
    "mediate",
    "request_coaching",
    "refer_up",
    "hand_back",
)


def is_action(name: str) -> TypeGuard[ActionName]:
    return name in ACTIONS


@dataclass(frozen=True, slots=True)
class Choices:
    """`primary` is None where the only thing to do is to open it."""

    primary: ActionName | None
    more: tuple[ActionName, ...] = ()

    @property
    def all(self) -> tuple[ActionName, ...]:
        return self.more if self.primary is None else (self.primary, *self.more)


def choices(escalation: Mapping[str, Any], reader: Reader) -> Choices:
    """Say what the person may do now; where the service says so itself, it has the last word."""
    if not reader.may_act:
        return Choices(None)
    usual = _usual_choices(escalation, reader)
    if not escalation["actions"]:
        return usual
    allowed = {PATHS[entry["action"]] for entry in escalation["actions"] if entry["allowed"]}
    primary = usual.primary if usual.primary in allowed else None
    return Choices(primary, tuple(name for name in usual.more if name in allowed))


def _usual_choices(escalation: Mapping[str, Any], reader: Reader) -> Choices:
    state = escalation["state"]
    if state in CLOSED_STATES:
        return Choices(None, ("reopen",))
    if state == "approval_asked":
        return _on_approval(escalation, reader)
    if state == "raised":
        return _on_raised(escalation, reader)
    if escalation["holder"] != reader.person:
        return Choices(None, ("note",))
    return _on_held(escalation, reader)


def _on_raised(escalation: Mapping[str, Any], reader: Reader) -> Choices:
    if reader.person in escalation["awaited"]:
        return Choices("acknowledge", ("take_over", "refer_up", "note"))
    return Choices(None, ("acknowledge", "take_over", "refer_up", "note"))


def _on_held(escalation: Mapping[str, Any], reader: Reader) -> Choices:
    is_taken_over = escalation["state"] == "taken_over"
    step: ActionName = "resolve" if is_taken_over else "take_over"
    rest: tuple[ActionName, ...] = _WHILE_HELD if is_taken_over else ("resolve", *_WHILE_HELD)
    if lease_ends_soon(escalation, reader):
        return Choices("renew", (step, *rest))
    return Choices(step, ("renew", *rest))


def _on_approval(escalation: Mapping[str, Any], reader: Reader) -> Choices:
    if escalation["approval"]["asked_by"] == reader.person:
        return Choices(None, ("refuse", "note"))
    if reader.person in escalation["awaited"]:
        return Choices("approve", ("refuse", "note"))
    if reader.may_decide_all:
        return Choices(None, ("approve", "refuse", "note"))
    return Choices(None, ("note",))


def lease_ends_soon(escalation: Mapping[str, Any], reader: Reader) -> bool:
    deadline = parse_time(escalation["deadline"])
    return (
        escalation["holder"] == reader.person
        and deadline is not None
        and reader.seconds_until(deadline) <= SOON_S
    )
