"""What is wrong with the settings together, in the language of the reader."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from common.contracts.event import OPERATIONS
from console.texts import mark
from console.views.languages import language_name
from console.views.reader import Reader
from console.views.vacancies import vacancy_text
from console.views.words import title_of

TITLES: Final[Mapping[str, str]] = {
    "unknown-name": mark("A setting names what does not exist"),
    "person-missing": mark("A person is missing"),
    "no-default-ladder": mark("There is no ladder for contacts without a policy"),
    "contacts-without-policy": mark("Some contacts get no policy"),
    "policy-never-matches": mark("A policy never applies"),
    "level-finds-nobody": mark("A level asks nobody"),
    "duty-gap": mark("Nobody is on duty"),
    "duty-gap-in-some-weeks": mark("In some weeks nobody is on duty"),
    "duty-overlap-in-some-weeks": mark("In some weeks two are on duty"),
    "override-for-absent-person": mark("Somebody who is away is put on duty"),
    "nobody-stands-in": mark("Nobody can stand in for somebody who is away"),
    "no-contact-method": mark("No message reaches a person"),
    "topic-not-served": mark("Nobody takes contacts about a topic"),
}

_Parameters = Mapping[str, Any]


def problem_sentence(problem: Mapping[str, Any], reader: Reader) -> str | None:
    """Say what the problem is about; None for one that has no words here."""
    write = _SENTENCES.get(problem["code"])
    return None if write is None else write(problem["parameters"], reader)


def _unknown_name(of: _Parameters, reader: Reader) -> str:
    return reader.texts.gettext("%(name)s does not exist.", name=of["id"])


def _person_missing(of: _Parameters, reader: Reader) -> str:
    person = reader.name(of["person_id"])
    if of["has_left"]:
        return reader.texts.gettext("%(person)s has left.", person=person)
    return reader.texts.gettext("%(person)s is not known here.", person=person)


def _no_default_ladder(_of: _Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "Escalations of contacts without a policy use it. Without it they go to the people who run "
        "Upstairs."
    )


def _contacts_without_policy(_of: _Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "No policy takes all contacts: one that fits no policy has no service level."
    )


def _policy_never_matches(of: _Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "%(policy)s takes all of its contacts.", policy=title_of(of["taken_by"])
    )


def _level_finds_nobody(of: _Parameters, reader: Reader) -> str:
    sentence = reader.texts.gettext(
        "The level %(level)s would ask nobody now.", level=title_of(of["level_name"])
    )
    return " ".join((sentence, *(vacancy_text(each, reader) for each in of["vacancies"])))


def _duty_gap(of: _Parameters, reader: Reader) -> str:
    return reader.texts.gettext("From %(start)s to %(end)s.", **_period(of, reader))


def _in_some_weeks(of: _Parameters, reader: Reader) -> str:
    _ = reader.texts.gettext
    times = reader.texts.ngettext(
        "In parts of %(number)s week of the year, first from %(start)s to %(end)s.",
        "In parts of %(number)s weeks of the year, first from %(start)s to %(end)s.",
        of["weeks"],
        **_period(of, reader),
    )
    if of["other_rotation"] is None:
        return times
    first = _("Rotation %(number)s is asked first.", number=of["other_rotation"] + 1)
    return f"{times} {first}"


def warning_text(warning: Mapping[str, Any], reader: Reader) -> str:
    """Say what is unusual about a duty schedule; what has no words here in those of the service."""
    title = TITLES.get(f"{warning['code']}-in-some-weeks")
    if title is None:
        return str(warning["detail"])
    return f"{reader.texts.gettext(title)}. {_in_some_weeks(warning['parameters'], reader)}"


def _override_for_absent_person(of: _Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "%(person)s is put on duty from %(start)s to %(end)s, and is away in part of it: whose "
        "turn it is stays on duty.",
        person=reader.name(of["person_id"]),
        **_period(of, reader),
    )


def _nobody_stands_in(of: _Parameters, reader: Reader) -> str:
    return reader.texts.gettext(
        "%(person)s is away until %(end)s, and from %(start)s on those who stand in are away too: "
        "%(person)s is asked.",
        person=reader.name(of["person_id"]),
        **_period(of, reader),
    )


def _no_contact_method(of: _Parameters, reader: Reader) -> str:
    _ = reader.texts.gettext
    if of["person_id"] == OPERATIONS:
        return _(
            "The people who run Upstairs have no address: they hear of no escalation that nobody "
            "answers."
        )
    return _("%(person)s has no address.", person=reader.name(of["person_id"]))


def _topic_not_served(of: _Parameters, reader: Reader) -> str:
    _ = reader.texts.gettext
    if of["has_skill"]:
        language = language_name(of["language"], reader)
        why = _(
            "Nobody with the skill %(topic)s speaks %(language)s.",
            topic=of["topic"],
            language=language,
        )
    else:
        why = _("Nobody has the skill %(topic)s.", topic=of["topic"])
    if "contacts" not in of:
        return why
    needed = reader.texts.ngettext(
        "%(number)s open contact needs it.", "%(number)s open contacts need it.", of["contacts"]
    )
    return f"{why} {needed}"


def _period(of: _Parameters, reader: Reader) -> dict[str, str]:
    return {name: reader.time(of[name]) for name in ("start", "end")}


_SENTENCES: Final[Mapping[str, Callable[[_Parameters, Reader], str]]] = {
    "unknown-name": _unknown_name,
    "person-missing": _person_missing,
    "no-default-ladder": _no_default_ladder,
    "contacts-without-policy": _contacts_without_policy,
    "policy-never-matches": _policy_never_matches,
    "level-finds-nobody": _level_finds_nobody,
    "duty-gap": _duty_gap,
    "duty-gap-in-some-weeks": _in_some_weeks,
    "duty-overlap-in-some-weeks": _in_some_weeks,
    "override-for-absent-person": _override_for_absent_person,
    "nobody-stands-in": _nobody_stands_in,
    "no-contact-method": _no_contact_method,
    "topic-not-served": _topic_not_served,
}
