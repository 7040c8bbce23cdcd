"""What would come of a delivery, as intake says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.texts import Texts, mark
from console.views.fields import FieldError, FieldView
from console.views.reader import Reader
from console.views.refusal_words import field_text
from console.views.service_problems import FormProblems
from console.views.settings.phrases import PRIORITIES, TIERS
from console.views.systems.connection_kinds import TITLES
from console.views.systems.options import Value
from console.views.systems.samples import SAMPLES

_MAX_CHARACTERS: Final = 200_000
_SIGNATURES: Final[Mapping[str, tuple[str, str, str]]] = {
    "right": ("calm", "check", mark("It would be taken: the signature or the secret is right.")),
    "wrong": (
        "soon",
        "info",
        mark(
            "As it is here it would be refused: its signature or secret is missing or wrong. With "
            "a right one, this would come of it."
        ),
    ),
    "too_old": ("soon", "alarm", mark("It would be refused: it was signed too long ago.")),
    "unknown": ("soon", "alarm", mark("It would wait: no secret of the connection can be read.")),
}
EVENTS: Final[Mapping[str, str]] = {
    "contact_opened": mark("A new contact"),
    "customer_message_added": mark("The customer wrote"),
    "representative_message_added": mark("A representative wrote"),
    "file_added": mark("A file of a message"),
    "contact_set_pending": mark("It waits for the customer"),
    "contact_set_open": mark("It is our turn"),
    "contact_solved": mark("It is resolved"),
    "contact_left": mark("The customer left"),
    "contact_discarded": mark("It is discarded"),
    "contact_merged": mark("It is merged with another"),
    "contact_ended": mark("The call or chat is over"),
    "supervisor_requested": mark("The customer asks for a supervisor"),
    "priority_changed": mark("The priority changes"),
    "call_measured": mark("The length of a call"),
    "unrelated_update": mark("A change without effect here"),
}
_AUTHORS: Final[Mapping[str, str]] = {
    "customer": mark("Customer"),
    "representative": mark("Representative"),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    tone: str
    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class TrialMessage:
    author: str
    text: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrialEvent:
    title: str
    facts: tuple[Value, ...]
    messages: tuple[TrialMessage, ...]


@dataclass(frozen=True, slots=True)
class TrialResult:
    """`unreadable` are the parts that can't be read, by place."""

    verdict: Verdict
    problem: str | None
    unreadable: tuple[Value, ...]
    events: tuple[TrialEvent, ...]


@dataclass(frozen=True, slots=True)
class TrialView:
    title: str
    url: str
    back_url: str
    fields: tuple[FieldView, ...]
    problem: str | None
    result: TrialResult | None


def sample_values(slug: str) -> dict[str, str]:
    """Return what the form begins with."""
    return {"body": SAMPLES[slug].body, "headers": SAMPLES[slug].headers}


def trial_view(
    slug: str,
    name: str,
    values: Mapping[str, str],
    problems: FormProblems,
    answer: Mapping[str, Any] | None,
    reader: Reader,
) -> TrialView:
    """`answer` is what intake says of the delivery; None before it was asked."""
    gettext = reader.texts.gettext
    back_url = f"/settings/connections/{slug}/{name}"
    full_name = f"{gettext(TITLES[slug])}: {name}"
    return TrialView(
        title=gettext("Try %(name)s", name=full_name),
        url=f"{back_url}/try",
        back_url=back_url,
        fields=(
            _field("body", gettext("A delivery, as the system sends it"), "", values, problems),
            _field(
                "headers",
                gettext("Its headers"),
                gettext("One a line, such as content-type: application/json."),
                values,
                problems,
            ),
        ),
        problem=problems.whole,
        result=None if answer is None else _result(answer, reader),
    )


def _field(
    name: str, label: str, hint: str, values: Mapping[str, str], problems: FormProblems
) -> FieldView:
    return FieldView(
        name=name,
        kind="text",
        label=label,
        hint=hint,
        is_required=name == "body",
        value=values.get(name, ""),
        options=(),
        max_length=_MAX_CHARACTERS,
        problem=problems.by_field.get(name),
    )


