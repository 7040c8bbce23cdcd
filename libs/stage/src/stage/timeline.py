"""The stories as a person reads them: who did what, how long after, and how late."""

from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from common.contracts.event import ContactId
from common.core.clock import TimeSource
from stage.event_log import LoggedEvent
from stage.stories import Outcome

_STYLES = {
    "contacts": "cyan",
    "assignments": "green",
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
    "headline",
)
_MAX_DETAIL_CHARS = 110


class Timeline:
    """Prints a line for each event and act; times count from the first line of a story."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._clock = TimeSource()
        self._started_at: datetime | None = None

    def start_story(self, name: str, told: str) -> None:
        self._started_at = None
        self._console.print()
        self._console.rule(f"[bold]{name}[/bold]: {told}", align="left")

    def add_action(self, contact_id: ContactId | None, who: str, what: str) -> None:
        self._line(self._clock.utc_now(), contact_id, who, Text(what, style="bold"), "")

    def add_event(self, seen: LoggedEvent) -> None:
        event = seen.event
        name = type(event).__name__
        style = "bold red" if name in _ALARMING_EVENTS else _STYLES[event.topic]
        lateness = getattr(event, "lateness_ms", None)
        late = "" if lateness is None else f"{lateness:.1f} ms late"
        what = Text(f"{name} ", style=style).append(_detail(seen), style="default")
        self._line(event.occurred_at, event.key, event.topic, what, late)

    def _line(self, at: datetime, key: str | None, who: str, what: Text, late: str) -> None:
        self._started_at = self._started_at or at
        elapsed = (at - self._started_at).total_seconds()
        line = Text(f"{elapsed:+8.3f} s  ", style="dim")
        line.append(f"{(key or '')[-6:]:<8}", style="dim")
        line.append(f"{who:<14}").append_text(what)
        if late:
            line.append(f"  ({late})", style="bold")
        self._console.print(line, soft_wrap=True)


def _detail(seen: LoggedEvent) -> str:
    values = seen.event.model_dump(mode="json", include=set(_SHOWN_FIELDS))
    parts = [_text(values[name]) for name in _SHOWN_FIELDS if values.get(name)]
    told = " · ".join(parts)
    return told if len(told) <= _MAX_DETAIL_CHARS else told[: _MAX_DETAIL_CHARS - 1] + "…"


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(one.get("clock", one)) for one in value if isinstance(one, dict))
    return str(value)


def print_summary(console: Console, endings: dict[str, Outcome | Exception]) -> None:
    table = Table(title="\nSummary", title_justify="left")
    for column in ("story", "ended", "what happened", "timers fired late by"):
        table.add_column(column)
    for name, ending in endings.items():
        if isinstance(ending, Exception):
            table.add_row(name, "[red]NOT AS TOLD[/red]", f"{type(ending).__name__}: {ending}", "")
        else:
            late = ", ".join(f"{one:.1f} ms" for one in ending.latenesses_ms) or "none fired"
            table.add_row(name, "[green]as told[/green]", ending.summary, late)
    console.print(table)
