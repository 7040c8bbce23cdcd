"""Who works in the simulated centre, beside the people of the sample settings.

Nobody acts for Rita, Sara and Marco: you are they. Contacts come to Rita, and Sara and Marco
are paged as their colleagues are.
"""

from collections.abc import Mapping
from typing import Any, Final

from common.http.examples import DIRECTOR, MANAGER, PEOPLE, REPRESENTATIVE, SUPERVISOR, TEAM

STOREFRONT: Final = "storefront"
OTHER_TEAM: Final = "orders"
SECOND_MANAGER: Final = "mona"
SECOND_SUPERVISOR: Final = "nadia"
THIRD_SUPERVISOR: Final = "felix"


def _representative(
    name: str, supervisor: str, team: str, topics: str, languages: str
) -> dict[str, Any]:
    return {
        "name": name,
        "roles": ["representative"],
        "reports_to": supervisor,
        "team_id": team,
        "skills": topics.split(),
        "languages": languages.split(),
    }


# Superiors first: each must be known before somebody reports to them.
LEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    SECOND_MANAGER: {"name": "Mona Marsh", "roles": ["manager"], "reports_to": DIRECTOR},
    SECOND_SUPERVISOR: {
        "name": "Nadia Novak",
        "roles": ["supervisor"],
        "reports_to": MANAGER,
        "team_id": OTHER_TEAM,
    },
    THIRD_SUPERVISOR: {
        "name": "Felix Fischer",
        "roles": ["supervisor"],
        "reports_to": MANAGER,
        "team_id": TEAM,
    },
}
REPRESENTATIVES: Final[Mapping[str, Mapping[str, Any]]] = {
    "ines": _representative("Inés Ibáñez", SUPERVISOR, TEAM, "payment account", "es en"),
    "jonas": _representative("Jonas Jung", SUPERVISOR, TEAM, "delivery warranty", "de en"),
    "amara": _representative(
        "Amara Adeyemi", SUPERVISOR, TEAM, "account warranty delivery", "fr en"
    ),
    "lena": _representative(
        "Lena Lang", SECOND_SUPERVISOR, OTHER_TEAM, "payment delivery", "de en"
    ),
    "omar": _representative(
        "Omar Osman", SECOND_SUPERVISOR, OTHER_TEAM, "delivery warranty", "fr en"
    ),
    "priya": _representative("Priya Patel", SECOND_SUPERVISOR, OTHER_TEAM, "payment account", "en"),
    "tomas": _representative(
        "Tomás Torres", SECOND_SUPERVISOR, OTHER_TEAM, "warranty account", "es en"
    ),
}
# The topics that Rita takes beside her own.
RITAS_TOPICS: Final = ("payment", "delivery")
RITA: Final = {
    **PEOPLE[REPRESENTATIVE],
    "skills": [*PEOPLE[REPRESENTATIVE]["skills"], *RITAS_TOPICS],
}
# Offered and answered; to the others contacts are assigned at once.
ASKED_FIRST: Final = ("amara", "lena", "omar", "tomas")
# The supervisors, managers and directors who are simulated.
SIMULATED_LEADERS: Final = (*LEADERS, DIRECTOR)
CENTRE_ROLES: Final[Mapping[str, str]] = {
    STOREFRONT: "channel",
    **dict.fromkeys(REPRESENTATIVES, "representative"),
    SECOND_SUPERVISOR: "supervisor",
    THIRD_SUPERVISOR: "supervisor",
    SECOND_MANAGER: "manager",
}
