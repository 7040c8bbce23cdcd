"""What escalation finds wrong with its own books is told to whoever runs Upstairs."""

from common.contracts.escalations import TimerMissing
from common.contracts.event import ContactId, PageId
from common.core.clock import TimeSource
from common.core.ids import new_id
from integration.notifier.conftest import Desk
from support.waiting import until


def alarm() -> TimerMissing:
    now = TimeSource().utc_now()
    return TimerMissing(
        contact_id=ContactId(new_id()),
        occurred_at=now,
        page_id=PageId(new_id()),
        slot="clock:first_response",
        due_at=now,
        headline="Timer lost: clock:first_response of contact 7",
        why="The audit found no timer for what is due.",
    )


async def test_operations_are_paged_on_all_their_media_once(desk: Desk) -> None:
    await desk.know("operations")
    lost = alarm()
    async with desk.couriers():
        await desk.tell(lost)
        await desk.tell(lost, alarm())
        await until(desk.published, lambda told: len(told) == 4)
    assert (
        sorted(await desk.states())
        == [("page", "email", "sent")] * 2 + [("page", "slack", "sent")] * 2
    )
    posted = next(one for one in desk.posted() if one.body["text"] == lost.headline)
    shown = str(posted.body["blocks"])
    assert posted.body["channel"] == "D-operations"
    assert lost.why in shown
    assert "Upstairs found a fault in its own books" in shown
    # Nothing was raised that could be acknowledged.
    assert "Acknowledge" not in shown


async def test_operations_that_nobody_has_named_cannot_be_told_and_that_is_told(
    desk: Desk,
) -> None:
    lost = alarm()
    await desk.tell(lost)
    (failed,) = await desk.published()
    assert (failed["event"], failed["person_id"]) == ("notification_failed", "operations")
    assert failed["because"] == "no such recipient"