def read_headers(text: str, texts: Texts) -> dict[str, str]:
    """Read one header a line; raises FieldError."""
    headers: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise FieldError(
                texts.gettext("Please write each header as name: value, on a line of its own.")
            )
        headers[name.strip()] = value.strip()
    return headers


def _result(answer: Mapping[str, Any], reader: Reader) -> TrialResult:
    signature = answer["signature"]
    tone, icon, text = _SIGNATURES[signature]
    return TrialResult(
        verdict=Verdict(tone, icon, reader.texts.gettext(text)),
        problem=_problem(answer, reader),
        unreadable=tuple(_unreadable(part, reader) for part in answer["unreadable"]),
        events=tuple(_event(event, reader) for event in answer["events"]),
    )


_MALFORMED: Final[Mapping[str, str]] = {
    "not-json": mark("It is not JSON."),
    "not-xml": mark("It is not XML."),
    "not-a-form": mark("It is no form, or it is cut off."),
    "too-large": mark("It has too many parts."),
    "text-unreadable": mark("Its text can't be read."),
    "fields-missing": mark("Missing: %(fields)s."),
    "changes-left-out": mark("Salesforce left out changes of too many cases: compare them there."),
    "wrong-format": mark("It is not in the format that this kind of system sends."),
    # Of a part of JSON.
    "model-type": mark("It must be an object with named fields."),
    "string-type": mark("It must be a text."),
}


def _problem(answer: Mapping[str, Any], reader: Reader) -> str | None:
    """Say why nothing can be read; without a code that it is of another format."""
    if answer["problem"] is None:
        return None
    said = (_said(error, error["pointer"], reader) for error in answer["errors"])
    return " ".join(dict.fromkeys(said)) or reader.texts.gettext(_MALFORMED["wrong-format"])


def _said(error: Mapping[str, Any], place: str, reader: Reader) -> str:
    code = error["code"]
    if code in _MALFORMED:
        text = reader.texts.gettext(_MALFORMED[code], **(error["parameters"] or {}))
    else:
        text = field_text(error, reader)
    return f"{place}: {text}" if place else text


def _unreadable(part: Mapping[str, Any], reader: Reader) -> Value:
    """Name the part by its number: `Part 2`."""
    number = part["place"].rpartition(" ")[2]
    label = reader.texts.gettext("Part %(number)s", number=number)
    return Value(label, _said(part, "", reader))


def _event(event: Mapping[str, Any], reader: Reader) -> TrialEvent:
    gettext = reader.texts.gettext
    customer = event["customer"]
    facts = (
        (gettext("Its id there"), event["external_ref"]),
        (gettext("Customer"), customer["name"] or customer["customer_id"]),
        (gettext("Tier"), gettext(TIERS.get(customer["tier"], customer["tier"] or ""))),
        (gettext("Subject"), event["subject"]),
        (gettext("Topic"), event["topic"]),
        (gettext("Language"), event["language"]),
        (gettext("Priority"), gettext(PRIORITIES.get(event["priority"], event["priority"]))),
        (gettext("Team"), event["team"]),
        (gettext("Campaign"), event["campaign"]),
        *((name, str(value)) for name, value in event["details"].items() if value),
    )
    title = EVENTS.get(event["event"], event["event"].replace("_", " ").capitalize())
    return TrialEvent(
        title=f"{gettext(title)} ({event['event_type']})",
        facts=tuple(Value(label, text) for label, text in facts if text),
        messages=tuple(_message(message, reader) for message in event["messages"]),
    )


def _message(message: Mapping[str, Any], reader: Reader) -> TrialMessage:
    gettext = reader.texts.gettext
    notes = (
        (message["asks_for_supervisor"], gettext("The customer asks for a supervisor")),
        (
            message["supervisor_doubt"],
            gettext("The representative would be asked whether this asks for a supervisor."),
        ),
        (message["vulnerability"], gettext("The customer needs care.")),
        (message["internal"], gettext("The customer can't see it.")),
        (message["automatic"], gettext("A machine wrote it.")),
    )
    author = _AUTHORS.get(message["author"], message["author"])
    return TrialMessage(
        gettext(author), message["text"], tuple(text for is_so, text in notes if is_so)
    )
