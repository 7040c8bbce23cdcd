"""Operations are notified when escalation's timer check finds a lost timer."""

import msgspec

from common.contracts.escalations import TimerMissing
from common.core.clock import TimeSource
from common.core.ids import new_id
from integration.notifier.conftest import ServiceHarness
from support.waiting import until


def timer_missing(slot: str = "clocks") -> TimerMissing:
    now = TimeSource().utc_now()
    return msgspec.convert(
        {
            "contact_id": new_id(),
            "occurred_at": now,
            "page_id": new_id(),
            "slot": slot,
            "due_at": now,
            # Required until escalation no longer writes them.
        },
        TimerMissing,
    )


async def test_operations_are_notified_once_on_all_their_media(harness: ServiceHarness) -> None:
    await harness.add_recipient("operations")
    lost = timer_missing()
    async with harness.delivering():
        await harness.handle(lost)
        await harness.handle(lost, timer_missing("acknowledgement"))
        await until(harness.published, lambda events: len(events) == 4)
    assert (
        sorted(await harness.states())
        == [("page", "email", "sent")] * 2 + [("page", "slack", "sent")] * 2
    )
    headline = f"Timer lost and restored: clocks of contact {lost.contact_id}"
    post = next(post for post in harness.posted() if post.body["text"] == headline)
    blocks = str(post.body["blocks"])
    assert post.body["channel"] == "D-operations"
    assert "An internal timer was lost and restored." in blocks
    assert "There was no timer for what is due at" in blocks
    # Nothing was escalated that could be acknowledged.
    assert "Acknowledge" not in blocks


async def test_missing_operations_recipient_is_reported(harness: ServiceHarness) -> None:
    await harness.handle(timer_missing())
    (failed,) = await harness.published()
    assert (failed["event"], failed["person_id"]) == ("notification_failed", "operations")
    assert failed["reason"] == "no such recipient"
