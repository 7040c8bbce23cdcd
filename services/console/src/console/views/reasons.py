"""What an escalation is about, and why it comes up now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views import words
from console.views.change_reasons import policy_text
from console.views.countdown import Countdown
from console.views.reader import Reader, parse_time
from console.views.story import event_name, event_text

# Steps that say more than the state why it is with whom it is.
_TELLING_STEPS: Final = frozenset(
    (
        "escalation_handed_over",
        "escalation_returned",
        "escalation_referred_up",
        "approval_refused",
        "escalation_reopened",
    )
)
# A promise in these states is no longer at stake.
_PROMISES_OVER: Final[Mapping[str, str]] = {
    "met": mark("kept"),
    "met_late": mark("kept too late"),
    "cancelled": mark("no longer needed"),
    "paused": mark("paused, since we wait for the customer"),
}
# The reason of these causes is what a rule found, that of the others has the words of a person.
_CAUSES_OF_RULES: Final = frozenset(("breach", "warning", "repeated_contact", "vip"))


@dataclass(frozen=True, slots=True)
class Reason:
    """`quotation` has the words of a customer or a colleague, `due` the deadline of a promise."""

    text: str
    due: Countdown | None = None
    quotation: str | None = None


@dataclass(frozen=True, slots=True)
class CauseDetail:
    """A cause in full; `count` is how often it came.

    `rule` is what a rule found, where the reason does not say it. A cause that is older than
    findings has it in English.
    """

    reason: Reason
    at: str
    rule: str | None
    count: int


def headline(escalation: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    contact = escalation["contact"]
    if contact is None:
        return _("A contact that is still on its way to us")
    return _(
        "%(topic)s %(channel)s from %(customer)s",
        topic=words.title_of(contact["topic"]),
        channel=_(words.CHANNELS[contact["channel"]]),
        customer=contact["customer"] or _("a customer"),
    )


def reasons(escalation: Mapping[str, Any], reader: Reader) -> tuple[Reason, ...]:
    """Say what happened first, then what makes it urgent now."""
    first = [cause_reason(escalation["causes"][0], reader)] if escalation["causes"] else []
    others = escalation["cause_count"] - 1
    if others > 0:
        text = reader.texts.ngettext("And one more reason", "And %(number)s more reasons", others)
        first.append(Reason(text))
    return (*first, *circumstances(escalation, reader))


def circumstances(escalation: Mapping[str, Any], reader: Reader) -> Iterator[Reason]:
    """Say what makes it urgent now."""
    _ = reader.texts.gettext
    alarm_since = parse_time(escalation["alarm_since"])
    snoozed_until = parse_time(escalation["snoozed_until"])
    approval = escalation["approval"]
    if approval is not None:
        yield Reason(
            _(
                "%(person)s asks to grant %(amount)s",
                person=reader.name(approval["asked_by"]),
                amount=reader.texts.amount(approval["amount"], approval["currency"]),
            )
        )
    step = escalation["latest_step"]
    if step is not None and event_name(step["type"]) in _TELLING_STEPS:
        said = step["data"].get("context") or step["data"].get("reason")
        yield Reason(event_text(step, reader) or "", quotation=said or None)
    if escalation["unreached"]:
        people = reader.people(escalation["unreached"])
        yield Reason(_("No message has reached %(people)s", people=people))
    if alarm_since is not None:
        since = reader.texts.time(alarm_since, reader.now)
        yield Reason(_("All levels were asked, nobody has answered since %(time)s", time=since))
    elif escalation["state"] == "raised" and escalation["level"] > 0:
        yield Reason(_("Not answered below, now at %(level)s", level=escalation["level_name"]))
    if snoozed_until is not None:
        until = reader.texts.time(snoozed_until, reader.now)
        yield Reason(_("Snoozed until %(time)s", time=until))


def cause_reason(cause: Mapping[str, Any], reader: Reader) -> Reason:
    _ = reader.texts.gettext
    if cause["clock"] is not None:
        return _clock_reason(cause, reader)
    text = _cause_text(cause, reader)
    is_rule = cause["kind"] in _CAUSES_OF_RULES
    return Reason(text, quotation=None if is_rule else cause["reason"] or None)


def _clock_reason(cause: Mapping[str, Any], reader: Reader) -> Reason:
    """Say what is missing, or that it no longer is: `No first reply within 10 min, 3 min over`."""
    _ = reader.texts.gettext
    promise, due_at = cause["promise"], parse_time(cause["due_at"])
    if promise is not None and promise["state"] in _PROMISES_OVER:
        name, state = words.CLOCKS[cause["clock"]], _PROMISES_OVER[promise["state"]]
        return Reason(f"{_(name)}: {_(state)}")
    text = _lack(cause, reader)
    due = None if due_at is None or promise is None else Countdown.of(due_at, text, reader)
    return Reason(text[:1].upper() + text[1:], due)


def _lack(cause: Mapping[str, Any], reader: Reader) -> str:
    """Say what is missing of a promise: `no first reply within 10 min`."""
    _ = reader.texts.gettext
    text = _(words.CLOCK_LACKS[cause["clock"]])
    if cause["promise"] is None:
        return text
    target = reader.texts.duration(cause["promise"]["target_s"])
    return _("%(lack)s within %(duration)s", lack=text, duration=target)


def rule_sentences(escalation: Mapping[str, Any], reader: Reader) -> dict[str, str]:
    """Say what rules found, by the reason that is written in English."""
    sentences = {
        cause["reason"]: _lack(cause, reader) if _is_promise(cause) else _finding(cause, reader)
        for cause in escalation["causes"]
        if cause["kind"] in _CAUSES_OF_RULES
    }
    return {reason: text[:1].upper() + text[1:] for reason, text in sentences.items() if text}


def _finding(cause: Mapping[str, Any], reader: Reader) -> str | None:
    """Say what a rule found: `4 contacts about billing within 7 days, by Gold, version 3`."""
    texts, finding = reader.texts, cause["finding"]
    if finding is None:
        return _lack(cause, reader) if cause["clock"] is not None else None
    policy = policy_text(finding["policy_id"], finding["policy_version"], reader)
    if finding["contacts"] is None:
        return texts.gettext("By %(policy)s", policy=policy)
    values = {
        "contacts": finding["contacts"],
        "days": texts.ngettext("one day", "%(number)s days", finding["within_days"]),
        "policy": policy,
    }
    if finding["topic"] is None:
        return texts.gettext("%(contacts)s contacts within %(days)s, by %(policy)s", **values)
    return texts.gettext(
        "%(contacts)s contacts about %(topic)s within %(days)s, by %(policy)s",
        topic=words.title_of(finding["topic"]),
        **values,
    )


def _is_promise(cause: Mapping[str, Any]) -> bool:
    return cause["clock"] is not None and cause["promise"] is not None


def _cause_text(cause: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    if cause["about"] is not None:
        return _("Complaint about %(person)s", person=reader.name(cause["about"]))
    if cause["kind"] == "feedback" and cause["score"] is not None:
        return _("Bad feedback: %(score)s of 5", score=cause["score"])
    if cause["kind"] == "referral" and cause["by"] is not None:
        return _("Referred by %(person)s", person=reader.name(cause["by"]))
    if cause["kind"] == "manual" and cause["by"] is not None:
        return _("Raised by %(person)s", person=reader.name(cause["by"]))
    return _(words.CAUSES[cause["kind"]])


def cause_details(escalation: Mapping[str, Any], reader: Reader) -> tuple[CauseDetail, ...]:
    """Describe every cause, in the order in which they came."""
    return tuple(_cause_detail(cause, reader) for cause in escalation["causes"])


def _cause_detail(cause: Mapping[str, Any], reader: Reader) -> CauseDetail:
    at = parse_time(cause["at"])
    has_rule = cause["kind"] in _CAUSES_OF_RULES and not _is_promise(cause)
    return CauseDetail(
        reason=cause_reason(cause, reader),
        at="" if at is None else reader.texts.time(at, reader.now),
        rule=(_finding(cause, reader) or cause["reason"] or None) if has_rule else None,
        count=cause["count"],
    )
