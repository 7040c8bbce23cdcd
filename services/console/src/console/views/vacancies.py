"""Why a level of a ladder has nobody, or fewer people than its rules name."""

from collections.abc import Mapping
from typing import Any, Final

from common.contracts.vacancies import VacancyCode
from console.texts import mark
from console.views.reader import Reader
from console.views.words import title_of

_SENTENCES: Final[Mapping[VacancyCode, str]] = {
    "nobody-on-duty": mark("Nobody is on duty by %(setting)s."),
    "no-representative": mark("Nobody has the contact yet, so there is no superior to ask."),
    "no-superior": mark("No superior is known of %(people)s."),
    "no-team": mark("The contact has no team yet."),
    "team-unknown": mark("There is no team %(setting)s."),
    "has-left": mark("Has left: %(people)s."),
    "absent": mark("Away: %(people)s."),
    "complaint-about": mark("A complaint is about %(people)s."),
    "asked-already": mark("Asked already: %(people)s."),
    "line-managers": mark("May not judge their own representative alone: %(people)s."),
}


def vacancy_text(vacancy: Mapping[str, Any], reader: Reader) -> str:
    """Say it without the level, which stands beside it."""
    _ = reader.texts.gettext
    sentence = _(
        _SENTENCES[vacancy["code"]],
        people=reader.people(vacancy.get("people", ())),
        setting=title_of(vacancy.get("setting_id") or ""),
    )
    # An event has no field that has its default.
    if not (also := vacancy.get("also_asked")):
        return sentence
    also_asked = _("Asked with them: %(people)s.", people=reader.people(also))
    return f"{sentence} {also_asked}"


def vacancy_at_level(vacancy: Mapping[str, Any], reader: Reader) -> str:
    """Say it with the name of the level."""
    return f"{title_of(vacancy['level_name'])}: {vacancy_text(vacancy, reader)}"
