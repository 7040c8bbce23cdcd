"""Other contacts for a person until a time: what Floor says of it, and the form that sets it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from console.texts import mark
from console.views.etags import etag_of
from console.views.fields import (
    MOMENT,
    Field,
    FieldError,
    FieldView,
    Submission,
    field_view,
    options_of,
    parse_fields,
    read_moment,
    whole_number,
)
from console.views.languages import language_name
from console.views.reader import Reader
from console.views.service_problems import FormProblems

# That of people for whom nobody has chosen one.
_NO_ZONE: Final = "UTC"
# As router has it.
_LONGEST: Final = timedelta(days=7)
FIELDS: Final[tuple[Field, ...]] = (
    Field(
        "capacity",
        "line",
        mark("Contacts at the same time, at most"),
        is_required=False,
    ),
    Field("skills", "many", mark("Topics"), mark("Only those with a tick."), is_required=False),
    Field(
        "more_skills",
        "line",
        mark("More topics"),
        mark("With commas between."),
        is_required=False,
    ),
    Field(
        "languages", "many", mark("Languages"), mark("Only those with a tick."), is_required=False
    ),
    Field("ends_at", "moment", mark("Until")),
    Field("reason", "line", mark("Why")),
)


@dataclass(frozen=True, slots=True)
class AdjustmentView:
    """`text` is what is different, `until` when it ends by itself."""

    text: str
    until: str
    by: str
    reason: str
    end_url: str
    etag: str


@dataclass(frozen=True, slots=True)
class AdjustmentFormView:
    person: str
    url: str
    back_url: str
    fields: tuple[FieldView, ...]
    etag: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class AdjustmentFormState:
    """What was chosen and written; None as long as nothing was. `status` is that of the answer."""

    etag: str
    values: Mapping[str, str] | None = None
    skills: Sequence[str] = ()
    languages: Sequence[str] = ()
    problems: FormProblems = field(default_factory=FormProblems)
    status: int = 200


def adjustment_view(representative: Mapping[str, Any], reader: Reader) -> AdjustmentView | None:
    adjustment = representative["adjustment"]
    if adjustment is None:
        return None
    person = representative["representative_id"]
    ends_at = datetime.fromisoformat(adjustment["ends_at"])
    return AdjustmentView(
        text=_describe(adjustment, reader),
        until=reader.texts.time(ends_at, reader.now),
        by=reader.name(adjustment["set_by"]),
        reason=adjustment["reason"],
        end_url=f"{adjustment_url(person)}/end",
        etag=etag_of(adjustment["number"]),
    )


def adjustment_url(person: str) -> str:
    return f"/floor/{person}/adjustment"


def may_adjust(person: str, team: str, reader: Reader) -> bool:
    """Offer it to who leads the person; router decides."""
    return person != reader.person and (person in reader.people_below or team in reader.teams)


def _describe(adjustment: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    parts = []
    if adjustment["capacity"] is not None:
        parts.append(
            reader.texts.ngettext(
                "at most %(number)s contact", "at most %(number)s contacts", adjustment["capacity"]
            )
        )
    names = [language_name(tag, reader) for tag in adjustment["only_languages"]]
    parts += [
        _(text, names=", ".join(listed))
        for text, listed in (
            (mark("only %(names)s"), adjustment["only_skills"]),
            (mark("also %(names)s"), adjustment["added_skills"]),
            (mark("without %(names)s"), adjustment["removed_skills"]),
            (mark("only in %(names)s"), names),
        )
        if listed
    ]
    return "; ".join(parts)


def adjustment_form_view(
    representative: Mapping[str, Any],
    person: Mapping[str, Any],
    zone: str | None,
    state: AdjustmentFormState,
    reader: Reader,
) -> AdjustmentFormView:
    """`person` is the usual entry, `zone` where the person is, as far as that is known."""
    url = adjustment_url(representative["representative_id"])
    if state.values is None:
        shown: Mapping[str, str] = _first_values(representative, person, zone, reader)
        chosen = {name: representative[name] for name in ("skills", "languages")}
    else:
        shown = state.values
        chosen = {"skills": state.skills, "languages": state.languages}
    fields = []
    for entry in FIELDS:
        problem = state.problems.by_field.get(entry.name)
        view = field_view(entry, shown.get(entry.name, ""), problem, (), reader)
        if entry.kind == "many":
            labels = [
                (value, language_name(value, reader) if entry.name == "languages" else value)
                for value in person[entry.name]
            ]
            view = replace(view, options=options_of(labels, chosen[entry.name]))
        elif entry.name == "capacity":
            hint = reader.texts.gettext(
                "Usually %(number)s. Left empty, as many as usual.",
                number=representative["usual_capacity"],
            )
            view = replace(view, hint=hint)
        fields.append(view)
    return AdjustmentFormView(
        person=representative["name"],
        url=url,
        back_url=url.removesuffix("/adjustment"),
        fields=tuple(fields),
        etag=state.etag,
        problem=state.problems.whole,
    )


def _first_values(
    representative: Mapping[str, Any], person: Mapping[str, Any], zone: str | None, reader: Reader
) -> dict[str, str]:
    """Offer what is in force, or what is usual until the person's day ends."""
    adjustment = representative["adjustment"]
    if adjustment is None:
        ends_at = _end_of_day(zone, reader)
        return {"ends_at": ends_at.astimezone(reader.texts.zone).strftime(MOMENT)}
    ends_at = datetime.fromisoformat(adjustment["ends_at"]).astimezone(reader.texts.zone)
    capacity = adjustment["capacity"]
    more = [skill for skill in representative["skills"] if skill not in person["skills"]]
    return {
        "capacity": "" if capacity is None else str(capacity),
        "more_skills": ", ".join(more),
        "ends_at": ends_at.strftime(MOMENT),
        "reason": adjustment["reason"],
    }


