"""A channel is told what becomes of its contact, in order, though its receiver fails at times."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from common.contracts.assignments import ContactOffered
from common.contracts.contacts import ContactResolved
from common.contracts.escalations import EscalationAcknowledged, EscalationRaised
from stage import stories
from stage.stories import Scenario
from stage.system import Replica
from support.status_receiver import Answer, StatusReceiver
from support.waiting import until

pytestmark = pytest.mark.xdist_group("stories")

PATH = "/status-webhooks/channel:shop"
PATIENCE_S = 60


@pytest.fixture
async def second_notifier(stage: Scenario) -> AsyncIterator[None]:
    replica = Replica("notifier", 1, is_static_member=False)
    process = stage.system.launch_replica(replica)
    try:
        await process.wait_ready(PATIENCE_S)
        yield
    finally:
        await asyncio.to_thread(process.stop)
        for registry in (
            stage.system.ports,
            stage.system.operations_ports,
            stage.system.processes,
        ):
            del registry[replica.name]


@pytest.fixture
async def receiver(stage: Scenario) -> AsyncIterator[StatusReceiver]:
    """What the channel `shop` has set, once intake knows of it."""
    call = stage.actors.call
    async with StatusReceiver() as receiver:
        put = await call("shop", "notifier", "PUT", PATH, {"url": receiver.url})
        receiver.secrets.append(put["secret"])

        async def is_told() -> bool:
            spam = {
                "channel": "chat",
                "customer": {"customer_id": "spam"},
                "subject": "Win",
                "topic": "general",
            }
            contact = await call("shop", "intake", "POST", "/contacts", spam)
            path = f"/contacts/{contact['contact_id']}/discard"
            await call("shop", "intake", "POST", path, {"cause": "spam"})
            return bool(receiver.accepted)

        await until(is_told)
        yield receiver
        await call("shop", "notifier", "DELETE", PATH)


@pytest.mark.usefixtures("second_notifier")
async def test_channel_is_told_the_life_of_its_contact(
    stage: Scenario, receiver: StatusReceiver
) -> None:
    receiver.answers.extend(Answer(status) for status in (500, 204, 503, 204, 302))
    event_log, actors = stage.event_log, stage.actors
    contact_id = await stories.create_contact(stage, "shipping", "My parcel is lost", "chat")
    async with asyncio.timeout(PATIENCE_S):
        await event_log.wait_for(ContactOffered, contact_id)
        await stories.accept_offer(stage, contact_id, "chen")
        message = {"author": "customer", "text": "Let me talk to your supervisor!"}
        await actors.call("shop", "intake", "POST", f"/contacts/{contact_id}/messages", message)
        raised = await event_log.wait_for(EscalationRaised, contact_id)
        await stories.press(stage, "sara", raised, "acknowledge")
        await event_log.wait_for(EscalationAcknowledged, contact_id)
        outcome = {
            "outcome": "replacement",
            "note": "It leaves today.",
            "amount": "35.00",
            "currency": "EUR",
        }
        await stories.press(stage, "sara", raised, "resolve", outcome)
        await event_log.wait_for(ContactResolved, contact_id)
    expected = ["received", "assigned", "escalated", "acknowledged", "escalation_ended", "resolved"]
    await until(
        lambda: receiver.statuses_of(contact_id), lambda statuses: len(statuses) == len(expected)
    )
    assert receiver.statuses_of(contact_id) == expected
    data = {
        each.status: each.body["data"]
        for each in receiver.accepted
        if each.contact_id == contact_id
    }
    assert data["assigned"]["person"] == {"id": "chen", "name": "Chen Wei"}
    assert data["acknowledged"]["person"] == {"id": "sara", "name": "Sara Singh (supervisor)"}
    assert data["escalated"]["level"] == "supervisor"
