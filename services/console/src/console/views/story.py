"""The story of an escalation: what happened, by whom, and who was notified of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from console.texts import mark
from console.views import words
from console.views.change_reasons import change_reason_text
from console.views.deliveries import DeliveryStep, delivery_steps
from console.views.delivery_reasons import delivery_reason_text
from console.views.reader import Reader, parse_time
from console.views.vacancies import vacancy_at_level

Data = Mapping[str, Any]

# By the name in the type of an event; requests of pages are shown as the notifications they cause.
_SENTENCES: Final[Mapping[str, str]] = {
    "escalation_raised": mark("Raised: %(cause)s (%(severity)s)"),
    "escalation_cause_added": mark("New reason: %(cause)s (%(severity)s)"),
    "escalation_climbed": mark("Went up to %(level_name)s"),
    "escalation_page_failed": mark("No message reached %(person_id)s"),
    "escalation_causes_met": mark("All promises it was raised for were kept or made up for"),
    "escalation_unanswered": mark("Nobody at any level answered"),
    "escalation_acknowledged": mark("Acknowledged by %(by)s"),
    "escalation_taken_over": mark("Taken over by %(by)s"),
    "escalation_lease_renewed": mark("Progress by %(by)s"),
    "escalation_returned": mark("Back at %(level_name)s: the shift of %(from_person)s ended"),
    "escalation_handed_over": mark("Handed over to %(to)s by %(by)s"),
    "escalation_referred_up": mark("Referred up by %(by)s"),
    "escalation_snoozed": mark("Snoozed until %(until)s by %(by)s"),
    "escalation_noted": mark("Note by %(by)s"),
    "coaching_requested": mark("Coaching of %(person_id)s requested by %(by)s"),
    "escalation_mediated": mark("Mediated by %(by)s"),
    "approval_asked": mark("Approval of %(amount)s asked for by %(by)s, from %(approvers)s"),
    "approval_refused": mark("Approval refused by %(by)s"),
    "escalation_handed_back": mark("Handed back by %(by)s"),
    "escalation_resolved": mark("Resolved by %(by)s: %(outcome)s"),
    "escalation_reopened": mark("Reopened by %(by)s"),
    "escalation_closed": mark("It ended"),
    "complaint_raised": mark("Complaint about %(about)s"),
    "complaint_judged": mark("Complaint about %(about)s judged by %(by)s: %(verdict)s"),
    "complaint_withdrawn": mark("Complaint about %(about)s withdrawn"),
}
# Sent up by a timer: what it waited for says more than the reason, which is in English.
_CLIMBED_BY_TIMER: Final[Mapping[str, str]] = {
    "acknowledgement_due": mark("Nobody answered in time: went up to %(level_name)s"),
    "lease": mark("No progress in time: went up to %(level_name)s"),
}
# Their reason may be that of a rule.
_WITH_CAUSE: Final = frozenset(("escalation_raised", "escalation_cause_added"))
_VERDICTS: Final = {"upheld": mark("upheld"), "dismissed": mark("dismissed")}
_PROBLEMS: Final = frozenset(
    ("escalation_page_failed", "escalation_unanswered", "escalation_climbed")
)
# Fields with the words of colleagues and customers, and what they are.
_QUOTATIONS: Final[Mapping[str, str]] = {
    "guidance": mark("Guidance"),
    "context": mark("Context"),
    "text": mark("Note"),
    "note": mark("Note"),
    "reason": mark("Reason"),
    "customer_statement": mark("The customer says"),
    "representative_statement": mark("The representative says"),
    "proposal": mark("Proposal"),
}
_PEOPLE: Final = ("by", "to", "from_person", "person_id", "about", "approved_by")
_TERMS: Final[Mapping[str, Mapping[Any, str]]] = {
    "cause": words.CAUSES,
    "severity": words.SEVERITIES,
    "verdict": _VERDICTS,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `quotations` have the words of people, each with what it is."""

    at: datetime
    at_text: str
    text: str
    kind: Literal["event", "notification"]
    quotations: tuple[tuple[str, str], ...] = ()
    is_problem: bool = False


