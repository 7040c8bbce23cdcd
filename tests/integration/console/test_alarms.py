"""What sounds: only what needs the person who looks, and is high or critical."""

from integration.console.harness import SAME_ORIGIN
from integration.console.live_harness import Live, next_row
from integration.console.screens_harness import Screens
from integration.escalation.conftest import POLICY


async def escalate_urgently(screens: Screens) -> str:
    policy = {**POLICY, "severity": "high"}
    answer = await screens.api.put("/v1/sla-policies/gold", json=policy)
    assert answer.is_success, answer.text
    return await screens.escalate()


async def test_urgent_escalation_is_listed_for_whom_it_needs(screens: Screens) -> None:
    screens.admit("mia")
    await screens.escalate()
    escalation_id = await escalate_urgently(screens)
    sara, mia = await screens.console.enter("sara"), await screens.console.enter("mia")
    assert (await sara.get("/alarms")).json() == {"urgent": [escalation_id]}
    assert (await mia.get("/alarms")).json() == {"urgent": []}
    await sara.post(f"/e/{escalation_id}/acknowledge", headers=SAME_ORIGIN)
    assert (await sara.get("/alarms")).json() == {"urgent": []}


async def test_row_says_for_whom_it_is_urgent_also_on_a_page_without_rows(live: Live) -> None:
    sara = await live.open("sara", "supervisor", view="alarms")
    mia = await live.open("mia", "manager", view="alarms")
    live.stream.tell(await escalate_urgently(live.screens))
    row = await next_row(sara)
    assert (row["urgent"], row["html"], row["sorts"]) == (True, "", {})
    assert not (await next_row(mia))["urgent"]
