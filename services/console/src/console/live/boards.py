"""The connections of browsers: what each shows, and the messages that it has yet to get."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import orjson

from console.live.matching import Escalation, matches
from console.navigation import LEADERS
from console.rendering import render_row
from console.viewer import Viewer
from console.views.filters import Filters, parse_filters
from console.views.reader import Reader
from console.views.rows import make_row, sort_keys

# A browser that is further behind reads its page again.
MAX_MESSAGES: Final = 500
_MAX_VIEWS: Final = 20
ALARMS: Final = "alarms"


class Message(NamedTuple):
    """An event of the stream; `data` is JSON."""

    event: str
    data: str


RELOAD: Final = Message("reload", "{}")
# As RELOAD, also for a page that somebody is using: words on it are erased.
ERASED: Final = Message("erased", "{}")
_SCREEN: Final = "screen="


@lru_cache(maxsize=500)
def encode(sent: Message) -> bytes:
    """Write it as an event of a stream, once for all boards that get it."""
    return f"event: {sent.event}\ndata: {sent.data}\n\n".encode()


def message(event: str, **data: object) -> Message:
    return Message(event, orjson.dumps(data).decode())


class Board:
    """One connection. `views` are what the tabs show, each as a query.

    `id=` and an escalation, `screen=` and a screen with its filters, or the filters of Now.
    A page with none has the view `alarms`: each row says whether it is urgent for the viewer.

    `kind` and the person say all on which the rows that it gets depend.
    """

    def __init__(self, viewer: Viewer, views: Sequence[str], reader: Reader) -> None:
        self.viewer = viewer
        self.reader = reader
        # Its stream ends at the next beat.
        self.is_over = False
        self._messages: asyncio.Queue[Message] = asyncio.Queue(MAX_MESSAGES)
        shown = tuple(dict.fromkeys(views))[:_MAX_VIEWS]
        self.escalations = frozenset(view[3:] for view in shown if view.startswith("id="))
        self.screens: Mapping[str, Mapping[str, str]] = {
            view: dict(parse_qsl(view))
            for view in shown
            if view.startswith(_SCREEN) and viewer.role in LEADERS
        }
        # What the browser has of each screen.
        self._pieces: dict[str, Sequence[str]] = {}
        self.filters: Mapping[str, Filters] = {
            view: parse_filters(parse_qsl(view), reader)
            for view in shown
            if not view.startswith(("id=", _SCREEN)) and view != ALARMS
        }
        self.kind = viewer.role, viewer.language, viewer.zone, shown

    def put(self, sent: Message) -> None:
        """Add a message; if there are too many, the browser is told to read its page again."""
        if self._messages.full():
            while not self._messages.empty():
                self._messages.get_nowait()
            self._pieces.clear()
            sent = RELOAD
        self._messages.put_nowait(sent)

    def views_of(self, screen: str) -> list[str]:
        return [view for view, query in self.screens.items() if query.get("screen") == screen]

    def put_screen(self, view: str, pieces: Sequence[str]) -> None:
        """Send the pieces that differ from those that the browser has."""
        before = self._pieces.get(view, ())
        changed = [
            (place, piece)
            for place, piece in enumerate(pieces)
            if place >= len(before) or before[place] != piece
        ]
        if changed or len(pieces) != len(before):
            self.put(message("screen", view=view, size=len(pieces), pieces=changed))
            self._pieces[view] = pieces

    async def next_message(self, timeout_s: float) -> Message | None:
        """Return None if none comes in time."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._messages.get()
        except TimeoutError:
            return None

    def take_waiting(self) -> Iterator[Message]:
        """Take the messages that are there."""
        while not self._messages.empty():
            yield self._messages.get_nowait()

    def message_of(self, escalation: Escalation, reader: Reader) -> Message:
        """Write the row once for all views of the board, with its place in each that has it."""
        keys = sort_keys(escalation, reader)
        sorts = {
            view: keys[filters.sort]
            for view, filters in self.filters.items()
            if matches(escalation, filters, reader.now)
        }
        row = make_row(escalation, reader)
        html = render_row(row, reader.texts.language) if sorts else ""
        return message(
            "row",
            id=escalation["escalation_id"],
            version=escalation["version"],
            html=html,
            sorts=sorts,
            urgent=row.is_urgent,
        )


def is_concerned(person: str, escalation: Mapping[str, Any]) -> bool:
    """Tell whether the row says something else to this person than to others."""
    approval = escalation["approval"]
    return person in (
        escalation["holder"],
        *escalation["awaited"],
        None if approval is None else approval["asked_by"],
        *(cause["about"] for cause in escalation["causes"]),
    )
