"""Duty schedules, and when people are away."""

from typing import Final

from console.texts import mark
from console.views.reader import Reader, parse_time
from console.views.settings.calendars import (
    CALENDAR_NODES,
    ZONE,
    calendar_sentences,
    week,
)
from console.views.settings.kinds import Body, Kind, Related
from console.views.settings.nodes import UNNAMED, Group, Leaf, Rows
from console.views.settings.phrases import duration, week_sentences
from console.views.settings.values import Duration, Moment, PersonChoice

_PEOPLE: Final = Rows(
    "members",
    mark("People, in the order of their turns"),
    mark("Person"),
    (Leaf(UNNAMED, PersonChoice(), mark("Person")),),
    shape="scalars",
    is_ordered=True,
    initial_count=1,
    add_label=mark("Add a person"),
)
_NODES: Final = (
    Rows(
        "rotations",
        mark("Rotations"),
        mark("Rotation"),
        (
            ZONE,
            Leaf("starts_at", Moment(), mark("First turn begins")),
            Leaf("shift_s", Duration(), mark("Length of a turn"), mark("Such as 12 h, 7 d.")),
            _PEOPLE,
            week(
                mark("Hours with duty"),
                is_optional=True,
                hint=mark("Such as 08:00-18:00. All empty means always."),
            ),
        ),
        mark("Where two rotations overlap, the first one is asked first."),
        is_ordered=True,
        initial_count=1,
        add_label=mark("Add a rotation"),
    ),
    Group(
        "covers",
        mark("When somebody must be on duty"),
        CALENDAR_NODES,
        mark("All empty means always."),
        is_optional=True,
    ),
    Leaf(
        "from",
        Moment(),
        mark("Counts from"),
        mark("Left empty, from the next hand-over."),
        is_required=False,
    ),
)


def _describe(body: Body, reader: Reader, _related: Related) -> list[str]:
    sentences = []
    for rotation in body["rotations"]:
        sentences += _rotation_sentences(rotation, reader)
    begin = parse_time(body.get("from"))
    if begin is not None and begin > reader.now:
        time = reader.texts.full_time(begin)
        sentences.append(reader.texts.gettext("This counts from %(time)s on.", time=time))
    covers = body.get("covers")
    if covers is None:
        return [*sentences, reader.texts.gettext("Somebody must be on duty at all times.")]
    return [
        *sentences,
        reader.texts.gettext(
            "Somebody must be on duty in these hours (%(zone)s):", zone=covers["zone"]
        ),
        *calendar_sentences(covers, reader),
    ]


def _rotation_sentences(rotation: Body, reader: Reader) -> list[str]:
    _ = reader.texts.gettext
    hours = rotation.get("hours")
    return [
        _(
            "%(people)s take turns of %(duration)s since %(start)s (%(zone)s).",
            people=", ".join(reader.name(person) for person in rotation["members"]),
            duration=duration(rotation["shift_s"], reader),
            start=reader.full_time(rotation["starts_at"]),
            zone=rotation["zone"],
        ),
        *(week_sentences(hours, reader) if hours else [_("Day and night.")]),
    ]


SCHEDULES: Final = Kind(
    slug="schedules",
    path="duty-schedules",
    title=mark("Duty schedules"),
    singular=mark("Duty schedule"),
    purpose=mark("Who is on duty when, by turns."),
    nodes=_NODES,
    describe=_describe,
    archive_choices=("keep",),
    momentary=frozenset(("from",)),
)

_ABSENCES: Final = (
    Rows(
        "absences",
        mark("Absences"),
        mark("Absence"),
        (
            Leaf("from", Moment(), mark("From")),
            Leaf("until", Moment(), mark("Until")),
            Leaf("stand_in", PersonChoice(), mark("Who stands in"), is_required=False),
        ),
        initial_count=1,
        add_label=mark("Add an absence"),
    ),
)


def _describe_absences(body: Body, reader: Reader, _related: Related) -> list[str]:
    _ = reader.texts.gettext
    spans = []
    for absence in body["absences"]:
        span = _(
            "Away from %(start)s until %(end)s.",
            start=reader.full_time(absence["from"]),
            end=reader.full_time(absence["until"]),
        )
        if stand_in := absence.get("stand_in"):
            span += " " + _("%(person)s stands in.", person=reader.name(stand_in))
        spans.append(span)
    return spans or [_("Never away.")]


ABSENCES: Final = Kind(
    slug="absences",
    path="absences",
    title=mark("Absences"),
    singular=mark("Absences of"),
    purpose=mark("When people are away, and who is on duty and asked in their place."),
    nodes=_ABSENCES,
    describe=_describe_absences,
    is_of_person=True,
)
