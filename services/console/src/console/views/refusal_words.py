"""Why a service refuses something: its reasons and what is wrong with fields, by their codes."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from console.texts import mark
from console.views.fallback import Write, write_sentence
from console.views.reader import Reader

Parameters = Mapping[str, Any]

# These need no parameter, or one that is shown as it is.
_REASONS: Final[Mapping[str, str]] = {
    "held-by-you": mark("You have it already."),
    "held-by-other": mark("Somebody else has it."),
    "complaint-about-you": mark("A complaint in it is about you: somebody else must decide."),
    "line-manager": mark("Somebody in your line decides this."),
    "own-request": mark("You have asked for it yourself: somebody else must decide."),
    "other-escalation-open": mark("Another escalation of this contact is open."),
    "no-snoozes-left": mark("It was snoozed %(number)s times already, and that is the most."),
    "nobody-above": mark("Nobody is on duty above %(level_name)s."),
    "change-over": mark("It is over, and the past stays as it was."),
    "change-without-effect": mark("Nobody's shift would change in that time."),
    "changes-too-many": mark("The plan has %(number)s of these. Take some back first."),
    "change-taken-back": mark("It was taken back already."),
    "requests-too-many": mark("You have asked for %(number)s changes already."),
    "shifts-changed": mark("The shifts have changed since."),
}
# Of a field.
_FIELDS: Final[Mapping[str, str]] = {
    "missing": mark("Please fill this in."),
    "string-too-short": mark("At least %(limit)s characters."),
    "string-too-long": mark("At most %(limit)s characters."),
    "too-short": mark("At least %(limit)s entries."),
    "too-long": mark("At most %(limit)s entries."),
    "greater-than": mark("More than %(limit)s."),
    "greater-than-equal": mark("At least %(limit)s."),
    "less-than": mark("Less than %(limit)s."),
    "less-than-equal": mark("At most %(limit)s."),
    "decimal-max-places": mark("At most %(limit)s digits after the point."),
    "decimal-max-digits": mark("At most %(limit)s digits."),
    "decimal-whole-digits": mark("At most %(limit)s digits before the point."),
    "int-type": mark("Please write a whole number."),
    "int-parsing": mark("Please write a whole number."),
    "int-from-float": mark("Please write a whole number."),
    "float-parsing": mark("Please write a number."),
    "decimal-parsing": mark("Please write a number."),
    "in-the-past": mark("Please choose a time to come."),
    "wrong-length": mark("It must end after it begins, within %(days)s days."),
    "hours-over-midnight": mark("%(closes)s is on the next day. Write it there, from 00:00 on."),
    "hours-not-in-order": mark("%(later)s does not come after %(earlier)s."),
    "hours-too-few": mark("It must be open for an hour a week at least."),
    "closed-too-long": mark("With these days it is closed for more than a year."),
    "period-not-in-order": mark("It must end after it begins."),
    "same-person": mark("It takes two people."),
    "currency-unknown": mark("Please write a currency with three letters, such as EUR."),
    "decimals-too-many": mark("Amounts in %(currency)s have at most %(number)s decimals."),
    "amount-missing": mark("Please write the amount and its currency."),
    "unlimited-with-amounts": mark("Choose any amount, or write amounts."),
    "threshold-without-time": mark("Say when: in percent, or before or after the end."),
    "priority-missing": mark("A new priority belongs to a change of the priority."),
    "thresholds-alike": mark("Two steps do the same at the same time."),
    "targets-alike": mark("Each promise stands there once."),
    "unknown-name": mark("%(id)s does not exist."),
    "last-level-without-person": mark("The last level must name a person."),
    "above-managers": mark("It is more than managers may grant."),
    "managers-without-limit": mark("Managers have no limit yet. An admin puts theirs first."),
    "first-step-waits": mark("One contact method must be used at once (0 minutes)."),
    "steps-out-of-order": mark("Each step must come later than the one before."),
    "medium-twice": mark("Name each contact method once."),
    "always-quiet": mark("It must not be quiet at all times: leave an hour at least."),
    "step-medium-missing": mark("You are no longer reached by %(medium)s."),
    "reserved-name": mark("This name stands for the people who run Upstairs."),
    "needed-for-contacts": mark("Representatives need it."),
}


def reason_text(document: Parameters, reader: Reader) -> str | None:
    """Say the reason of a problem document; None for one that has no words here."""
    code, of = document.get("reason_code"), document.get("parameters") or {}
    return write_sentence(code, of, _REASONS, _REASONS_WITH_VALUES, reader)


def field_text(error: Parameters, reader: Reader) -> str:
    """Say what is wrong with a field; what has no words here in those of the service."""
    code, of = error.get("code"), error.get("parameters") or {}
    said = write_sentence(code, of, _FIELDS, _FIELDS_WITH_VALUES, reader)
    return str(error["detail"]) if said is None else said


def _snooze_too_long(of: Parameters, reader: Reader) -> str:
    limit = reader.texts.duration(timedelta(seconds=of["limit_s"]))
    return reader.texts.gettext("It can be snoozed for %(duration)s at most.", duration=limit)


def _complaint_about_other(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "A complaint is about %(person)s. Choose somebody else.",
        person=reader.name(of["person_id"]),
    )


def _line_manager_of_other(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "%(person)s may not judge this complaint alone. Choose somebody else.",
        person=reader.name(of["person_id"]),
    )


def _limit_exceeded(of: Parameters, reader: Reader) -> str:
    texts = reader.texts
    said = texts.gettext(
        "%(amount)s is above your limit of %(limit)s.",
        amount=texts.amount(of["amount"], of["currency"]),
        limit=texts.amount(of["limit"], of["currency"]),
    )
    if not Decimal(of["granted"]):
        return said
    granted = texts.amount(of["granted"], of["currency"])
    before = texts.gettext("Granted before: %(amount)s.", amount=granted)
    return f"{said} {before}"


def _change_in_the_past(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "It begins in the past. Let it begin at %(time)s or later.", time=reader.time(of["now"])
    )


def _person_without_turn(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "%(person)s has no turn in that time.", person=reader.name(of["person_id"])
    )


def _person_absent(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "%(person)s is away from %(start)s to %(end)s. Choose somebody else.",
        person=reader.name(of["person_id"]),
        start=reader.time(of["start"]),
        end=reader.time(of["end"]),
    )


def _reported_to(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "Would report to nobody: %(people)s. Give them another superior first.",
        people=reader.people(of["people"]),
    )


def _cycle(of: Parameters, reader: Reader) -> str:
    way = " → ".join(reader.name(person) for person in of["people"])
    return reader.texts.gettext("Nobody would be at the top: %(people)s.", people=way)


def _stand_in_cannot_act(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "%(person)s may not act on escalations. Choose somebody else.",
        person=reader.name(of["person_id"]),
    )


def _person_unknown(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext("%(person)s is not known here.", person=of["people"][0])


def _person_has_left(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext("%(person)s has left.", person=reader.name(of["people"][0]))


def _before_start(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "That is before it begins: the whole time is %(duration)s.",
        duration=reader.texts.duration(of["target_s"]),
    )


def _rotations_with_gap(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "Each week there is a gap, first from %(start)s to %(end)s.",
        start=reader.time(of["start"]),
        end=reader.time(of["end"]),
    )


def _rotations_overlap(of: Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "It is at the same time as rotation %(number)s, first from %(start)s to %(end)s.",
        number=of["rotation"] + 1,
        start=reader.time(of["start"]),
        end=reader.time(of["end"]),
    )


_REASONS_WITH_VALUES: Final[Mapping[str, Write]] = {
    "snooze-too-long": _snooze_too_long,
    "complaint-about-other": _complaint_about_other,
    "line-manager-of-other": _line_manager_of_other,
    "limit-exceeded": _limit_exceeded,
    "change-in-the-past": _change_in_the_past,
    "person-without-turn": _person_without_turn,
    "person-absent": _person_absent,
}
_FIELDS_WITH_VALUES: Final[Mapping[str, Write]] = {
    "before-start": _before_start,
    "rotations-with-gap": _rotations_with_gap,
    "rotations-overlap": _rotations_overlap,
    "reported-to": _reported_to,
    "cycle": _cycle,
    "person-unknown": _person_unknown,
    "person-has-left": _person_has_left,
    "stand-in-cannot-act": _stand_in_cannot_act,
}
