"""Operations are notified of an outside system that is silent, and that is heard again."""

from common.contracts.connection_pages import ConnectionPageRequested, PagedConnection
from common.contracts.event import ContactId, PageId, SystemName
from common.core.ids import new_id
from integration.notifier.conftest import ServiceHarness
from support.waiting import until


async def test_silent_connection_and_its_return_are_sent_to_operations_once(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("operations", "slack")
    now = harness.database.clock.utc_now()
    key = ContactId(new_id())
    silent, heard = (
        ConnectionPageRequested(
            contact_id=key,
            occurred_at=now,
            page_id=PageId(new_id()),
            connection=PagedConnection(
                system=SystemName("zendesk:acme"),
                silent_since=now,
                expected_every_minutes=minutes,
                heard_at=heard_at,
            ),
        )
        for minutes, heard_at in ((60, None), (None, now))
    )
    async with harness.delivering():
        await harness.handle(silent, silent)
        await until(harness.posted)
        await harness.handle(heard)
        await until(harness.posted, lambda posts: len(posts) > 1)
    first, second = (post.body["text"] for post in harness.posted())
    assert first.startswith("Nothing comes from zendesk:acme")
    assert second.startswith("zendesk:acme is heard again")
