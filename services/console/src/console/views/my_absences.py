"""When a person is away, who stands in, and for whom the person stands in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from console.texts import mark
from console.views.etags import etag_of
from console.views.fields import (
    Field,
    FieldView,
    Submission,
    colleagues_by_name,
    field_views,
    parse_fields,
    period_from_now,
    read_field,
)
from console.views.reader import Reader
from console.views.service_problems import FilledForm, FormProblems, sort_problems
from console.views.words import service_names

Absence = Mapping[str, Any]
FIELDS: Final = (
    Field("from", "moment", mark("Away from")),
    Field("until", "moment", mark("Away until")),
    Field(
        "stand_in",
        "person",
        mark("Who stands in"),
        mark("Left empty, nobody is asked in your place, and the next level is asked earlier."),
        is_required=False,
    ),
)
_DEFAULT_LENGTH: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class AbsenceRow:
    """`number` is its place in the list that the service has."""

    number: int
    text: str
    stand_in: str | None


@dataclass(frozen=True, slots=True)
class MyAbsencesView:
    """`rows` and `stands_in_for` are what is not over. `etag`: of what is shown."""

    rows: tuple[AbsenceRow, ...]
    stands_in_for: tuple[str, ...]
    fields: tuple[FieldView, ...]
    etag: str
    problem: str | None
    missing: tuple[str, ...]


def my_absences_view(
    own: Mapping[str, Any] | None,
    settings: Iterable[Mapping[str, Any]],
    form: FilledForm,
    missing: Sequence[str],
    reader: Reader,
) -> MyAbsencesView:
    """`own` and `settings`, those of everybody, are absences as the service has them."""
    stands_in_for = [
        _stands_in_text(setting["id"], absence, reader)
        for setting in settings
        for absence in setting["body"]["absences"]
        if absence["stand_in"] == reader.person and is_to_come(absence, reader.now)
    ]
    colleagues = colleagues_by_name(reader)
    return MyAbsencesView(
        rows=tuple(_rows(own["body"]["absences"] if own else (), reader)),
        stands_in_for=tuple(stands_in_for),
        fields=field_views(
            FIELDS,
            {**period_from_now(_DEFAULT_LENGTH, reader), **form.values},
            form.problems.by_field,
            lambda each: colleagues if each.kind == "person" else (),
            reader,
        ),
        etag=etag_of(own["version"] if own else None),
        problem=form.problems.whole,
        missing=service_names(missing, reader.texts),
    )


def is_to_come(absence: Absence, now: datetime) -> bool:
    return datetime.fromisoformat(absence["until"]) > now


def parse_absence(values: Mapping[str, str], reader: Reader) -> Submission:
    """Check what a person can mend beside the field; the service checks the rest."""
    return parse_fields(FIELDS, values, read_field, reader)


def absence_problems(document: Mapping[str, Any], place: int, reader: Reader) -> FormProblems:
    """Sort what the service says about the absence at this place of the list."""

    def field_of(pointer: str) -> str | None:
        match pointer.removeprefix("body/").split("/"):
            case ["absences", number, name] if number == str(place):
                return name
            case ["absences", number] if number == str(place):
                # The two times do not fit each other.
                return "until"
            case _:
                return None

    return sort_problems(document, field_of, reader)


def _rows(absences: Iterable[Absence], reader: Reader) -> Iterable[AbsenceRow]:
    for number, absence in enumerate(absences):
        if is_to_come(absence, reader.now):
            stand_in = absence["stand_in"]
            text = reader.texts.gettext("From %(start)s until %(end)s", **_times(absence, reader))
            yield AbsenceRow(number, text, reader.name(stand_in) if stand_in else None)


def _stands_in_text(person: str, absence: Absence, reader: Reader) -> str:
    return reader.texts.gettext(
        "For %(person)s from %(start)s until %(end)s",
        person=reader.name(person),
        **_times(absence, reader),
    )


def _times(absence: Absence, reader: Reader) -> dict[str, str]:
    return {"start": reader.full_time(absence["from"]), "end": reader.full_time(absence["until"])}
