"""The kinds of settings, in the order of the screen."""

from collections.abc import Mapping
from typing import Final

from console.views.settings.calendars import CALENDARS
from console.views.settings.duty import ABSENCES, SCHEDULES
from console.views.settings.kinds import Kind
from console.views.settings.ladders import LADDERS
from console.views.settings.people import LIMITS, PEOPLE, TEAMS, WORKLOADS
from console.views.settings.policies import POLICIES

KINDS: Final = (
    POLICIES,
    LADDERS,
    SCHEDULES,
    CALENDARS,
    PEOPLE,
    WORKLOADS,
    TEAMS,
    ABSENCES,
    LIMITS,
)
KIND_BY_SLUG: Final[Mapping[str, Kind]] = {kind.slug: kind for kind in KINDS}
# Services name kinds by their paths.
KIND_BY_PATH: Final[Mapping[str, Kind]] = {kind.path: kind for kind in KINDS}
