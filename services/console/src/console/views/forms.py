"""The forms of the actions: their fields, and what they send to the service."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from common.contracts.texts import NOTE_LENGTH
from console.texts import mark
from console.views import words
from console.views.actions import ACTIONS, ActionName
from console.views.reader import Reader

Kind = Literal["line", "text", "person", "minutes", "outcome", "amount", "currency"]
LINE_LENGTH: Final = 300
_SNOOZES: Final = {str(minutes): timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240)}
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: Kind
    label: str
    hint: str = ""
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str


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
class FormView:
    name: ActionName
    title: str
    task: str
    url: str
    fields: tuple[FieldView, ...]
    version: str
    submission: str
    problem: str | None


_REASON: Final = Field("reason", "line", mark("Reason"))
FIELDS: Final[Mapping[ActionName, tuple[Field, ...]]] = {
    "acknowledge": (),
    "take_over": (),
    "renew": (),
    "approve": (),
    "note": (Field("text", "text", mark("Note"), mark("What should others know?")),),
    "snooze": (
        Field("until", "minutes", mark("For how long")),
        Field("reason", "line", mark("Why can it wait?")),
    ),
    "hand_over": (
        Field("to", "person", mark("Colleague")),
        Field("context", "line", mark("What should the colleague know?")),
    ),
    "mediate": (
        Field("customer_statement", "text", mark("The customer says")),
        Field("representative_statement", "text", mark("The representative says")),
        Field("proposal", "text", mark("Your proposal")),
    ),
    "request_coaching": (
        Field("person_id", "person", mark("Who is to be coached")),
        Field("text", "text", mark("What is it about?")),
    ),
    "refer_up": (Field("reason", "line", mark("Why is a higher level needed?")),),
    "hand_back": (
        Field("guidance", "text", mark("Guidance"), mark("What should the representative do?")),
    ),
    "resolve": (
        Field("outcome", "outcome", mark("Outcome")),
        Field(
            "amount",
            "amount",
            mark("Amount"),
            mark("For a refund, a credit, a replacement or an adjustment."),
            is_required=False,
        ),
        Field("currency", "currency", mark("Currency"), is_required=False),
        Field("note", "text", mark("What was done")),
    ),
    "refuse": (_REASON,),
    "reopen": (Field("reason", "line", mark("Why is it open again?")),),
}


@dataclass(frozen=True, slots=True)
class FormState:
    """What a form carries from one showing to the next.

    `version` is the escalation's when the person read it, `submission` names this sending of the
    form. `problems` are by the names of fields, `problem` is about the whole.
    """

    version: str
    submission: str
    values: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None


def form_view(name: ActionName, url: str, state: FormState, reader: Reader) -> FormView:
    gettext = reader.texts.gettext
    return FormView(
        name=name,
        title=gettext(ACTIONS[name].label).rstrip("…"),
        task=gettext(ACTIONS[name].task),
        url=url,
        fields=tuple(
            _field_view(
                entry, state.values.get(entry.name, ""), state.problems.get(entry.name), reader
            )
            for entry in FIELDS[name]
        ),
        version=state.version,
        submission=state.submission,
        problem=state.problem,
    )


def _field_view(entry: Field, value: str, problem: str | None, reader: Reader) -> FieldView:
    gettext = reader.texts.gettext
    return FieldView(
        name=entry.name,
        kind=entry.kind,
        label=gettext(entry.label),
        hint=gettext(entry.hint) if entry.hint else "",
        is_required=entry.is_required,
        value=value,
        options=_options(entry.kind, reader),
        max_length=NOTE_LENGTH if entry.kind == "text" else LINE_LENGTH,
        problem=problem,
    )


def _options(kind: Kind, reader: Reader) -> tuple[Option, ...]:
    texts = reader.texts
    match kind:
        case "outcome":
            return tuple(
                Option(value, texts.gettext(label)) for value, label in words.OUTCOMES.items()
            )
        case "minutes":
            return tuple(
                Option(minutes, texts.duration(duration)) for minutes, duration in _SNOOZES.items()
            )
        case "person":
            names = sorted(reader.names.items(), key=lambda item: item[1].casefold())
            return tuple(Option(person, name) for person, name in names if person != reader.person)
        case _:
            return ()


@dataclass(frozen=True, slots=True)
class Submission:
    """What a form sends: `body` for the service, or `problems` by the name of a field."""

    body: dict[str, Any]
    problems: dict[str, str]


def parse_form(name: ActionName, values: Mapping[str, str], reader: Reader) -> Submission:
    """Check what a person can mend beside the field; the service checks the rest."""
    body: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for entry in FIELDS[name]:
        value = values.get(entry.name, "").strip()
        if value:
            _parse_field(entry, value, body, problems, reader)
        elif entry.is_required:
            problems[entry.name] = reader.texts.gettext("Please fill this in.")
    if name == "resolve" and not problems:
        problems = _resolution_problems(body, reader)
    return Submission(body, problems)


def _parse_field(
    entry: Field, value: str, body: dict[str, Any], problems: dict[str, str], reader: Reader
) -> None:
    _ = reader.texts.gettext
    match entry.kind:
        case "minutes" if value in _SNOOZES:
            body[entry.name] = (reader.now + _SNOOZES[value]).isoformat()
        case "outcome" if value in words.OUTCOMES:
            body[entry.name] = value
        case "minutes" | "outcome":
            problems[entry.name] = _("Please choose one from the list.")
        case "amount":
            amount = parse_amount(value)
            if amount is None:
                problems[entry.name] = _("Please write an amount, such as 49.00.")
            else:
                body[entry.name] = str(amount)
        case "currency":
            currency = value.upper()
            if _CURRENCY.fullmatch(currency):
                body[entry.name] = currency
            else:
                problems[entry.name] = _("Please write three letters, such as EUR.")
        case _:
            body[entry.name] = value


def parse_amount(value: str) -> Decimal | None:
    """Read `49`, `49.00` or `49,00`; None for anything else, and for what is not positive."""
    try:
        amount = Decimal(value.replace(",", "."))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount > 0 else None


def _resolution_problems(body: Mapping[str, Any], reader: Reader) -> dict[str, str]:
    _ = reader.texts.gettext
    is_costly = body["outcome"] in words.COSTLY_OUTCOMES
    if is_costly and "amount" not in body:
        return {"amount": _("This outcome needs an amount.")}
    if "amount" in body and "currency" not in body:
        return {"currency": _("An amount needs its currency.")}
    return {}
