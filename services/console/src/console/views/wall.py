"""The screen for a wall: four numbers and what is open, without a name or a word of anybody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from console.texts import mark
from console.views import words
from console.views.countdown import Countdown
from console.views.counters import Counter
from console.views.now import NowData, due_soon
from console.views.reader import Reader
from console.views.rows import is_unanswered, time_left

Escalation = Mapping[str, Any]
WallBand = Literal["unanswered", "asked", "held"]
WALL_BANDS: Final[tuple[WallBand, ...]] = get_args(WallBand)
_TITLES: Final[Mapping[WallBand, str]] = {
    "unanswered": mark("Unanswered"),
    "asked": mark("Somebody is asked"),
    "held": mark("Somebody has it"),
}
# More would not be read from afar.
_MAX_ROWS: Final = 8


@dataclass(frozen=True, slots=True)
class WallRow:
    left: Countdown | None
    severity: str
    severity_text: str
    topic: str
    why: str


@dataclass(frozen=True, slots=True)
class WallRows:
    """`more` is how many rows are left out."""

    band: WallBand
    title: str
    count: int
    rows: tuple[WallRow, ...]
    more: int


@dataclass(frozen=True, slots=True)
class WallView:
    counters: tuple[Counter, ...]
    bands: tuple[WallRows, ...]
    missing: tuple[str, ...]


def wall_view(data: NowData, missing: Sequence[str], reader: Reader) -> WallView:
    escalations = data.escalations["items"] if data.escalations else ()
    by_band: dict[WallBand, list[Escalation]] = {band: [] for band in WALL_BANDS}
    for escalation in escalations:
        by_band[_band_of(escalation, reader)].append(escalation)
    return WallView(
        counters=_counters(data, len(by_band["unanswered"]), reader),
        bands=tuple(_rows(band, listed, reader) for band, listed in by_band.items()),
        missing=words.service_names(missing, reader.texts),
    )


def _band_of(escalation: Escalation, reader: Reader) -> WallBand:
    if is_unanswered(escalation, reader):
        return "unanswered"
    return "asked" if escalation["holder"] is None else "held"


def _counters(data: NowData, unanswered: int, reader: Reader) -> tuple[Counter, ...]:
    _ = reader.texts.gettext
    staffing = data.staffing or {"waiting": None, "free_slots": None}
    waiting, free = staffing["waiting"], staffing["free_slots"]
    is_known = data.escalations is not None
    return (
        Counter(_("unanswered"), unanswered if is_known else None, unanswered > 0),
        Counter(_("due within 15 min"), due_soon(data, reader), name="due"),
        Counter(_("customers wait"), waiting, name="waiting"),
        Counter(_("free places"), free, free == 0 and bool(waiting), "free"),
    )


def _rows(band: WallBand, escalations: Sequence[Escalation], reader: Reader) -> WallRows:
    shown = escalations[:_MAX_ROWS]
    return WallRows(
        band=band,
        title=reader.texts.gettext(_TITLES[band]),
        count=len(escalations),
        rows=tuple(_row(escalation, reader) for escalation in shown),
        more=len(escalations) - len(shown),
    )


def _row(escalation: Escalation, reader: Reader) -> WallRow:
    _ = reader.texts.gettext
    contact, severity = escalation["contact"], escalation["severity"]
    return WallRow(
        left=time_left(escalation, reader),
        severity=severity,
        severity_text=_(words.SEVERITIES[severity]),
        topic=_("Contact")
        if contact is None
        else f"{words.title_of(contact['topic'])}, {_(words.CHANNELS[contact['channel']])}",
        why=_(words.CAUSES[escalation["causes"][0]["kind"]]) if escalation["causes"] else "",
    )
