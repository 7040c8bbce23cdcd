"""A notification that can't be read is put aside; all others are delivered."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.core.metrics import Metrics
from devstack import receivers
from integration.notifier.conftest import ServiceHarness, acknowledged, key, paged
from support.probe import sum_samples
from support.waiting import until

_POISON = (
    "content = '[]'",
    "content = '\"a text\"'",
    "content = content || '{\"causes\": 17}'",
    "attempts = -1, content = '{}'",
    "due_at = '1970-01-02Z', content = 'null'",
)


async def letters(harness: ServiceHarness) -> list[Any]:
    return await harness.rows("SELECT origin, reason, state FROM dead_letters ORDER BY id")


@pytest.mark.parametrize("poison", _POISON)
async def test_notification_that_cannot_be_read_delays_no_other(
    harness: ServiceHarness, poison: str
) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.handle(paged("dana"))
    await harness.execute(f"UPDATE notifications SET {poison}")
    await harness.handle(paged("dana"), paged("dana"))
    metrics = Metrics()
    async with harness.delivering(metrics):
        await until(lambda: letters(harness))
        await until(harness.states, lambda states: str(states).count("'sent'") == 2)
    states = sorted(state for *_, state in await harness.states())
    assert states == ["failed", "sent", "sent"]
    (letter,) = await letters(harness)
    failed = [event for event in await harness.published() if event["event"].endswith("_failed")]
    assert [(event["medium"], event["page_media"]) for event in failed] == [("slack", ["slack"])]
    assert letter.origin.startswith("notification/")
    assert letter.state == "waiting"
    assert "Input should be" not in letter.reason
    assert sum_samples(metrics.dead_letters) == 1


@pytest.mark.parametrize("media", ['["a newer medium"]', '"slack"', "[null]"])
async def test_notification_whose_failure_cannot_be_published_delays_no_other(
    harness: ServiceHarness, media: str
) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.handle(paged("dana"))
    await harness.execute(f"UPDATE notifications SET page_media = '{media}'")
    await harness.handle(paged("dana"))
    async with harness.delivering():
        await until(lambda: letters(harness))
        await until(harness.states, lambda states: str(states).count("'sent'") == 1)
    assert sorted(state for *_, state in await harness.states()) == ["failed", "sent"]
    assert not [event for event in await harness.published() if event["event"].endswith("_failed")]


async def test_budget_that_cannot_be_read_loses_no_event(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    async with harness.delivering():
        await harness.handle(paged("dana"))
        await until(harness.states, lambda states: str(states).count("'sent'") == 1)
        await harness.execute("UPDATE budgets SET sent_at = '17'")
        await harness.handle(paged("dana"))
        await until(lambda: letters(harness))
    (letter,) = await letters(harness)
    assert letter.origin.startswith("notification/")
    assert sorted(state for *_, state in await harness.states()) == ["failed", "sent"]


@pytest.mark.parametrize("medium", ["'no such medium'", "NULL", "'__class__'"])
async def test_notification_for_an_unknown_medium_waits_and_stops_nothing(
    harness: ServiceHarness, medium: str
) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.handle(paged("dana"))
    await harness.execute(f"UPDATE notifications SET medium = {medium}")
    await harness.handle(paged("dana"))
    async with harness.delivering():
        await until(harness.states, lambda states: str(states).count("'sent'") == 1)
    assert not await letters(harness)


async def test_state_and_time_of_no_meaning_are_refused_by_the_table(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.handle(paged("dana"))
    for poison in ("state = 'lost'", "kind = 'poem'", "due_at = '-infinity'", "due_at = NULL"):
        with pytest.raises(Exception, match="violates check constraint"):
            await harness.execute(f"UPDATE notifications SET {poison}")


async def test_reason_of_a_newer_version_stops_no_page(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    """A newer process wrote the row, and stopped before it sent the page."""
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    await harness.handle(page)
    newer = '{"code": "brand-new", "parameters": {"x": [1]}, "more": 1}'
    await harness.execute(
        f"UPDATE notifications SET reason = 'it said so', reason_data = '{newer}'"
    )
    async with harness.delivering():
        await until(harness.posted)
        await until(harness.states, lambda states: states == [("page", "slack", "sent")])
    await harness.handle(acknowledged(page, "omar"))
    listed = (await api.get("/v1/notifications", headers=key("sara"))).json()["items"]
    (shown,) = [each for each in listed if each["kind"] == "page"]
    assert (shown["reason"], shown["reason_code"]) == ("it said so", "brand-new")
    assert shown["reason_parameters"] == {"x": [1]}
    assert await harness.rows("SELECT 1 FROM dead_letters") == []


@pytest.mark.parametrize("is_recipient", [False, True], ids=["notification", "recipient"])
async def test_row_that_cannot_be_read_stops_nothing_while_a_medium_is_down(
    harness: ServiceHarness, *, is_recipient: bool
) -> None:
    for name in ("dana", "omar"):
        await harness.add_recipient(name, "slack")
    harness.slack.otherwise = receivers.server_error(503)
    down = "SELECT 1 FROM notifications WHERE delay_reason LIKE 'slack is down%'"
    async with harness.delivering():
        await harness.handle(*(paged("dana") for _ in range(5)))
        await until(lambda: harness.rows(down), lambda rows: len(rows) == 5)
        await harness.handle(paged("omar"), paged("dana"))
        await until(lambda: harness.rows(down), lambda rows: len(rows) == 7)
        if is_recipient:
            await harness.execute("UPDATE recipients SET rules = '17' WHERE person_id = 'omar'")
        poison = "" if is_recipient else ", content = '[]'"
        await harness.execute(
            f"UPDATE notifications SET delay_reason = NULL{poison} WHERE person_id = 'omar'",
        )
        query = f"{down} OR state = 'failed'"
        await until(lambda: harness.rows(query), lambda rows: len(rows) == 7)
        harness.slack.otherwise = receivers.OK
        harness.advance(timedelta(seconds=6))
        await until(harness.states, lambda states: str(states).count("'sent'") == 6)
        await until(lambda: letters(harness))
    assert sorted(state for *_, state in await harness.states()) == ["failed", *["sent"] * 6]
