"""Why a level of a ladder asks nobody, or fewer people: part of events and answers."""

from typing import Literal

from common.contracts.contract import Contract
from common.contracts.event import PersonId

VacancyCode = Literal[
    "nobody-on-duty",
    "no-representative",
    "no-superior",
    "no-team",
    "team-unknown",
    "has-left",
    "absent",
    "complaint-about",
    "asked-already",
    "line-managers",
]


class Vacancy(Contract):
    """Why a level has nobody, or fewer people than its rules name.

    `people` are those who are left out, or who has no superior; `setting_id` is the duty schedule
    or the team that has nobody; `also_asked` are asked with `people`, who may not judge it alone.
    """

    code: VacancyCode
    level_name: str
    people: tuple[PersonId, ...] = ()
    setting_id: str | None = None
    also_asked: tuple[PersonId, ...] = ()
