"""The screen Now: what needs me, in bands, with five counters above."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views.counters import Counter
from console.views.filters import Filters, Select, selects
from console.views.reader import Reader, parse_time
from console.views.rows import BANDS, Band, Row, make_row
from console.views.words import service_names

MAX_ROWS: Final = 200
_DUE_SOON_S: Final = 15 * 60

BAND_TITLES: Final[Mapping[Band, str]] = {
    "needs_you": mark("Needs you"),
    "unanswered": mark("Unanswered"),
    "yours": mark("You have these"),
    "team": mark("Your team's"),
    "others": mark("With others"),
}
_EMPTY: Final[Mapping[Band, str]] = {
    "needs_you": mark("Nothing needs you now."),
}


@dataclass(frozen=True, slots=True)
class BandRows:
    """`empty_text` stands where the band has no rows; without it an empty band is hidden."""

    band: Band
    title: str
    rows: tuple[Row, ...]
    empty_text: str | None


@dataclass(frozen=True, slots=True)
class NowView:
    """`more_url` leads to the rows after these; None if these are all."""

    bands: tuple[BandRows, ...]
    counters: tuple[Counter, ...]
    filters: Filters
    selects: tuple[Select, ...]
    missing: tuple[str, ...]
    more_url: str | None
    is_list_missing: bool


@dataclass(frozen=True, slots=True)
class NowData:
    """What the services answered; None for one that did not."""

    escalations: Mapping[str, Any] | None
    staffing: Mapping[str, Any] | None = None
    promises_due: int | None = None


def now_view(data: NowData, filters: Filters, missing: Sequence[str], reader: Reader) -> NowView:
    escalations = data.escalations["items"] if data.escalations else ()
    rows = sorted(
        (make_row(escalation, reader, filters.sort) for escalation in escalations),
        key=lambda row: row.sort_key,
    )
    return NowView(
        bands=_bands(rows, reader),
        counters=_counters(rows, data, reader),
        filters=filters,
        selects=selects(filters, reader),
        missing=service_names(missing, reader.texts),
        more_url=_more_url(data, filters),
        is_list_missing=data.escalations is None,
    )


def _bands(rows: Sequence[Row], reader: Reader) -> tuple[BandRows, ...]:
    gettext = reader.texts.gettext
    return tuple(
        BandRows(
            band,
            gettext(BAND_TITLES[band]),
            tuple(row for row in rows if row.band == band),
            gettext(_EMPTY[band]) if band in _EMPTY and reader.may_act else None,
        )
        for band in BANDS
    )


def _counters(rows: Sequence[Row], data: NowData, reader: Reader) -> tuple[Counter, ...]:
    _ = reader.texts.gettext
    has_list = data.escalations is not None
    needs_you = sum(row.band == "needs_you" for row in rows)
    unanswered = sum(row.band == "unanswered" for row in rows)
    waiting = None if data.staffing is None else data.staffing["waiting"]
    free = None if data.staffing is None else data.staffing["free_slots"]
    return (
        Counter(_("need you"), needs_you if has_list else None, needs_you > 0, "needs_you"),
        Counter(_("unanswered"), unanswered if has_list else None, unanswered > 0, "unanswered"),
        Counter(_("due within 15 min"), due_soon(data, reader), name="due"),
        Counter(_("customers wait"), waiting, name="waiting"),
        Counter(_("free places"), free, free == 0 and bool(waiting), "free"),
    )


def due_soon(data: NowData, reader: Reader) -> int | None:
    """Count the promises that break soon; without that answer, the escalations that are due."""
    if data.promises_due is not None or data.escalations is None:
        return data.promises_due
    return sum(_is_due_soon(escalation, reader) for escalation in data.escalations["items"])


def _is_due_soon(escalation: Mapping[str, Any], reader: Reader) -> bool:
    deadline = parse_time(escalation["deadline"])
    return deadline is not None and reader.seconds_until(deadline) <= _DUE_SOON_S


def _more_url(data: NowData, filters: Filters) -> str | None:
    cursor = data.escalations["next_cursor"] if data.escalations else None
    if cursor is None:
        return None
    return f"/now?{filters.address}{'&' if filters.address else ''}cursor={cursor}"
