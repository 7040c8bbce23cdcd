"""Prints the stories: the time, the contact, the actor or topic, and what happened."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from common.contracts.event import ContactId
from common.contracts.notifications import RecipientChanged
from common.core.clock import TimeSource
from stage.console_users import Observation
from stage.event_log import LoggedEvent
from stage.stories import Outcome

_STYLES = {
    "contacts": "cyan",
    "assignments": "green",
    "clocks": "bright_black",
    "escalations": "yellow",
    "notifications": "magenta",
    "people": "blue",
}
_ALARMING_EVENTS = {
    "ClockBreached",
    "EscalationRaised",
    "EscalationClimbed",
    "EscalationUnanswered",
}
_SHOWN_FIELDS = (
    "channel",
    "topic_of_contact",
    "subject",
    "representative_id",
    "person_id",
    "by",
    "clock",
    "clocks",
    "cause",
    "level_name",
    "medium",
    "reason",
    "outcome",
    "quote",
    "explanation",
)
_MAX_DETAIL_CHARS = 110


class Timeline:
    """Prints a line for each event and action; times count from the first line of a story."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._clock = TimeSource()
        self._started_at: datetime | None = None

    def start_story(self, name: str, summary: str) -> None:
        self._started_at = None
        self._console.print()
        self._console.rule(f"[bold]{name}[/bold]: {summary}", align="left")

    def add_action(self, contact_id: ContactId | None, actor: str, action: str) -> None:
        self._line(self._clock.utc_now(), contact_id, actor, Text(action, style="bold"), "")

    def add_event(self, entry: LoggedEvent) -> None:
        event = entry.event
        begins = self._started_at or event.occurred_at
        is_about_people = event.topic == "people" or isinstance(event, RecipientChanged)
        if is_about_people and begins >= event.occurred_at:
            return  # from before the story
        name = type(event).__name__
        style = "bold red" if name in _ALARMING_EVENTS else _STYLES[event.topic]
        lateness = getattr(event, "lateness_ms", None)
        late = "" if lateness is None else f"timer {lateness:.1f} ms late"
        text = Text(f"{name} ", style=style).append(_detail(entry), style="default")
        self._line(event.occurred_at, event.key, event.topic, text, late)

    def _line(self, at: datetime, key: str | None, actor: str, text: Text, late: str) -> None:
        self._started_at = self._started_at or at
        elapsed = (at - self._started_at).total_seconds()
        line = Text(f"{elapsed:+8.3f} s  ", style="dim")
        line.append(f"{(key or '')[-6:]:<8}", style="dim")
        line.append(f"{actor:<14}").append_text(text)
        if late:
            line.append(f"  ({late})", style="bold")
        self._console.print(line, soft_wrap=True)


def _detail(entry: LoggedEvent) -> str:
    values = msgspec.to_builtins(entry.event)
    parts = [_text(values[name]) for name in _SHOWN_FIELDS if values.get(name)]
    detail = " · ".join(parts)
    if len(detail) <= _MAX_DETAIL_CHARS:
        return detail
    return detail[: _MAX_DETAIL_CHARS - 1] + "…"


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item.get("clock", item)) for item in value if isinstance(item, dict))
    return str(value)


def print_summary(console: Console, outcomes: dict[str, Outcome | Exception]) -> None:
    table = Table(title="\nSummary", title_justify="left")
    for column in ("story", "result", "what happened", "lateness of its timers"):
        table.add_column(column)
    for name, outcome in outcomes.items():
        if isinstance(outcome, Exception):
            table.add_row(name, "[red]FAILED[/red]", f"{type(outcome).__name__}: {outcome}", "")
        else:
            late = (
                ", ".join(f"{lateness:.1f} ms" for lateness in outcome.latenesses_ms)
                or "none fired"
            )
            table.add_row(name, "[green]passed[/green]", outcome.summary, late)
    console.print(table)


def print_observations(console: Console, observations: Iterable[Observation], method: str) -> None:
    """Print what people saw in the console; `method` says how they looked."""
    table = Table(title=f"\nWhat people saw in the console, {method}", title_justify="left")
    for column in ("who", "time left", "what", "why now", "pressed", "after it"):
        table.add_column(column)
    for each in observations:
        sight, name = each.sight, each.person.capitalize()
        pressed = each.pressed.replace("_", " ")
        why = "\n".join(sight.reasons)
        cells = (name, sight.time_left, sight.headline, why, pressed, each.after)
        # What stands in brackets is no markup.
        table.add_row(*map(Text, cells))
    console.print(table)
