"""What nobody is paged about for a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from console.texts import mark
from console.views.fields import Option, options_of
from console.views.reader import Reader
from console.views.words import service_names

SCOPES: Final[Mapping[str, str]] = {
    "topic": mark("Topic"),
    "campaign": mark("Campaign"),
    "connection": mark("Connection"),
}
_LONGEST_MINUTES: Final = 7 * 24 * 60
_MOST_DIGITS: Final = 5


@dataclass(frozen=True, slots=True)
class WindowRow:
    """`url` ends it; None for who may not."""

    scope: str
    name: str
    reason: str
    starts: str
    ends: str
    person: str
    url: str | None


@dataclass(frozen=True, slots=True)
class MaintenanceView:
    """`rows` is None if the service did not answer; `fields` is what was written wrong.

    Who `may_set` none only sees them.
    """

    rows: tuple[WindowRow, ...] | None
    scopes: tuple[Option, ...]
    fields: Mapping[str, str]
    missing: tuple[str, ...]
    may_set: bool


def maintenance_view(
    answer: Mapping[str, Any] | None,
    fields: Mapping[str, str],
    missing: Sequence[str],
    reader: Reader,
) -> MaintenanceView:
    _ = reader.texts.gettext
    labels = [(scope, _(label)) for scope, label in SCOPES.items()]
    return MaintenanceView(
        rows=None if answer is None else tuple(_row(item, reader) for item in answer["items"]),
        scopes=options_of(labels, {fields.get("scope", "topic")}),
        fields=fields,
        missing=service_names(missing, reader.texts),
        may_set=reader.may_decide_all,
    )


def minutes_of(text: str) -> int | None:
    """Return the number of minutes; None if it is none, or too many."""
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        return None
    minutes = int(text)
    return minutes if 1 <= minutes <= _LONGEST_MINUTES else None


def _row(item: Mapping[str, Any], reader: Reader) -> WindowRow:
    # A newer notifier may know of scopes that have no words here.
    scope = SCOPES.get(item["scope"])
    url = f"/settings/maintenance/{item['scope']}/{quote(item['name'], safe=':')}/end"
    return WindowRow(
        scope=reader.texts.gettext(scope) if scope else item["scope"],
        name=item["name"],
        reason=item["reason"],
        starts=reader.time(item["starts_at"]),
        ends=reader.time(item["ends_at"]),
        person=reader.name(item["set_by"]),
        url=url if scope and reader.may_decide_all else None,
    )