def story(
    events: Iterable[Data],
    notifications: Iterable[Data],
    rule_sentences: Mapping[str, str],
    reader: Reader,
) -> tuple[Step, ...]:
    """Put events and notifications in the order of their times.

    `rule_sentences` are the reasons of rules for the reader, by those in English.
    """
    steps = [_event_step(event, reader, rule_sentences) for event in events]
    pages: dict[str, list[Data]] = {}
    for notification in notifications:
        if notification["kind"] == "page":
            pages.setdefault(notification["page_id"], []).append(notification)
    steps += [_page_step(page, reader) for page in pages.values()]
    return tuple(sorted((step for step in steps if step), key=lambda step: step.at))


def _event_step(
    event: Data, reader: Reader, rule_sentences: Mapping[str, str] | None = None
) -> Step | None:
    name = event_name(event["type"])
    if name not in _SENTENCES:
        return None
    sentences_of_rules = rule_sentences if name in _WITH_CAUSE else None
    sentence, quotations = _SENTENCES[name], _quotations(event["data"], sentences_of_rules, reader)
    if name == "escalation_climbed":
        waited_for = event["data"].get("waited_for")
        sentence = _CLIMBED_BY_TIMER.get(waited_for, sentence)
        reasons = (*_unreached(event["data"], reader), *_vacancies(event["data"], reader))
        quotations = reasons if reasons or waited_for else quotations
    elif name in _WITH_OWN_REASON:
        quotations = _WITH_OWN_REASON[name](event["data"], reader)
    at = datetime.fromisoformat(event["at"])
    return Step(
        at=at,
        at_text=reader.texts.time(at, reader.now),
        text=reader.texts.gettext(sentence, **_values(event["data"], reader)),
        kind="event",
        quotations=quotations,
        is_problem=name in _PROBLEMS,
    )


def _no_reason(_data: Data, _reader: Reader) -> tuple[tuple[str, str], ...]:
    """The sentence says it, or the notifications of the story do."""
    return ()


def _why_closed(data: Data, reader: Reader) -> tuple[tuple[str, str], ...]:
    reason = data.get("change_reason")
    text = (change_reason_text(reason, reader) if reason else None) or data.get("reason")
    return ((reader.texts.gettext("Reason"), text),) if text else ()


def _what_was_late(data: Data, reader: Reader) -> tuple[tuple[str, str], ...]:
    _ = reader.texts.gettext
    late = ", ".join(_(words.CLOCKS[clock]) for clock in data.get("breached_clocks", ()))
    said = (
        _("Kept too late: %(promises)s", promises=late) if late else None,
        _("It stays where it is until somebody acknowledges it")
        if data.get("when_met") == "stay"
        else None,
    )
    return tuple((_("Reason"), text) for text in said if text)


# The reason of these is in English: it is said from their other fields.
_WITH_OWN_REASON: Final[Mapping[str, Callable[[Data, Reader], tuple[tuple[str, str], ...]]]] = {
    "escalation_returned": _no_reason,
    "escalation_page_failed": _no_reason,
    "escalation_closed": _why_closed,
    "escalation_causes_met": _what_was_late,
}


def event_name(event_type: str) -> str:
    """Return `escalation_raised` for `upstairs.escalation_raised.v1`."""
    return event_type.removeprefix("upstairs.").rsplit(".v", 1)[0]


def event_text(event: Data, reader: Reader) -> str | None:
    """Say what an event tells, in one line; None for one that tells a person nothing."""
    step = _event_step(event, reader)
    return step.text if step else None


def _values(data: Data, reader: Reader) -> dict[str, str]:
    """Write the fields of an event as sentences need them."""
    texts = reader.texts
    values = {name: reader.name(data[name]) for name in _PEOPLE if data.get(name)}
    values |= {
        name: texts.gettext(terms[data[name]]) for name, terms in _TERMS.items() if name in data
    }
    values["level_name"] = data.get("level_name", "")
    if "until" in data:
        values["until"] = reader.time(data["until"])
    if "approvers" in data:
        values["approvers"] = reader.people(data["approvers"])
    if data.get("amount") is not None:
        values["amount"] = texts.amount(data["amount"], data["currency"])
    if "outcome" in data:
        values["outcome"] = _outcome(data, values, reader)
    return values