def _end_of_day(zone: str | None, reader: Reader) -> datetime:
    where = reader.texts.zone if zone is None or zone == _NO_ZONE else ZoneInfo(zone)
    tomorrow = reader.now.astimezone(where).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=where)


def parse_adjustment_form(
    person: Mapping[str, Any], state: AdjustmentFormState, reader: Reader
) -> Submission:
    """Return what differs from the usual entry; the service checks the rest."""
    submission = parse_fields(
        [entry for entry in FIELDS if entry.kind != "many"], state.values or {}, _read_field, reader
    )
    more = submission.body.pop("more_skills", ())
    usual = person["skills"]
    chosen = {*more, *state.skills}
    added, removed = sorted(chosen - set(usual)), sorted(set(usual) - chosen)
    if not chosen:
        submission.problems["skills"] = reader.texts.gettext("Please choose at least one.")
    if added:
        submission.body["added_skills"] = added
    if removed:
        submission.body["removed_skills"] = removed
    if not state.languages:
        submission.problems["languages"] = reader.texts.gettext("Please choose at least one.")
    elif set(state.languages) != set(person["languages"]):
        submission.body["only_languages"] = sorted(state.languages)
    if not submission.problems and submission.body.keys() == {"ends_at", "reason"}:
        submission.problems["capacity"] = reader.texts.gettext("Please change something.")
    return submission


def _read_field(entry: Field, value: str, reader: Reader) -> object:
    match entry.name:
        case "ends_at":
            moment = read_moment(value, reader.texts)
            if not reader.now < moment <= reader.now + _LONGEST:
                raise FieldError(
                    reader.texts.gettext("Please choose a time in the next seven days.")
                )
            return moment.isoformat()
        case "more_skills":
            return tuple(word.strip().lower() for word in value.split(",") if word.strip())
        case "capacity":
            number = whole_number(value)
            if number is None or not value.isascii():
                raise FieldError(reader.texts.gettext("Please write a whole number."))
            return number
        case _:
            return value


# The fields beside which a refusal of router stands.
PLACES: Final[Mapping[str, str]] = {
    "capacity": "capacity",
    "added_skills": "more_skills",
    "removed_skills": "skills",
    "only_skills": "skills",
    "only_languages": "languages",
    "ends_at": "ends_at",
    "reason": "reason",
}
