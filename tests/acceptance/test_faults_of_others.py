"""Faults that users of other helpdesks reported, tried on the whole system."""

from datetime import datetime
from typing import Any

import pytest

from stage import stories
from stage.actors import RefusedError
from stage.stories import Scenario
from support.waiting import until

pytestmark = pytest.mark.xdist_group("stories")

HOURS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
POLICY: dict[str, Any] = {
    "ladder_id": "default",
    "severity": "medium",
    "targets": [
        {"clock": "first_response", "target_s": 7200},
        {"clock": "periodic_update", "target_s": 600},
        {"clock": "resolution", "target_s": 36000},
    ],
}


async def put(stage: Scenario, path: str, body: dict[str, Any]) -> None:
    await stage.actors.call("ops", "escalation", "PUT", path, body)


async def act(stage: Scenario, contact_id: str, action: str, body: Any = None) -> None:
    await stage.actors.call(
        "shop", "intake", "POST", f"/contacts/{contact_id}/{action}", body or {}
    )


async def clocks(stage: Scenario, contact_id: str) -> dict[str, Any]:
    shown = await stage.actors.call("ops", "escalation", "GET", f"/contacts/{contact_id}/clocks")
    return {clock["clock"]: clock for clock in shown["clocks"]}


async def wait_for_state(stage: Scenario, contact_id: str, **states: str) -> dict[str, Any]:
    async def reached() -> bool:
        shown = await clocks(stage, contact_id)
        return all(shown.get(name, {}).get("state") == state for name, state in states.items())

    await until(reached, within=12)
    return await clocks(stage, contact_id)


async def make_contact(stage: Scenario, topic: str, **policy: Any) -> str:
    await put(stage, f"/sla-policies/{topic}", {**POLICY, "match": {"topic": [topic]}, **policy})
    contact_id = await stories.create_contact(stage, topic, "Help", "email")

    async def is_tracked() -> bool:
        try:
            return bool(await clocks(stage, contact_id))
        except RefusedError:
            return False

    await until(is_tracked, within=12)
    return contact_id


async def test_priority_changed_while_waiting_keeps_the_clock_paused(stage: Scenario) -> None:
    """GLPI 6902, 15605: the time of waiting was lost with the new target."""
    contact_id = await make_contact(stage, "glpi")
    urgent = {"match": {"topic": ["glpi"], "priority": ["urgent"]}}
    targets = [{"clock": "resolution", "target_s": 3600}]
    await put(stage, "/sla-policies/glpi-urgent", {**POLICY, **urgent, "targets": targets})
    await act(stage, contact_id, "wait-for-customer")
    await wait_for_state(stage, contact_id, resolution="paused")
    await act(stage, contact_id, "prioritize", {"priority": "urgent", "reason": "asked"})

    async def is_retargeted() -> bool:
        shown = await clocks(stage, contact_id)
        return bool(shown["resolution"]["policy"]["id"] == "glpi-urgent")

    await until(is_retargeted, within=12)
    assert (await clocks(stage, contact_id))["resolution"]["state"] == "paused"
    await act(stage, contact_id, "messages", {"author": "customer", "text": "Here it is"})
    await wait_for_state(stage, contact_id, resolution="running")


async def test_update_is_not_owed_before_the_first_reply(stage: Scenario) -> None:
    """Zammad 5177: a shorter update time overruled the first response."""
    contact_id = await make_contact(stage, "zammad")
    assert "periodic_update" not in await clocks(stage, contact_id)
    await act(stage, contact_id, "messages", {"author": "representative", "text": "We look at it"})
    await wait_for_state(stage, contact_id, first_response="met", periodic_update="running")


