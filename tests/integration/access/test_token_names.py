"""Who acts by a token is named in what each service records, as who acts by a key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from integration.access.person_tokens import issue_tokens
from integration.access.requests import BODIES
from integration.access.scenario import Scenario
from support.databases import rows


@dataclass(frozen=True, slots=True)
class Act:
    """What the person does, and the query that finds who did it last."""

    person: str
    operation: str
    named_by: str
    name: str


_LAST_EVENT: Final = "FROM published_events ORDER BY id DESC LIMIT 1"
ACTS: Final[Mapping[str, Act]] = {
    "intake": Act(
        "rita",
        "POST /v1/contacts/{contact_id}/messages",
        f"SELECT data->>'person_id' AS name {_LAST_EVENT}",
        "rita",
    ),
    "router": Act(
        "sara",
        "POST /v1/assignments/{contact_id}/release",
        f"SELECT cause AS name {_LAST_EVENT}",
        "supervisor:sara",
    ),
    "escalation": Act(
        "sara",
        "POST /v1/escalations/{escalation_id}/acknowledge",
        "SELECT actor AS name FROM audit_trail ORDER BY at DESC, number DESC LIMIT 1",
        "sara",
    ),
    "notifier": Act(
        "sara",
        "PUT /v1/recipients/{person_id}",
        "SELECT changed_by AS name FROM recipient_changes ORDER BY changed_at DESC LIMIT 1",
        "sara",
    ),
}


async def test_service_names_the_person_of_a_token(scenario: Scenario) -> None:
    act = ACTS[scenario.service]
    tokens = await issue_tokens(scenario)
    body: Mapping[str, Any] | None = BODIES.get(act.operation)
    answer = await scenario.call(act.operation, tokens[act.person], body)
    assert answer.is_success, answer.text
    (row,) = await rows(scenario.database, act.named_by)
    assert row.name == act.name
