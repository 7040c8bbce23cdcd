"""After an outage, a service handles events before the timers that came due meanwhile."""

from datetime import datetime
from pathlib import Path

from chaos.load import write_message
from chaos.system import READY_WITHIN_S, Clients, running_system
from common.core.clock import TimeSource
from devstack import Stack
from support.waiting import until

# Long enough to write the reply on a busy machine.
FIRST_RESPONSE_WITHIN_S = 30


async def test_timely_reply_during_outage_meets_its_clock(stack: Stack, tmp_path: Path) -> None:
    async with running_system(
        stack, tmp_path, first_response_s=FIRST_RESPONSE_WITHIN_S
    ) as under_test:
        clients, escalation = under_test.clients, under_test.system.processes["escalation"]
        contacts = {key: await _offer(clients, key) for key in ("answered", "forgotten")}
        due = {
            key: (await _first_response(clients, contact_id))["due_at"]
            for key, contact_id in contacts.items()
        }
        escalation.kill()
        await write_message(
            clients, "rita", contacts["answered"], "representative", "It is on its way."
        )
        answered_at = TimeSource().utc_now()
        assert answered_at < datetime.fromisoformat(due["answered"]), "too slow to test this"
        last_deadline = max(map(datetime.fromisoformat, due.values()))
        await until(
            TimeSource().utc_now,
            lambda now: now > last_deadline,
            within=2 * FIRST_RESPONSE_WITHIN_S,
        )
        escalation.start()
        await escalation.wait_ready(READY_WITHIN_S)
        await under_test.settle()
        states = {
            key: (await _first_response(clients, contact_id))["state"]
            for key, contact_id in contacts.items()
        }
        verdict = await under_test.check_invariants(contacts)
    assert states == {"answered": "met", "forgotten": "breached"}
    assert not verdict.violations, str(verdict)
    assert not verdict.remarks, str(verdict)


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


async def _first_response(clients: Clients, contact_id: str) -> dict[str, str]:
    """Return the clock of the first response, as soon as there is one."""

    async def get() -> list[dict[str, str]]:
        path = f"/contacts/{contact_id}/clocks"
        answer = await clients.call("sara", "escalation", "GET", path)
        clocks = answer.json()["clocks"] if answer.is_success else []
        return [clock for clock in clocks if clock["clock"] == "first_response"]

    return (await until(get, within=60))[0]