async def test_holiday_added_for_today_moves_open_clocks(stage: Scenario) -> None:
    """Zammad 534: a changed calendar did not move the escalation of open tickets."""
    await put(stage, "/calendars/shop", {"zone": "UTC", "hours": HOURS})
    contact_id = await make_contact(stage, "holiday", calendar_id="shop")
    before = (await clocks(stage, contact_id))["resolution"]["due_at"]
    today = datetime.fromisoformat(before).date().isoformat()
    closed = {"zone": "UTC", "hours": HOURS, "closed": [today]}
    await put(stage, "/calendars/shop?open_contacts=retarget", closed)

    async def has_moved() -> bool:
        return bool((await clocks(stage, contact_id))["resolution"]["due_at"] > before)

    await until(has_moved, within=12)


async def test_customer_who_writes_after_the_end_is_owed_a_reply(stage: Scenario) -> None:
    """Frappe Helpdesk 1607, Zammad 1322: resolved without a reply, then a note."""
    contact_id = await make_contact(stage, "frappe")
    await act(stage, contact_id, "resolve", {"note": "done"})
    await wait_for_state(stage, contact_id, first_response="cancelled", resolution="met")
    await act(stage, contact_id, "messages", {"author": "customer", "text": "It is not solved"})
    await wait_for_state(stage, contact_id, first_response="running", resolution="running")


async def test_withdrawn_promise_pages_nobody_further(stage: Scenario) -> None:
    """Zammad 4353: tickets that had escalated stayed so after their SLA was deactivated."""
    targets = [{"clock": "first_response", "target_s": 1}]
    contact_id = await make_contact(stage, "withdrawn", targets=targets)
    await wait_for_state(stage, contact_id, first_response="breached")
    query = f"/escalations?contact_id={contact_id}"

    async def is_raised() -> bool:
        return bool((await stage.actors.call("ops", "escalation", "GET", query))["items"])

    async def is_over() -> bool:
        return not await is_raised()

    await until(is_raised, within=12)
    await stage.actors.call(
        "ops", "escalation", "DELETE", "/sla-policies/withdrawn?open_contacts=release"
    )
    await until(is_over, within=12)


async def test_escalation_of_a_priority_that_promised_more_ends_with_it(stage: Scenario) -> None:
    """osTicket-1.7 686, Zammad 4353: overdue under one plan, alerts went on under another."""
    targets = [{"clock": "first_response", "target_s": 1}]
    patient = [{"clock": "resolution", "target_s": 7200}]
    await put(
        stage,
        "/sla-policies/lowered-low",
        {**POLICY, "match": {"topic": ["lowered"], "priority": ["low"]}, "targets": patient},
    )
    contact_id = await make_contact(stage, "lowered", targets=targets)
    query = f"/escalations?contact_id={contact_id}"

    async def open_escalations() -> list[dict[str, Any]]:
        shown = await stage.actors.call("ops", "escalation", "GET", query)
        return [each for each in shown["items"] if each["state"] == "raised"]

    async def is_raised() -> bool:
        return bool(await open_escalations())

    async def is_over() -> bool:
        return not await is_raised()

    await until(is_raised, within=12)
    await act(stage, contact_id, "prioritize", {"priority": "low", "reason": "a question only"})
    await until(is_over, within=12)
    assert (await clocks(stage, contact_id))["resolution"]["state"] == "running"
    await act(stage, contact_id, "prioritize", {"priority": "normal", "reason": "no, it is down"})
    await until(is_raised, within=12)


async def test_closing_shortly_before_the_end_is_no_free_reset(stage: Scenario) -> None:
    """Frappe Helpdesk 2050: resolved and reopened again and again, each time with the full time."""
    targets = [{"clock": "resolution", "target_s": 600}]
    contact_id = await make_contact(stage, "again", targets=targets, on_reopening="continue")
    spent = 0.0
    for _ in range(2):
        await act(stage, contact_id, "resolve", {"note": "done"})
        await wait_for_state(stage, contact_id, resolution="met")
        await act(stage, contact_id, "messages", {"author": "customer", "text": "It is not"})
        shown = await wait_for_state(stage, contact_id, resolution="running")
        assert shown["resolution"]["run"] == 1
        assert shown["resolution"]["elapsed_s"] > spent
        spent = shown["resolution"]["elapsed_s"]
