"""Operations hear by a page that an outside system is silent, and that it is heard again."""

from datetime import timedelta

from common.contracts.contacts import ConnectionHeardAgain, ConnectionSilent
from common.contracts.event import ContactId, SystemName
from common.core.ids import new_id
from integration.escalation.conftest import EscalationHarness


async def test_operations_are_paged_about_silence_and_about_its_end(
    service: EscalationHarness,
) -> None:
    key, now = ContactId(new_id()), await service.now()
    silent_since = now - timedelta(hours=2)
    silent = ConnectionSilent(
        contact_id=key,
        occurred_at=now,
        system=SystemName("zendesk:acme"),
        silent_since=silent_since,
        expected_every_minutes=60,
    )
    heard = ConnectionHeardAgain(
        contact_id=key,
        occurred_at=now,
        system=SystemName("zendesk:acme"),
        silent_since=silent_since,
        heard_at=now,
    )
    await service.handle_events(silent)
    await service.handle_events(heard)
    rows = await service.rows(
        "SELECT data FROM published_events WHERE type LIKE '%page_requested%' ORDER BY id"
    )
    first, second = [row.data for row in rows]
    assert first["connection"]["system"] == "zendesk:acme"
    assert (first["connection"]["expected_every_minutes"], first["contact_id"]) == (60, key)
    assert second["connection"]["heard_at"] is not None
    assert second["connection"]["silent_since"] == first["connection"]["silent_since"]
    assert first["page_id"] != second["page_id"]
