"""The form that tries other times, or another ladder, of a policy on past contacts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from console.texts import Texts, mark
from console.views import words
from console.views.fields import (
    Field,
    FieldError,
    FieldView,
    Submission,
    field_view,
    parse_fields,
)
from console.views.reader import Reader
from console.views.service_problems import FilledForm, FormProblems, sort_problems
from console.views.settings.durations import parse_duration, write_duration

_TARGET: Final = "target-"
_DAYS: Final = ("1", "7", "30", "90")
_CONTACTS: Final = ("500", "2000", "10000", "20000")
_NOBODY: Final = "nobody"
_ANSWERS: Final[Mapping[str, timedelta | None]] = {
    **{str(minutes): timedelta(minutes=minutes) for minutes in (1, 2, 5, 15)},
    _NOBODY: None,
}
_LADDER: Final = Field("ladder_id", "line", mark("Ladder"))
_PERIOD: Final = (
    Field("days", "line", mark("Contacts of the last")),
    Field("contacts", "line", mark("How many at most"), mark("The latest of them are tried.")),
    Field(
        "answer",
        "line",
        mark("Assume that people answer after"),
        mark("The past does not say when they would have answered."),
    ),
)
_DEFAULTS: Final = {"days": "30", "contacts": "2000", "answer": "2"}


@dataclass(frozen=True, slots=True)
class TryFormView:
    policy: str
    url: str
    back_url: str
    changes: tuple[FieldView, ...]
    period: tuple[FieldView, ...]
    submission: str
    problem: str | None


def policy_url(policy_id: str) -> str:
    return f"/settings/policies/{policy_id}"


def try_url(policy_id: str) -> str:
    return f"{policy_url(policy_id)}/try"


def state_of(policy: Mapping[str, Any], reader: Reader) -> FilledForm:
    """Return the form that tries this policy, to go on from one that was tried."""
    return FilledForm(_values_of(policy, reader.texts))


def try_form_view(
    policy_id: str,
    policy: Mapping[str, Any],
    ladders: Sequence[str],
    state: FilledForm,
    submission: str,
    reader: Reader,
) -> TryFormView:
    """What is not written in the form is as the policy in force has it."""
    values = {**_DEFAULTS, **_values_of(policy, reader.texts), **state.values}

    def view(entry: Field) -> FieldView:
        labels = _labels(entry.name, [*dict.fromkeys((policy["ladder_id"], *ladders))], reader)
        problem = state.problems.by_field.get(entry.name)
        return field_view(entry, values[entry.name], problem, labels, reader)

    return TryFormView(
        policy=words.title_of(policy_id),
        url=try_url(policy_id),
        back_url=policy_url(policy_id),
        changes=tuple(view(entry) for entry in (*_target_fields(policy), _LADDER)),
        period=tuple(view(entry) for entry in _PERIOD),
        submission=submission,
        problem=state.problems.whole,
    )


def parse_try_form(
    policy_id: str, policy: Mapping[str, Any], values: Mapping[str, str], reader: Reader
) -> Submission:
    """Make the request of a simulation, that tries the changed policy."""
    fields = (*_target_fields(policy), _LADDER, *_PERIOD)
    read = parse_fields(fields, values, _read_field, reader)
    if read.problems:
        return read
    chosen = read.body
    tried = {
        **policy,
        "targets": [
            {**target, "target_s": chosen[_name_of(target)]} for target in policy["targets"]
        ],
        "ladder_id": chosen["ladder_id"],
    }
    body = {
        "drafts": [{"kind": "sla-policies", "id": policy_id, "body": tried}],
        "since": (reader.now - timedelta(days=chosen["days"])).isoformat(),
        "latest_contacts": chosen["contacts"],
        "answer_after_s": chosen["answer"],
    }
    return Submission(body, {})


def try_problems(
    document: Mapping[str, Any], policy: Mapping[str, Any], reader: Reader
) -> FormProblems:
    """Sort what escalation refuses: a target or the ladder beside its field, the rest above."""
    return sort_problems(document, lambda pointer: _field_of(pointer.split("/"), policy), reader)


def _field_of(place: Sequence[str], policy: Mapping[str, Any]) -> str | None:
    """Return the field of `body/drafts/0/body/targets/1/target_s`."""
    match place:
        case ["body", "drafts", "0", "body", "targets", number, *_] if number.isdecimal():
            targets = policy["targets"]
            return _name_of(targets[int(number)]) if int(number) < len(targets) else None
        case ["body", "drafts", "0", "body", "ladder_id", *_]:
            return "ladder_id"
        case _:
            return None


def _target_fields(policy: Mapping[str, Any]) -> Iterator[Field]:
    for target in policy["targets"]:
        yield Field(
            _name_of(target),
            "line",
            words.CLOCKS[target["clock"]],
            mark("For example 10 min or 1 h 30 min."),
        )


def _name_of(target: Mapping[str, Any]) -> str:
    return f"{_TARGET}{target['clock']}"


def _values_of(policy: Mapping[str, Any], texts: Texts) -> dict[str, str]:
    targets = {
        _name_of(target): write_duration(target["target_s"], texts) for target in policy["targets"]
    }
    return {**targets, "ladder_id": policy["ladder_id"]}


def _labels(name: str, ladders: Sequence[str], reader: Reader) -> Iterable[tuple[str, str]]:
    texts = reader.texts
    match name:
        case "ladder_id":
            return ((ladder, words.title_of(ladder)) for ladder in ladders)
        case "days":
            return (
                (days, texts.ngettext("%(number)s day", "%(number)s days", int(days)))
                for days in _DAYS
            )
        case "contacts":
            return ((number, number) for number in _CONTACTS)
        case "answer":
            return (
                (name, texts.gettext("nobody answers") if after is None else texts.duration(after))
                for name, after in _ANSWERS.items()
            )
        case _:
            return ()


def _read_field(entry: Field, value: str, reader: Reader) -> object:
    if entry.name.startswith(_TARGET):
        return parse_duration(value, reader.texts)
    match entry.name:
        case "days" if value in _DAYS:
            return int(value)
        case "contacts" if value in _CONTACTS:
            return int(value)
        case "answer" if value in _ANSWERS:
            after = _ANSWERS[value]
            return None if after is None else after.total_seconds()
        case "ladder_id":
            return value
        case _:
            raise FieldError(reader.texts.gettext("Please choose one from the list."))
