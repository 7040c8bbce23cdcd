"""The SQL of which contacts are a supervisor's; `Viewer.sees_contact` says the same."""

from typing import Any, Final

from escalation.domain.settings.people import SupervisorScope

# `{0}` is the alias of tracked_contacts.
CONTACT_IS_IN_SCOPE: Final = """
    ({0}.team_id IS NULL OR {0}.team_id = ANY(CAST(:scope_teams AS text[]))
     OR {0}.representative_id = ANY(CAST(:scope_people AS text[])))
"""


def parameters_of(scope: SupervisorScope) -> dict[str, Any]:
    return {"scope_teams": sorted(scope.teams), "scope_people": sorted(scope.people)}
