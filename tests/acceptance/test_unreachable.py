"""A level whose people no message reaches costs no time: the next one is asked at once."""

import asyncio
from typing import Any

import pytest

from common.contracts.contacts import ContactReceived
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationPageFailed,
    PageRequested,
)
from common.contracts.notifications import NotificationFailed
from stage import stories
from stage.stories import Scenario

pytestmark = pytest.mark.xdist_group("stories")

# Far longer than the story waits.
LEVEL_S = 3600
PATIENCE_S = 20


def level(name: str, person: str) -> dict[str, Any]:
    who = [{"kind": "person", "person_id": person}]
    return {"name": name, "acknowledge_within_s": LEVEL_S, "who": who}


async def test_page_that_reaches_nobody_goes_on_to_the_next_level_at_once(stage: Scenario) -> None:
    """Vera is known, but has no contact method: Sara is paged, and operations hear why."""
    actors, event_log = stage.actors, stage.event_log
    await actors.call("ops", "escalation", "PUT", "/people/vera", {"role": "supervisor"})
    ladder = {
        "lease_s": 60,
        "working_lease_s": 60,
        "levels": [level("first", "vera"), level("second", "sara")],
    }
    await actors.call("ops", "escalation", "PUT", "/ladders/unreachable", ladder)
    policy = {
        "match": {"topic": ["warranty"]},
        "ladder_id": "unreachable",
        "severity": "medium",
        "targets": [{"clock": "resolution", "target_s": LEVEL_S}],
    }
    await actors.call("ops", "escalation", "PUT", "/sla-policies/warranty", policy)
    contact_id = await stories.create_contact(stage, "warranty", "It broke again", "email")
    received = await event_log.wait_for(ContactReceived, contact_id)
    message = {"author": "customer", "text": "Let me talk to your supervisor!"}
    await actors.call("shop", "intake", "POST", f"/contacts/{contact_id}/messages", message)
    async with asyncio.timeout(PATIENCE_S):
        failed = await event_log.wait_for(NotificationFailed, contact_id)
        climbed = await event_log.wait_for(EscalationClimbed, contact_id)
        await stories.wait_for_page(stage, contact_id, "sara", "climbed")
    assert (failed.person_id, failed.reason) == ("vera", "no such recipient")
    assert (climbed.level_name, climbed.reason) == (
        "second",
        "vera not reached (no such recipient)",
    )
    assert (climbed.occurred_at - received.occurred_at).total_seconds() < PATIENCE_S
    operations = await event_log.wait_for(
        PageRequested, contact_id, lambda page: page.person_id == "operations"
    )
    assert (operations.reason, operations.explanation) == ("unreachable", climbed.reason)
    await stories.wait_until_sent(stage, operations, "email")
    path = f"/escalations/{climbed.escalation_id}"
    trail = await actors.call("sara", "escalation", "GET", f"{path}/audit-trail")
    (entry,) = (row for row in trail["entries"] if row["action"] == "escalation page failed")
    assert entry["reason"] == "no such recipient"
    assert event_log.find_all(EscalationPageFailed, contact_id)[0].person_id == "vera"
    await actors.call("sara", "escalation", "POST", f"{path}/acknowledge")
    acknowledged = await event_log.wait_for(EscalationAcknowledged, contact_id)
    assert acknowledged.by == "sara"
