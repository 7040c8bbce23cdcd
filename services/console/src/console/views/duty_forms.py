"""The forms of Duty: somebody else takes a shift, or two people swap."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from console.texts import mark
from console.views.duty import MOMENT, schedule_url
from console.views.forms import LINE_LENGTH
from console.views.reader import Reader
from console.views.service_problems import FormProblems
from console.views.words import title_of

DutyFormName = Literal["override", "swap"]
_HOUR: Final = timedelta(hours=1)
_DEFAULT_LENGTH: Final = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class DutyField:
    """A `moment` is a time in the reader's zone."""

    name: str
    kind: Literal["person", "moment"]
    label: str
    hint: str = ""
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class DutyFieldView:
    """A field as it is shown: with its value, its choices, and what is wrong with it."""

    name: str
    kind: str
    label: str
    hint: str
    is_required: bool
    value: str
    options: tuple[Option, ...]
    max_length: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class DutyFormView:
    name: DutyFormName
    title: str
    schedule: str
    task: str
    url: str
    back_url: str
    fields: tuple[DutyFieldView, ...]
    zone: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class DutySubmission:
    """`body` is for the service, unless there are problems."""

    body: Mapping[str, Any]
    problems: FormProblems


_PERIOD: Final = (
    DutyField("from", "moment", mark("From")),
    DutyField("until", "moment", mark("Until")),
)
FIELDS: Final[Mapping[DutyFormName, tuple[DutyField, ...]]] = {
    "override": (
        DutyField("person_id", "person", mark("Who is on duty")),
        DutyField(
            "instead_of",
            "person",
            mark("Instead of"),
            mark("Left empty, the person is on duty all the time."),
            is_required=False,
        ),
        *_PERIOD,
    ),
    "swap": (DutyField("second", "person", mark("Swap with")), *_PERIOD),
}
_TITLES: Final[Mapping[DutyFormName, str]] = {
    "override": mark("Put somebody on duty"),
    "swap": mark("Ask for a swap"),
}
_TASKS: Final[Mapping[DutyFormName, str]] = {
    "override": mark("Your own shift goes to somebody else once that person agrees."),
    "swap": mark("You take each other's turns in this time, once the colleague agrees."),
}


@dataclass(frozen=True, slots=True)
class DutyFormState:
    """What was written in a form, and what is wrong with it; `status` is that of the answer."""

    values: Mapping[str, str] = field(default_factory=dict)
    problems: FormProblems = field(default_factory=FormProblems)
    status: int = 200


def duty_form_view(
    name: DutyFormName,
    schedule_id: str,
    people: Collection[str],
    state: DutyFormState,
    reader: Reader,
) -> DutyFormView:
    """`people` have turns in the schedule: one swaps with one of them."""
    gettext = reader.texts.gettext
    shown = {**_first_values(reader), **state.values}
    return DutyFormView(
        name=name,
        title=gettext(_TITLES[name]),
        schedule=title_of(schedule_id),
        task=gettext(_TASKS[name]),
        url=f"{schedule_url(schedule_id)}/{name}",
        back_url="/duty",
        fields=tuple(
            DutyFieldView(
                name=entry.name,
                kind=entry.kind,
                label=gettext(entry.label),
                hint=gettext(entry.hint) if entry.hint else "",
                is_required=entry.is_required,
                value=shown.get(entry.name, ""),
                options=_people(name, people, reader) if entry.kind == "person" else (),
                max_length=LINE_LENGTH,
                problem=state.problems.by_field.get(entry.name),
            )
            for entry in FIELDS[name]
        ),
        zone=reader.texts.zone.key,
        problem=state.problems.whole,
    )


def _first_values(reader: Reader) -> dict[str, str]:
    """Offer eight hours from the next full hour on."""
    local = reader.now.astimezone(reader.texts.zone)
    start = local.replace(minute=0, second=0, microsecond=0) + _HOUR
    end = start + _DEFAULT_LENGTH
    return {"from": start.strftime(MOMENT), "until": end.strftime(MOMENT)}


def _people(name: DutyFormName, people: Collection[str], reader: Reader) -> tuple[Option, ...]:
    """List by name whom the form may be about; nobody swaps with themselves."""
    listed = sorted(reader.names.items(), key=lambda item: item[1].casefold())
    return tuple(
        Option(person, label)
        for person, label in listed
        if name == "override" or (person in people and person != reader.person)
    )


def parse_duty_form(
    name: DutyFormName, values: Mapping[str, str], reader: Reader
) -> DutySubmission:
    """Check what a person can mend beside the field; the service checks the rest."""
    body: dict[str, Any] = {"first": reader.person} if name == "swap" else {}
    problems: dict[str, str] = {}
    for entry in FIELDS[name]:
        value = values.get(entry.name, "").strip()
        if not value:
            if entry.is_required:
                problems[entry.name] = reader.texts.gettext("Please fill this in.")
        elif entry.kind == "person":
            body[entry.name] = value
        elif (moment := _parse_moment(value, reader)) is None:
            problems[entry.name] = reader.texts.gettext("Please write a date and a time.")
        else:
            body[entry.name] = moment.isoformat()
    return DutySubmission(body, FormProblems(problems))


def _parse_moment(value: str, reader: Reader) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=reader.texts.zone)
