"""Each step of an escalation is mirrored at the contact, for the channel to see."""

from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationCauseAdded,
    EscalationClimbed,
    EscalationClosed,
    EscalationHandedBack,
    EscalationHandedOver,
    EscalationRaised,
    EscalationReopened,
    EscalationResolved,
    EscalationReturned,
)
from common.contracts.event import ContactId, EscalationId, Event, PersonId
from common.core.ids import new_id
from common.storage.database import Database
from intake.handlers import SUBSCRIPTIONS
from intake.store import UnitOfWork
from integration.intake.harness import accept, assign, key, published
from support.service_harness import ServiceHarness, make_dispatcher

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
CLIMBED = EscalationClimbed
SARA, OMAR, MARCO = PersonId("sara"), PersonId("omar"), PersonId("marco")
# What the events of an escalation need, besides their ids.
FIELDS: dict[str, Any] = {
    "reason": "",
    "guidance": "Call.",
    "severity": "high",
    "ladder_id": "default",
    "ladder_version": 1,
    "level": 0,
    "level_name": "manager",
    "from_level": 0,
    "to_level": 1,
    "lease_expires_at": AT,
}


async def test_channel_sees_each_step_and_the_resolution_resolves_the_contact(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = ContactId(await accept(api, text=None))
    ids: dict[str, Any] = {
        "contact_id": contact_id,
        "escalation_id": EscalationId(new_id()),
        "occurred_at": AT,
    }
    raised = EscalationRaised(
        **ids,
        cause="breach",
        reason="first response",
        severity="high",
        ladder_id="default",
        ladder_version=1,
        level=0,
        level_name="supervisor",
    )
    climbed = EscalationClimbed(
        **ids, from_level=0, to_level=1, level_name="manager", reason="no answer"
    )
    acknowledged = EscalationAcknowledged(**ids, by=MARCO, lease_expires_at=AT)
    resolved = EscalationResolved(**ids, by=MARCO, outcome="refund", note="all of it", level=1)
    states = []
    inside = ServiceHarness(database, make_dispatcher(database, SUBSCRIPTIONS))
    for event in (raised, climbed, acknowledged, resolved):
        await inside.handle_events(event)
        contact = (await api.get(f"/v1/contacts/{contact_id}")).json()
        shown = contact["escalation"]
        states.append((contact["state"], shown["state"], shown["level"], shown["by"]))
    assert states == [
        ("open", "raised", "supervisor", None),
        ("open", "raised", "manager", None),
        ("open", "acknowledged", "manager", "marco"),
        ("resolved", "resolved", "manager", "marco"),
    ]
    assert await published(database) == ["contact_received", "contact_resolved"]


@pytest.mark.parametrize(
    ("cause", "later", "shown"),
    [
        ("breach", (), "raised"),
        ("complaint", (), None),
        ("feedback", (), None),
        ("complaint", (CLIMBED,), None),
        ("complaint", ("feedback", CLIMBED), None),
        ("complaint", (EscalationClosed,), None),
        ("complaint", ("breach",), "raised"),
        ("complaint", ("breach", CLIMBED), "raised"),
        ("breach", ("complaint", CLIMBED), "raised"),
        ("complaint", (EscalationAcknowledged,), "acknowledged"),
        ("complaint", (EscalationAcknowledged, CLIMBED), "raised"),
    ],
)
async def test_representative_sees_no_escalation_that_only_a_complaint_raised(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    cause: str,
    later: tuple[Any, ...],
    shown: str | None,
) -> None:
    contact_id = await accept(api, text=None)
    await assign(database, contact_id)
    ids = {"contact_id": contact_id, "escalation_id": new_id(), "occurred_at": AT, "by": SARA}
    events: list[Event] = [msgspec.convert({**FIELDS, **ids, "cause": cause}, EscalationRaised)]
    for event in later:
        kind, added = (EscalationCauseAdded, event) if isinstance(event, str) else (event, "")
        events.append(msgspec.convert({**FIELDS, **ids, "cause": added}, kind))
    inside = ServiceHarness(database, make_dispatcher(database, SUBSCRIPTIONS))
    before = (await api.get(f"/v1/contacts/{contact_id}")).json()["changed_at"]
    await inside.handle_events(*events)
    after = (await api.get(f"/v1/contacts/{contact_id}")).json()["changed_at"]
    # Nor does the time of the change tell.
    assert (after == before) == (shown is None)
    states = {}
    for caller in ("representative", "supervisor", "channel"):
        answer = await api.get(f"/v1/contacts/{contact_id}", headers=key(caller))
        states[caller] = (answer.json()["escalation"] or {}).get("state")
    assert states["representative"] == shown
    assert states["supervisor"] == states["channel"] is not None


async def test_earlier_escalation_stays_in_view_while_a_complaint_raises_another_one(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    """For whom the complaint may be about nothing changes, until somebody acts or another asks."""
    contact_id = await accept(api, text=None)
    await assign(database, contact_id)
    inside = ServiceHarness(database, make_dispatcher(database, SUBSCRIPTIONS))

    async def handle(kind: type[Event], minute: int, **changes: Any) -> None:
        ids = {"contact_id": contact_id, "escalation_id": new_id(), "by": SARA}
        occurred_at = AT.replace(minute=minute)
        event = msgspec.convert({**FIELDS, **ids, "occurred_at": occurred_at, **changes}, kind)
        await inside.handle_events(event)

    async def show(caller: str = "representative") -> dict[str, Any]:
        answer = await api.get(f"/v1/contacts/{contact_id}", headers=key(caller))
        shown: dict[str, Any] = answer.json()
        return shown

    await handle(EscalationRaised, 0, cause="breach")
    await handle(EscalationHandedBack, 1)
    before = await show()
    assert before["escalation"]["state"] == "handed_back"
    for minute, kind in ((2, EscalationRaised), (3, EscalationClimbed), (4, EscalationClosed)):
        await handle(kind, minute, cause="complaint")
        assert await show() == before, kind
        assert (await show("supervisor"))["escalation"]["at"].startswith(f"2026-11-22T10:0{minute}")
    # Another complaint, and then another cause: shown as if that had raised it.
    await handle(EscalationRaised, 5, cause="feedback")
    assert await show() == before
    await handle(EscalationCauseAdded, 6, cause="manual")
    shown = (await show())["escalation"]
    assert (shown["state"], shown["at"]) == ("raised", "2026-11-22T10:06:00Z")


async def test_channel_sees_the_level_at_which_a_returned_or_reopened_escalation_waits(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = ContactId(await accept(api, text=None))
    ids: dict[str, Any] = {
        "contact_id": contact_id,
        "escalation_id": EscalationId(new_id()),
        "occurred_at": AT,
    }
    returned = EscalationReturned(
        **ids,
        from_person=SARA,
        level=0,
        level_name="supervisor",
        reason="the shift of sara ended",
        lateness_ms=1.5,
    )
    resolved = EscalationResolved(**ids, by=OMAR, outcome="apology", note="explained", level=1)
    reopened = EscalationReopened(
        **ids, by=OMAR, reason="angry again", severity="high", level=1, level_name="manager"
    )
    states = []
    inside = ServiceHarness(database, make_dispatcher(database, SUBSCRIPTIONS))
    for event in (
        EscalationAcknowledged(**ids, by=SARA, lease_expires_at=AT),
        returned,
        EscalationHandedOver(**ids, by=SARA, to=OMAR, context="knows the customer"),
        resolved,
        reopened,
        # The contact was resolved before, and stays resolved.
        resolved,
    ):
        await inside.handle_events(event)
        contact = (await api.get(f"/v1/contacts/{contact_id}")).json()
        shown = contact["escalation"]
        states.append((contact["state"], shown["state"], shown["level"], shown["by"]))
    assert states == [
        ("open", "acknowledged", None, "sara"),
        ("open", "raised", "supervisor", None),
        ("open", "raised", "supervisor", None),
        ("resolved", "resolved", "supervisor", "omar"),
        ("resolved", "raised", "manager", None),
        ("resolved", "resolved", "manager", "omar"),
    ]
    assert await published(database) == ["contact_received", "contact_resolved"]