def _outcome(data: Data, values: Mapping[str, str], reader: Reader) -> str:
    """Write `Refund €49.00, approved by Dora Diaz`."""
    outcome = reader.texts.gettext(words.OUTCOMES[data["outcome"]])
    if "amount" in values:
        outcome = f"{outcome} {values['amount']}"
    if "approved_by" not in values:
        return outcome
    return reader.texts.gettext(
        "%(outcome)s, approved by %(person)s", outcome=outcome, person=values["approved_by"]
    )


def _quotations(
    data: Data, rule_sentences: Mapping[str, str] | None, reader: Reader
) -> tuple[tuple[str, str], ...]:
    return tuple(
        (reader.texts.gettext(label), (rule_sentences or {}).get(data[name], data[name]))
        for name, label in _QUOTATIONS.items()
        if data.get(name)
    )


def _vacancies(data: Data, reader: Reader) -> tuple[tuple[str, str], ...]:
    """Say which levels were passed, and why: the event's own reason is in English."""
    label = reader.texts.gettext("Reason")
    return tuple(
        (label, vacancy_at_level(vacancy, reader)) for vacancy in data.get("vacancies", ())
    )


def _unreached(data: Data, reader: Reader) -> tuple[tuple[str, str], ...]:
    if not data.get("unreached"):
        return ()
    people = reader.people(data["unreached"])
    text = reader.texts.gettext("No message has reached %(people)s", people=people)
    return ((reader.texts.gettext("Reason"), text),)


def _page_step(notifications: Sequence[Data], reader: Reader) -> Step:
    """Say how far one page of a person came on each medium."""
    at = min(_sent_at(notification) for notification in notifications)
    deliveries = ", ".join(
        f"{_medium(notification, reader)} {_delivery(notification, reader)}"
        for notification in notifications
    )
    return Step(
        at=at,
        at_text=reader.texts.time(at, reader.now),
        text=reader.texts.gettext(
            "%(person)s was notified: %(deliveries)s",
            person=reader.name(notifications[0]["person_id"]),
            deliveries=deliveries,
        ),
        kind="notification",
        quotations=tuple(
            (reader.texts.gettext("Reason"), f"{_medium(notification, reader)}: {why}")
            for notification in notifications
            if (why := delivery_reason_text(notification, reader))
        ),
        is_problem=all(notification["state"] == "failed" for notification in notifications),
    )


def _sent_at(notification: Data) -> datetime:
    return datetime.fromisoformat(notification["sent_at"] or notification["requested_at"])


def _medium(notification: Data, reader: Reader) -> str:
    _ = reader.texts.gettext
    medium = notification["medium"]
    return _("no address") if medium is None else words.medium_label(medium, reader)


def _delivery(notification: Data, reader: Reader) -> str:
    """Say how far it came: `answered 10:12`, `seen 10:11`, `sent`, `not delivered`."""
    _ = reader.texts.gettext
    acted_at, seen_at = parse_time(notification["acted_at"]), parse_time(notification["seen_at"])
    if acted_at is not None:
        return _("answered %(time)s", time=reader.texts.time(acted_at, reader.now))
    if seen_at is not None:
        return _("seen %(time)s", time=reader.texts.time(seen_at, reader.now))
    if (delivered_at := parse_time(notification.get("delivered_at"))) is not None:
        return _("arrived %(time)s", time=reader.texts.time(delivered_at, reader.now))
    return _(words.NOTIFICATION_STATES[notification["state"]])


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person on one medium: the last message, how far it came, and why no further."""

    person: str
    medium: str
    at_text: str
    delivery: str
    why: str | None
    is_problem: bool
    steps: tuple[DeliveryStep, ...] = ()


def recipients(notifications: Sequence[Data], reader: Reader) -> tuple[Recipient, ...]:
    """List who was notified: each person and medium once, by the newest of their pages."""
    newest: dict[tuple[str, str | None], Data] = {}
    for notification in notifications:
        if notification["kind"] == "page":
            newest.setdefault((notification["person_id"], notification["medium"]), notification)
    return tuple(_recipient(notification, reader) for notification in newest.values())


def _recipient(notification: Data, reader: Reader) -> Recipient:
    return Recipient(
        person=reader.name(notification["person_id"]),
        medium=_medium(notification, reader),
        at_text=reader.texts.time(_sent_at(notification), reader.now),
        delivery=_delivery(notification, reader),
        why=delivery_reason_text(notification, reader),
        is_problem=notification["state"] == "failed",
        steps=delivery_steps(notification, reader),
    )
