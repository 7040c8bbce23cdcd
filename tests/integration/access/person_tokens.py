"""Tokens of the callers who are people."""

from collections.abc import Mapping
from typing import Final

from common.contracts.event import Role
from common.storage.known_people import record_person
from integration.access.scenario import CALLERS, Scenario
from support.people import described
from support.tokens import ISSUER

_GROUPS: Final[Mapping[Role, str]] = {role: group for group, role in ISSUER.roles.items()}


async def issue_tokens(scenario: Scenario) -> dict[str, str]:
    """Return a token of the issuer for each caller who is a person, by name."""
    people = {name: _GROUPS[role] for name, role in CALLERS.items() if role in _GROUPS}
    async with scenario.database.transaction() as uow:
        for name in people:
            await record_person(described(name), uow)
    await scenario.worker.refresh()
    return {name: scenario.issuer.issue(sub=name, groups=group) for name, group in people.items()}
