"""Clocks as the API and the command line tell them, of a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from common.contracts.contacts import (
    ContactPrioritized,
    ContactReceived,
    ContactResolved,
    CustomerWrote,
    RepresentativeReplied,
    WaitingOnCustomer,
)
from common.contracts.event import Event, MessageId
from escalation.main import cli
from integration.escalation.conftest import POLICY, Desk, assigned, key
from support.databases import Postgres

pytestmark = pytest.mark.usefixtures("configured")

Explain = Callable[..., Awaitable[Result]]
_MEDDLE = "UPDATE watches SET clocks = jsonb_set(clocks, '{0,target_s}', '5')"


def waits(contact: ContactReceived, after: float) -> Event:
    return WaitingOnCustomer(contact_id=contact.contact_id, occurred_at=later(contact, after))


def writes(contact: ContactReceived, after: float) -> Event:
    return CustomerWrote(
        contact_id=contact.contact_id,
        occurred_at=later(contact, after),
        message_id=MessageId("w"),
        excerpt="And now?",
    )


def replies(contact: ContactReceived, after: float) -> Event:
    return RepresentativeReplied(
        contact_id=contact.contact_id,
        occurred_at=later(contact, after),
        message_id=MessageId("r"),
    )


def later(contact: ContactReceived, seconds: float) -> Any:
    return contact.occurred_at + timedelta(seconds=seconds)


async def clocks(api: httpx.AsyncClient, contact: ContactReceived) -> dict[str, dict[str, Any]]:
    response = await api.get(f"/v1/contacts/{contact.contact_id}/clocks", headers=key("rita"))
    assert response.status_code == 200, response.text
    return {one["clock"]: one for one in response.json()["clocks"]}


@pytest.fixture
def explain(postgres: Postgres, database_name: str) -> Explain:
    """Call `python -m escalation explain`."""

    async def call(*words: str) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke,
            cli,
            ["explain", *words],
            env={"UPSTAIRS_DATABASE_URL": postgres.url(database_name, "escalation")},
        )

    return call


async def test_a_paused_clock_tells_since_when_why_and_how_much_is_left(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    contact = await desk.received()
    await desk.tell(contact, replies(contact, 1), waits(contact, 20))
    shown = (await clocks(api, contact))["resolution"]
    assert (shown["state"], shown["paused_because"]) == ("paused", "waiting for the customer")
    assert (shown["elapsed_s"], shown["left_business_s"], shown["left_s"]) == (20, 980, None)
    assert shown["due_at"] is None
    assert [line["what"] for line in shown["history"]][1:] == [
        "paused after 20 s: waiting for the customer"
    ]
    await desk.tell(writes(contact, 500))
    shown = (await clocks(api, contact))["resolution"]
    assert shown["state"] == "running"
    assert shown["history"][-1]["what"].startswith("resumed with 16 min 20 s left, due ")
    assert shown["history"][-1]["what"].endswith(": the customer wrote")


async def test_another_priority_is_another_promise(desk: Desk, api: httpx.AsyncClient) -> None:
    urgent = {
        "match": {"priority": ["urgent"]},
        "targets": [{"clock": "resolution", "target_s": 500}],
        "ladder_id": "default",
        "severity": "critical",
    }
    assert (await api.put("/v1/sla-policies/urgent", json=urgent)).status_code == 200
    contact = await desk.received()
    prioritized = ContactPrioritized(
        contact_id=contact.contact_id,
        occurred_at=later(contact, 100),
        priority="urgent",
        reason="a journalist asks",
    )
    await desk.tell(contact, prioritized)
    shown = await clocks(api, contact)
    assert (shown["resolution"]["target_s"], shown["resolution"]["policy"]["id"]) == (500, "urgent")
    assert shown["first_response"]["state"] == "cancelled"
    story = shown["resolution"]["history"][-1]["what"]
    assert story.startswith("retargeted from 16 min 40 s to 8 min 20 s by policy urgent v1 after")
    assert story.endswith("priority high became urgent: a journalist asks")


async def test_a_policy_may_be_changed_for_open_contacts_too(
    desk: Desk, api: httpx.AsyncClient
) -> None:
    kept, changed, closed = [await desk.received() for _ in range(3)]
    resolved = ContactResolved(contact_id=closed.contact_id, occurred_at=later(closed, 1))
    await desk.tell(kept, closed, resolved)
    shorter = {**POLICY, "targets": [{"clock": "resolution", "target_s": 700}]}
    assert (await api.put("/v1/sla-policies/gold", json=shorter)).status_code == 200
    await desk.after(0)
    assert (await clocks(api, kept))["resolution"]["policy"]["version"] == 1
    await desk.tell(changed)
    response = await api.put(
        "/v1/sla-policies/gold", params={"open_contacts": "retarget"}, json=shorter
    )
    assert response.json()["version"] == 2
    # One contact after another, some milliseconds apart.
    await desk.after(1)
    after = (await clocks(api, kept))["resolution"]
    assert (after["policy"]["version"], after["target_s"], after["run"]) == (2, 700, 1)
    assert (await clocks(api, kept))["first_response"]["state"] == "cancelled"
    assert (await desk.journal(changed.contact_id)) == ["clocks_started"]
    assert "clock_retargeted" not in await desk.journal(closed.contact_id)
    assert await desk.rows("SELECT * FROM timers WHERE type = 'PolicyChanged'") == []


async def test_what_was_heard_is_kept_as_it_came(desk: Desk) -> None:
    contact = await desk.received(campaign="recall")
    event_ids = await desk.tell(assigned(contact), contact, waits(contact, 20))
    await desk.after(2000)
    facts = await desk.rows("SELECT * FROM facts ORDER BY at")
    assert [(row.type, row.event_id) for row in facts] == [
        ("upstairs.contact_received.v1", event_ids[1]),
        ("upstairs.contact_assigned.v1", event_ids[0]),
        ("upstairs.waiting_on_customer.v1", event_ids[2]),
    ]
    assert ContactReceived.model_validate(facts[0].data) == contact


async def test_explain_recounts_a_breach_and_tells_why(desk: Desk, explain: Explain) -> None:
    contact = await desk.received()
    await desk.tell(contact, replies(contact, 1), waits(contact, 20))
    await desk.after(400)
    await desk.tell(writes(contact, 400))
    await desk.after(2000)
    result = await explain(contact.contact_id, "--clock", "resolution")
    assert result.exit_code == 0, result.output
    assert "resolution, run 1: breached" in result.output
    assert "paused after 20 s: waiting for the customer" in result.output
    assert "16 min 40 s round the clock had passed at" in result.output
    assert "What is kept is what was told." in result.output
    assert "first_response" not in result.output


async def test_explain_says_what_was_changed_behind_its_back(desk: Desk, explain: Explain) -> None:
    contact = await desk.received()
    await desk.tell(contact)
    async with desk.database.transaction() as uow:
        await uow.connection.execute(text(_MEDDLE))
    result = await explain(contact.contact_id)
    assert result.exit_code == 1
    assert "NOT AS TOLD: assignment: target_s is kept as 5.0, and was told as 60.0" in result.output


async def test_explain_knows_no_such_contact(explain: Explain) -> None:
    result = await explain("018f0000-0000-7000-8000-00000000dead")
    assert (result.exit_code, result.output) == (1, "There is no such contact.\n")
    assert (await explain("nothing")).exit_code == 2
    known = "018f0000-0000-7000-8000-00000000dead"
    assert (await explain(known, "--clock", "patience")).exit_code == 2
