"""What a row of the list tells: what it is about, why it is there now, and what may be done."""

from typing import Any

import httpx

from common.contracts.contacts import SupervisorRequested
from integration.escalation.conftest import EscalationHarness, assigned, key


async def escalate(service: EscalationHarness, api: httpx.AsyncClient) -> Any:
    received = await service.received()
    request = SupervisorRequested(
        contact_id=received.contact_id, occurred_at=received.occurred_at, quote="Your boss, please"
    )
    await service.handle_events(received, assigned(received), request)
    return await row_of(api, received.contact_id)


async def row_of(api: httpx.AsyncClient, contact_id: str, caller: str = "mia") -> Any:
    answer = await api.get(f"/v1/escalations?contact_id={contact_id}", headers=key(caller))
    (row,) = answer.json()["items"]
    return row


def allowed(row: Any) -> set[str]:
    return {each["action"] for each in row["actions"] if each["allowed"]}


async def test_row_tells_contact_step_and_actions(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    row = await escalate(service, configured)
    contact = row["contact"]
    assert (contact["team_id"], contact["customer_id"], contact["priority"]) == (
        "front",
        "c-81",
        "high",
    )
    assert contact["next_clock"]["clock"] == "first_response"
    assert (row["level_count"], row["unreached"]) == (2, [])
    assert row["latest_step"]["type"] == "upstairs.escalation_raised.v1"
    assert row["latest_step"]["data"]["cause"] == "customer_request"
    sam = await row_of(configured, row["contact_id"], "sam")
    assert {"acknowledge", "take-over", "note", "refer-up"} == allowed(sam)
    (snooze,) = (each for each in sam["actions"] if each["action"] == "snooze")
    assert (snooze["code"], snooze["detail"]) == ("wrong-state", "It is raised.")


async def test_row_tells_that_the_level_below_did_not_answer(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    row = await escalate(service, configured)
    await service.advance_time(60)
    step = (await row_of(configured, row["contact_id"]))["latest_step"]
    assert (step["type"], step["actor"]) == (
        "upstairs.escalation_climbed.v1",
        "timer:AcknowledgementDue",
    )
    assert (step["data"]["from_level"], step["data"]["waited_for"]) == (0, "acknowledgement_due")


async def test_cause_tells_what_was_promised_and_how_it_stands(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    received = await service.received()
    await service.handle_events(received)
    await service.advance_time(70)
    (cause,) = (await row_of(configured, received.contact_id))["causes"]
    assert cause["promise"] == {
        "policy": {"id": "gold", "version": 1},
        "target_s": 60,
        "state": "breached",
    }
    await service.handle_events(assigned(received))
    answer = await configured.get(
        f"/v1/escalations?contact_id={received.contact_id}&state=raised&state=closed"
    )
    (cause,) = answer.json()["items"][0]["causes"]
    assert cause["promise"]["state"] == "met", "in time, though we heard of it late"


async def test_answer_of_an_action_is_the_row_after_it(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    row = await escalate(service, configured)
    path = f"/v1/escalations/{row['escalation_id']}"
    answer = (await configured.post(f"{path}/acknowledge", headers=key("sam"))).json()
    assert answer["latest_step"]["type"] == "upstairs.escalation_acknowledged.v1"
    assert answer["latest_step"]["actor"] == "sam"
    assert {"take-over", "snooze", "resolve", "hand-back"} <= allowed(answer)
    read = await row_of(configured, row["contact_id"], "sam")
    assert answer["actions"] == read["actions"]
    assert answer["latest_step"] == read["latest_step"]


async def test_conflict_shows_who_was_faster(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    row = await escalate(service, configured)
    path = f"/v1/escalations/{row['escalation_id']}"
    await configured.post(f"{path}/acknowledge", headers=key("sam"))
    stale = {**key("kim"), "If-Match": f'"{row["version"]}"'}
    answer = await configured.post(f"{path}/take-over", headers=stale)
    assert answer.status_code == 412
    current = answer.json()["current"]
    assert (current["holder"], current["latest_step"]["actor"]) == ("sam", "sam")
    codes = {each["action"]: each["code"] for each in current["actions"]}
    assert codes["take-over"] == "held-by-other"


async def test_approver_sees_whether_the_limit_covers_it(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    for role, most in (("manager", "100.00"), ("supervisor", "10.00")):
        put = await configured.put(
            f"/v1/approval-limits/{role}", json={"limits": {"EUR": most}}, headers=key("ops")
        )
        assert put.status_code == 200, put.text
    row = await escalate(service, configured)
    path = f"/v1/escalations/{row['escalation_id']}"
    await configured.post(f"{path}/acknowledge", headers=key("sam"))
    refund = {"outcome": "refund", "note": "Sorry", "amount": "50.00", "currency": "EUR"}
    asking = await configured.post(f"{path}/resolve", json=refund, headers=key("sam"))
    assert asking.json()["state"] == "approval_asked"
    assert "approve" in allowed(await row_of(configured, row["contact_id"]))
    kim = await row_of(configured, row["contact_id"], "kim")
    assert {each["code"] for each in kim["actions"] if each["action"] == "approve"} == {
        "limit-exceeded"
    }


async def test_representative_sees_neither_step_nor_actions(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    row = await escalate(service, configured)
    shown = await row_of(configured, row["contact_id"], "rita")
    assert (shown["latest_step"], shown["actions"]) == (None, [])
