"""After an outage, a service handles events before the timers that came due meanwhile."""

from datetime import datetime
from pathlib import Path

import pytest

from chaos.load import write_message
from chaos.system import (
    READY_WITHIN_S,
    Clients,
    SystemUnderTest,
    running_system,
    set_sla_policies,
)
from common.core.clock import TimeSource
from devstack import Stack
from support.waiting import until

# The reply must be written in time: on a slow machine, the test repeats with a longer target.
FIRST_RESPONSE_TARGETS_S = (15, 60, 240)


@pytest.mark.timeout(3600)
async def test_timely_reply_during_outage_meets_its_clock(stack: Stack, tmp_path: Path) -> None:
    accepted: dict[str, str] = {}
    async with running_system(stack, tmp_path) as under_test:
        clients, escalation = under_test.clients, under_test.system.processes["escalation"]
        for target_s in FIRST_RESPONSE_TARGETS_S:
            await set_sla_policies(clients, target_s)
            contacts = await _offer_two(clients, target_s)
            accepted |= contacts
            if await _reply_in_time_during_outage(under_test, contacts, target_s):
                break
        else:
            raise AssertionError("too slow to test this")
        escalation.start()
        await escalation.wait_ready(READY_WITHIN_S)
        await under_test.settle()
        states = {
            key: (await _first_response(clients, contact_id))["state"]
            for key, contact_id in contacts.items()
        }
        verdict = await under_test.check_invariants(accepted)
    answered, forgotten = contacts
    assert states == {answered: "met", forgotten: "breached"}
    assert not verdict.violations, str(verdict)
    assert not verdict.remarks, str(verdict)


async def _reply_in_time_during_outage(
    under_test: SystemUnderTest, contacts: dict[str, str], target_s: float
) -> bool:
    """Stop escalation, reply to the first contact, and wait until both deadlines have passed.

    If the reply came too late, start escalation again and return False.
    """
    clients, escalation = under_test.clients, under_test.system.processes["escalation"]
    answered, _ = contacts.values()
    due = [await _due_at(clients, contact_id) for contact_id in contacts.values()]
    escalation.kill()
    await write_message(clients, "sara", answered, "representative", "It is on its way.")
    if TimeSource().utc_now() >= min(due):
        escalation.start()
        await escalation.wait_ready(READY_WITHIN_S)
        return False
    await until(TimeSource().utc_now, lambda now: now > max(due), within=2 * target_s)
    return True


async def _offer_two(clients: Clients, target_s: float) -> dict[str, str]:
    """Return the contacts to answer and to forget, by idempotency key."""
    keys = (f"answered-{target_s}", f"forgotten-{target_s}")
    return {key: await _offer(clients, key) for key in keys}


async def _offer(clients: Clients, key: str) -> str:
    body = {
        "channel": "chat",
        "customer": {"customer_id": key},
        "subject": "Where is my refund?",
        "topic": "urgent",
    }
    answer = await clients.call("shop", "intake", "POST", "/contacts", body, key)
    contact_id: str = answer.json()["contact_id"]
    return contact_id


async def _due_at(clients: Clients, contact_id: str) -> datetime:
    return datetime.fromisoformat((await _first_response(clients, contact_id))["due_at"])


async def _first_response(clients: Clients, contact_id: str) -> dict[str, str]:
    """Return the clock of the first response, as soon as there is one."""

    async def get() -> list[dict[str, str]]:
        path = f"/contacts/{contact_id}/clocks"
        answer = await clients.call("marco", "escalation", "GET", path)
        clocks = answer.json()["clocks"] if answer.is_success else []
        return [clock for clock in clocks if clock["clock"] == "first_response"]

    return (await until(get, within=300))[0]
