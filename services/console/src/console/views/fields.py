"""The fields of forms: how each is shown, and how what people write in them is read."""

import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from typing import Any, Final, Literal

from common.contracts.texts import NOTE_LENGTH
from console.texts import Texts
from console.views.reader import Reader

Kind = Literal[
    "line",
    "text",
    "person",
    "minutes",
    "outcome",
    "amount",
    "currency",
    "moment",
    "day",
    "flag",
    "many",
    "password",
]
# As browsers write a time.
MOMENT: Final = "%Y-%m-%dT%H:%M"
_HOUR: Final = timedelta(hours=1)
_LINE_LENGTH: Final = 300
# Of a text of some thousand digits Python makes no number.
_WHOLE_NUMBER: Final = re.compile(r"\d{1,9}")


class FieldError(Exception):
    """A value can't be read; the message says to the person, in their language, what to write."""


@dataclass(frozen=True, slots=True)
class Field:
    """A `moment` is a time in the reader's zone."""

    name: str
    kind: Kind
    label: str
    hint: str = ""
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field as it is shown: with its value, its choices, and what is wrong with it."""

    name: str
    kind: Kind
    label: str
    hint: str
    is_required: bool
    value: str
    options: tuple[Option, ...]
    max_length: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class Submission:
    """What a form sends: `body` for the service, or `problems` by the name of a field."""

    body: dict[str, Any]
    problems: dict[str, str]


def options_of(labels: Iterable[tuple[str, str]], chosen: Container[str]) -> tuple[Option, ...]:
    """Return a choice for each value and its label."""
    return tuple(Option(value, label, value in chosen) for value, label in labels)


def people_by_name(reader: Reader) -> list[tuple[str, str]]:
    """Return everybody's id and name, in the order of their names."""
    return sorted(reader.names.items(), key=lambda item: item[1].casefold())


def colleagues_by_name(reader: Reader) -> list[tuple[str, str]]:
    """As `people_by_name`, without the reader."""
    return [(person, name) for person, name in people_by_name(reader) if person != reader.person]


def whole_number(text: str) -> int | None:
    """Return the number that is written, or None if it is none, or has more than nine digits."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else None


def read_moment(text: str, texts: Texts) -> datetime:
    """Read a time in the reader's zone, as browsers send it; raises FieldError."""
    problem = FieldError(texts.gettext("Please write a date and a time."))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise problem from error
    if not MINYEAR < moment.year < MAXYEAR:
        # In some zone it is in a year that there is not.
        raise problem
    return moment if moment.tzinfo else moment.replace(tzinfo=texts.zone)


def field_view(
    field: Field,
    value: str,
    problem: str | None,
    labels: Iterable[tuple[str, str]],
    reader: Reader,
) -> FieldView:
    """`labels` are those of the values to choose from."""
    return FieldView(
        name=field.name,
        kind=field.kind,
        label=reader.texts.gettext(field.label),
        hint=_hint(field, reader),
        is_required=field.is_required,
        value=value,
        options=options_of(labels, (value,)),
        max_length=NOTE_LENGTH if field.kind == "text" else _LINE_LENGTH,
        problem=problem,
    )


def field_views(
    fields: Iterable[Field],
    values: Mapping[str, str],
    problems: Mapping[str, str],
    labels: Callable[[Field], Iterable[tuple[str, str]]],
    reader: Reader,
) -> tuple[FieldView, ...]:
    """`values` and `problems` are by the names of the fields; see `field_view`."""
    return tuple(
        field_view(each, values.get(each.name, ""), problems.get(each.name), labels(each), reader)
        for each in fields
    )


def period_from_now(length: timedelta, reader: Reader) -> dict[str, str]:
    """Return `from` and `until` of a period that begins at the next full hour."""
    local = reader.now.astimezone(reader.texts.zone)
    start = local.replace(minute=0, second=0, microsecond=0) + _HOUR
    return {"from": start.strftime(MOMENT), "until": (start + length).strftime(MOMENT)}


def _hint(field: Field, reader: Reader) -> str:
    _ = reader.texts.gettext
    if field.kind == "moment":
        return _("Time zone: %(zone)s", zone=reader.texts.zone.key)
    return _(field.hint) if field.hint else ""


def read_field(field: Field, value: str, reader: Reader) -> str:
    """Read a time with the zone of the reader; what is no time stays as it is written."""
    return read_moment(value, reader.texts).isoformat() if field.kind == "moment" else value


def parse_fields(
    fields: Iterable[Field],
    values: Mapping[str, str],
    read: Callable[[Field, str, Reader], object],
    reader: Reader,
) -> Submission:
    """Read every field that is filled in; `read` raises FieldError for a value that is wrong."""
    submission = Submission({}, {})
    for field in fields:
        value = values.get(field.name, "").strip()
        try:
            if value:
                submission.body[field.name] = read(field, value, reader)
            elif field.is_required:
                submission.problems[field.name] = reader.texts.gettext("Please fill this in.")
        except FieldError as error:
            submission.problems[field.name] = str(error)
    return submission
