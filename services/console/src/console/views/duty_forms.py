"""The forms of Duty: somebody else takes a shift, or two people swap."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from console.texts import mark
from console.views.duty import schedule_url
from console.views.fields import (
    Field,
    FieldView,
    Submission,
    field_views,
    parse_fields,
    people_by_name,
    period_from_now,
    read_field,
)
from console.views.reader import Reader
from console.views.service_problems import FilledForm
from console.views.words import title_of

DutyFormName = Literal["override", "swap"]
_DEFAULT_LENGTH: Final = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class DutyFormView:
    name: DutyFormName
    title: str
    schedule: str
    task: str
    url: str
    back_url: str
    fields: tuple[FieldView, ...]
    problem: str | None


_PERIOD: Final = (
    Field("from", "moment", mark("From")),
    Field("until", "moment", mark("Until")),
)
FIELDS: Final[Mapping[DutyFormName, tuple[Field, ...]]] = {
    "override": (
        Field("person_id", "person", mark("Who is on duty")),
        Field(
            "instead_of",
            "person",
            mark("Instead of"),
            mark("Left empty, the person is on duty all the time."),
            is_required=False,
        ),
        *_PERIOD,
    ),
    "swap": (Field("second", "person", mark("Swap with")), *_PERIOD),
}
_TITLES: Final[Mapping[DutyFormName, str]] = {
    "override": mark("Put somebody on duty"),
    "swap": mark("Ask for a swap"),
}
_TASKS: Final[Mapping[DutyFormName, str]] = {
    "override": mark(
        "In a gap you may put yourself on duty. Your own shift goes to somebody else once that "
        "person agrees. Managers plan everybody, supervisors the people who report to them."
    ),
    "swap": mark("You take each other's turns in this time, once the colleague agrees."),
}


def duty_form_view(
    name: DutyFormName,
    schedule_id: str,
    people: Collection[str],
    form: FilledForm,
    reader: Reader,
) -> DutyFormView:
    """`people` have turns in the schedule: one swaps with one of them."""
    gettext = reader.texts.gettext
    return DutyFormView(
        name=name,
        title=gettext(_TITLES[name]),
        schedule=title_of(schedule_id),
        task=gettext(_TASKS[name]),
        url=f"{schedule_url(schedule_id)}/{name}",
        back_url="/duty",
        fields=field_views(
            FIELDS[name],
            {**period_from_now(_DEFAULT_LENGTH, reader), **form.values},
            form.problems.by_field,
            lambda entry: _people(name, people, reader) if entry.kind == "person" else (),
            reader,
        ),
        problem=form.problems.whole,
    )


def _people(
    name: DutyFormName, people: Collection[str], reader: Reader
) -> Iterable[tuple[str, str]]:
    """List by name whom the form may be about; nobody swaps with themselves."""
    return (
        (person, label)
        for person, label in people_by_name(reader)
        if name == "override" or (person in people and person != reader.person)
    )


def parse_duty_form(name: DutyFormName, values: Mapping[str, str], reader: Reader) -> Submission:
    """Check what a person can mend beside the field; the service checks the rest."""
    submission = parse_fields(FIELDS[name], values, read_field, reader)
    if name == "swap":
        submission.body["first"] = reader.person
    return submission
