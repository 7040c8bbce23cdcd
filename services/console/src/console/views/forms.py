"""The forms of the actions: their fields, and what they send to the service."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from common.contracts.texts import NOTE_LENGTH
from console.texts import mark
from console.views import words
from console.views.actions import ACTIONS, ActionName
from console.views.fields import (
    Field,
    FieldError,
    FieldView,
    Kind,
    Submission,
    colleagues_by_name,
    field_views,
    parse_fields,
)
from console.views.reader import Reader

_SNOOZES: Final = {str(minutes): timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240)}
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


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
    draft_text: str | None


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
    form. `problems` are by the names of fields, `problem` is about the whole. `draft_at` is when
    the values were written, if they come from a draft.
    """

    version: str
    submission: str
    values: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None
    draft_at: datetime | None = None


def draft_fields(name: ActionName, values: Mapping[str, str]) -> dict[str, str]:
    """Return what a draft keeps of a form: the fields that people have filled in."""
    # PostgreSQL stores no NUL.
    kept = ((entry.name, values.get(entry.name, "").replace("\0", "")) for entry in FIELDS[name])
    return {field_name: value[:NOTE_LENGTH] for field_name, value in kept if value.strip()}


def form_view(name: ActionName, url: str, state: FormState, reader: Reader) -> FormView:
    gettext = reader.texts.gettext
    return FormView(
        name=name,
        title=gettext(ACTIONS[name].label).rstrip("…"),
        task=gettext(ACTIONS[name].task),
        url=url,
        fields=field_views(
            FIELDS[name],
            state.values,
            state.problems,
            lambda entry: _labels(entry.kind, reader),
            reader,
        ),
        version=state.version,
        submission=state.submission,
        problem=state.problem,
        draft_text=_draft_text(state.draft_at, reader),
    )


def _draft_text(draft_at: datetime | None, reader: Reader) -> str | None:
    if draft_at is None:
        return None
    return reader.texts.gettext(
        "You wrote this at %(time)s and did not send it.",
        time=reader.texts.time(draft_at, reader.now),
    )


def _labels(kind: Kind, reader: Reader) -> Iterable[tuple[str, str]]:
    """Return the values to choose from, with their labels."""
    texts = reader.texts
    match kind:
        case "outcome":
            return ((value, texts.gettext(label)) for value, label in words.OUTCOMES.items())
        case "minutes":
            return ((minutes, texts.duration(length)) for minutes, length in _SNOOZES.items())
        case "person":
            return colleagues_by_name(reader)
        case _:
            return ()


def parse_form(name: ActionName, values: Mapping[str, str], reader: Reader) -> Submission:
    """Check what a person can mend beside the field; the service checks the rest."""
    submission = parse_fields(FIELDS[name], values, _read_field, reader)
    if name == "resolve" and not submission.problems:
        return Submission(submission.body, _resolution_problems(submission.body, reader))
    return submission


def _read_field(field: Field, value: str, reader: Reader) -> str:
    _ = reader.texts.gettext
    match field.kind:
        case "minutes" if value in _SNOOZES:
            return (reader.now + _SNOOZES[value]).isoformat()
        case "outcome" if value in words.OUTCOMES:
            return value
        case "minutes" | "outcome":
            raise FieldError(_("Please choose one from the list."))
        case "amount":
            amount = parse_amount(value)
            if amount is None:
                raise FieldError(_("Please write an amount, such as 49.00."))
            return str(amount)
        case "currency":
            currency = value.upper()
            if not _CURRENCY.fullmatch(currency):
                raise FieldError(_("Please write three letters, such as EUR."))
            return currency
        case _:
            return value


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
