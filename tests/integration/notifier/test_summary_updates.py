"""In Slack a further summary changes the message of the one before, while nobody has answered."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.contracts.escalations import PageRequested
from common.core.ids import new_id
from devstack.receivers import HANGS, SlackAnswer, SlackCall, slack_error
from integration.notifier.conftest import (
    CONTACT,
    ServiceHarness,
    acknowledged,
    button,
    paged,
    pressed,
    send_as_slack,
)
from support.waiting import until

SETTINGS: dict[str, Any] = {"recipient_budget": 3, "summary_update_seconds": 300}
MINUTE = timedelta(seconds=61)


def flood(count: int, **changes: Any) -> list[PageRequested]:
    return [
        paged("dana", contact={**CONTACT, "customer_id": new_id()}, **changes) for _ in range(count)
    ]


async def count_unsent(harness: ServiceHarness) -> int:
    (row,) = await harness.rows(
        "SELECT count(*) FROM notifications WHERE state NOT IN ('sent', 'grouped', 'cancelled')"
    )
    return int(row[0])


async def settle(harness: ServiceHarness) -> None:
    await until(lambda: count_unsent(harness), lambda count: count == 0)


def summaries(harness: ServiceHarness) -> list[SlackCall]:
    return [call for call in harness.posted() if "held back" in call.body["text"]]


def shown(call: SlackCall) -> int:
    return str(call.body["blocks"]).count("'acknowledge'")


async def one_by_one(harness: ServiceHarness, pages: Sequence[PageRequested]) -> None:
    """Handle them, and let the summary that carries them be due."""
    await harness.handle(*pages)
    await until(lambda: harness.rows("SELECT 1 FROM notifications WHERE state = 'held_back'"), bool)
    harness.advance(MINUTE)
    await settle(harness)


@pytest.fixture
async def pages(harness: ServiceHarness) -> AsyncIterator[list[PageRequested]]:
    """Pages to Dana, of which three went at once and two in a summary."""
    await harness.add_recipient("dana", "slack")
    pages = flood(5)
    async with harness.delivering(**SETTINGS):
        await harness.handle(*pages)
        await settle(harness)
        assert len(harness.posted()) == 4
        yield pages


async def test_further_summary_changes_the_message_and_shows_what_is_open(
    harness: ServiceHarness, pages: list[PageRequested]
) -> None:
    summary = harness.posted()[-1]
    await one_by_one(harness, flood(2))
    (update,) = harness.posted("chat.update")
    assert (update.body["channel"], update.body["ts"]) == ("D-dana", summary.ts)
    assert update.body["text"].startswith("4 escalations need you")
    assert shown(update) == 4
    assert len(harness.posted()) == 4
    # The story of each page names the summary that carried it.
    rows = await harness.rows(
        "SELECT p.state, s.attempts, s.state FROM notifications p"
        " JOIN notifications s ON s.notification_id = p.summary_id"
    )
    assert [tuple(row) for row in rows] == [("grouped", 1, "sent")] * 4
    # Its attempt says that it was no message of its own.
    first, last = await harness.rows(
        "SELECT n.notification_id, a.detail FROM notifications n"
        " JOIN delivery_attempts a USING (notification_id)"
        " WHERE kind = 'summary' ORDER BY n.notification_id"
    )
    assert last.detail == f"ts {summary.ts}, changed_message {first.notification_id}"
    events = [each for each in await harness.published() if each["event"] == "notification_sent"]
    assert len({each["page_id"] for each in events}) == len(events) == len(pages) + 2


async def test_escalation_that_others_have_answered_leaves_the_message(
    harness: ServiceHarness, pages: list[PageRequested]
) -> None:
    rows = await harness.rows("SELECT page_id FROM notifications WHERE state = 'grouped' LIMIT 1")
    (answered,) = [page for page in pages if page.page_id == str(rows[0].page_id)]
    await harness.handle(acknowledged(answered, "omar"))
    await one_by_one(harness, flood(2))
    (update,) = [call for call in harness.posted("chat.update") if "need you" in call.body["text"]]
    assert shown(update) == 3


async def test_more_severe_page_is_sent_with_a_sound(
    harness: ServiceHarness, pages: list[PageRequested]
) -> None:
    await one_by_one(harness, flood(2, severity="critical"))
    assert harness.posted("chat.update") == []
    assert len(harness.posted()) == len(pages)
    assert "held back" in harness.posted()[-1].body["text"]


async def test_person_who_has_answered_gets_a_further_message(
    harness: ServiceHarness, api: httpx.AsyncClient, pages: list[PageRequested]
) -> None:
    token = button(harness.posted()[-1].body["blocks"], "acknowledge")["value"]
    body = pressed("U-dana", token)
    answer = await send_as_slack(api, body)
    assert answer.status_code == 200
    await one_by_one(harness, flood(2))
    assert harness.posted("chat.update") == []
    assert len(harness.posted()) == len(pages)


async def test_long_burst_has_a_sound_again(
    harness: ServiceHarness, pages: list[PageRequested]
) -> None:
    # Of each five, three are within the budget of the next minute.
    for changes in (1, 2, 3, 4):
        await one_by_one(harness, flood(5 if changes > 1 else 2))
        assert len(harness.posted("chat.update")) == changes
    assert len(summaries(harness)) == 1
    await one_by_one(harness, flood(5))
    assert len(harness.posted("chat.update")) == 4
    assert len(summaries(harness)) == 2
    assert len(pages) == 5


@pytest.mark.parametrize("error", ["message_not_found", "edit_window_closed"])
async def test_message_that_cannot_be_changed_is_sent_anew(
    harness: ServiceHarness, pages: list[PageRequested], error: str
) -> None:
    harness.slack.answer_of["chat.update"] = slack_error(error)
    await one_by_one(harness, flood(2))
    assert len(harness.posted()) == len(pages)
    assert harness.posted()[-1].body["text"].startswith("4 escalations need you")
    assert await harness.rows("SELECT 1 FROM notifications WHERE state = 'failed'") == []


@pytest.mark.parametrize("answer", [HANGS, SlackAnswer(loses_response=True)])
async def test_change_without_an_answer_is_repeated_and_then_left_alone(
    harness: ServiceHarness, pages: list[PageRequested], answer: SlackAnswer
) -> None:
    harness.slack.answer_of["chat.update"] = answer
    await harness.handle(*flood(2))
    await until(lambda: count_unsent(harness), lambda count: count == 3)
    harness.advance(MINUTE)
    await until(lambda: harness.posted("chat.update"), bool)
    harness.slack.answer_of.clear()
    await settle(harness)
    updates = harness.posted("chat.update")
    assert len({call.body["ts"] for call in updates}) == 1
    before = len(updates)
    # The call without an answer may still arrive: nothing else changes this message.
    await one_by_one(harness, flood(5))
    assert len(harness.posted("chat.update")) == before
    assert len(summaries(harness)) == 2
    assert len(pages) == 5


async def test_earlier_page_that_cannot_be_read_is_no_reason_not_to_notify(
    harness: ServiceHarness, pages: list[PageRequested]
) -> None:
    await harness.execute(
        "UPDATE notifications SET content = jsonb_set(content, '{causes}', '5')"
        " WHERE state = 'grouped'"
    )
    await one_by_one(harness, flood(2))
    assert harness.posted("chat.update") == []
    assert len(harness.posted()) == len(pages)
