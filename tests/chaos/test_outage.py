"""What happens while a service is away is heard before it acts on what came due meanwhile."""

from datetime import datetime, timedelta
from pathlib import Path

from chaos.load import write
from chaos.world import Callers, launched
from common.core.clock import TimeSource
from devstack import Stack
from support.waiting import until


async def test_a_reply_in_time_is_heard_before_its_deadline_is_called_broken(
    stack: Stack, tmp_path: Path
) -> None:
    async with launched(stack, tmp_path) as world:
        callers, escalation = world.callers, world.system.processes["escalation"]
        contacts = {key: await _arrives(callers, key) for key in ("answered", "forgotten")}
        due = {key: (await _promise(callers, one))["due_at"] for key, one in contacts.items()}
        escalation.kill()
        await write(callers, "rita", contacts["answered"], "representative", "It is on its way.")
        answered_at = TimeSource().utc_now()
        assert answered_at < datetime.fromisoformat(due["answered"]), "too slow to try this"
        last = max(map(datetime.fromisoformat, due.values()))
        await until(TimeSource().utc_now, lambda now: now > last)
        escalation.start()
        await escalation.wait_ready(60)
        await world.settle(within=timedelta(seconds=60))
        states = {key: (await _promise(callers, one))["state"] for key, one in contacts.items()}
        verdict = await world.verdict(contacts)
    assert states == {"answered": "met", "forgotten": "breached"}
    assert not verdict.violations, str(verdict)
    assert not verdict.remarks, str(verdict)


async def _arrives(callers: Callers, key: str) -> str:
    body = {
        "channel": "chat",
        "customer": {"customer_id": key},
        "subject": "Where is my refund?",
        "topic": "urgent",
    }
    answer = await callers.call("shop", "intake", "POST", "/contacts", body, key)
    contact_id: str = answer.json()["contact_id"]
    return contact_id


async def _promise(callers: Callers, contact_id: str) -> dict[str, str]:
    """Return the clock of the first response, as soon as there is one."""

    async def look() -> list[dict[str, str]]:
        path = f"/contacts/{contact_id}/clocks"
        answer = await callers.call("sara", "escalation", "GET", path)
        clocks = answer.json()["clocks"] if answer.is_success else []
        return [one for one in clocks if one["clock"] == "first_response"]

    return (await until(look))[0]
