"""Calendars: the business hours in which the time of promises counts."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from babel.dates import format_date

from console.texts import mark
from console.views.reader import Reader
from console.views.settings.kinds import Body, Kind, Related
from console.views.settings.nodes import KEY, UNNAMED, VALUE, Group, Leaf, Rows
from console.views.settings.phrases import week_sentences
from console.views.settings.values import Day, Hours, Line
from console.views.words import WEEKDAYS

ZONE: Final = Leaf("zone", Line(), mark("Time zone"), mark("Such as Europe/Berlin."))


def week(label: str, *, is_optional: bool, hint: str) -> Group:
    """Return the fields of weekly hours, one for each day."""
    days = (Leaf(day, Hours(), name, is_required=False) for day, name in WEEKDAYS.items())
    return Group("hours", label, tuple(days), hint, is_optional)


CALENDAR_NODES: Final = (
    ZONE,
    week(
        mark("Hours"),
        is_optional=False,
        hint=mark("Such as 09:00-12:30, 13:00-17:00. A day that is left empty is closed."),
    ),
    Rows(
        "holidays",
        mark("Public holidays"),
        mark("Country"),
        (
            Leaf("country", Line(), mark("Country"), mark("Two letters, such as DE.")),
            Leaf(
                "region",
                Line(),
                mark("Region"),
                mark("Its code, such as BE for Berlin."),
                is_required=False,
            ),
        ),
        mark("Closed on the public holidays of these countries."),
        add_label=mark("Add a country"),
    ),
    Rows(
        "special",
        mark("Days with other hours"),
        mark("Day"),
        (
            Leaf(KEY, Day(), mark("Day")),
            Leaf(
                VALUE, Hours(), mark("Hours"), mark("Left empty, it is closed."), is_required=False
            ),
        ),
        shape="map",
        add_label=mark("Add a day with other hours"),
    ),
    Rows(
        "closed",
        mark("Further days closed"),
        mark("Day"),
        (Leaf(UNNAMED, Day(), mark("Day")),),
        shape="scalars",
        add_label=mark("Add a day"),
    ),
)


def calendar_sentences(body: Body, reader: Reader) -> Iterator[str]:
    _ = reader.texts.gettext
    yield from week_sentences(body["hours"], reader)
    if holidays := body["holidays"]:
        places = (
            f"{reader.texts.locale.territories.get(source['country'], source['country'])}"
            + (f" ({source['region']})" if source.get("region") else "")
            for source in holidays
        )
        yield _("Closed on the public holidays of %(places)s.", places=", ".join(places))
    for day, hours in sorted(body["special"].items()):
        spans = ", ".join(f"{opens}\u2013{closes}" for opens, closes in hours)
        yield _("%(days)s: %(hours)s", days=_day(day, reader), hours=spans or _("closed"))
    if closed := body["closed"]:
        days = ", ".join(_day(day, reader) for day in sorted(closed))
        yield _("Also closed: %(days)s.", days=days)


def _day(day: str, reader: Reader) -> str:
    return format_date(date.fromisoformat(day), "long", locale=reader.texts.locale)


def _describe(body: Body, reader: Reader, _related: Related) -> list[str]:
    zone = reader.texts.gettext("Hours in the time zone %(zone)s.", zone=body["zone"])
    return [zone, *calendar_sentences(body, reader)]


CALENDARS: Final = Kind(
    slug="calendars",
    path="calendars",
    title=mark("Calendars"),
    singular=mark("Calendar"),
    purpose=mark("Business hours in which the time of promises counts."),
    nodes=CALENDAR_NODES,
    describe=_describe,
    archive_choices=("keep", "retarget", "release"),
    asks_for_open_contacts=True,
)
