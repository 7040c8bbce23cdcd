"""Messages about one escalation are one thread, and one that Slack refuses arrives as text."""

from collections import Counter
from datetime import timedelta

import pytest

from devstack.receivers import SlackAnswer
from integration.notifier.conftest import HEADLINE, ServiceHarness, page_also, paged
from support.waiting import until


def refusal(error: str) -> SlackAnswer:
    return SlackAnswer(body={"ok": False, "error": error})


async def sent(harness: ServiceHarness, count: int) -> None:
    await until(harness.states, lambda states: [state for *_, state in states] == ["sent"] * count)


async def test_later_pages_answer_the_first_one_of_the_same_person(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    await harness.add_recipient("omar", "slack")
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page)
        await sent(harness, 1)
        await harness.handle(
            page_also(page, "dana", reason="repeated"),
            page_also(page, "dana", reason="updated"),
            page_also(page, "omar", reason="climbed"),
            paged("dana"),
        )
        await sent(harness, 5)
    first, *later = harness.posted()
    assert "thread_ts" not in first.body
    assert Counter(
        (call.body["channel"], call.body.get("thread_ts"), call.body.get("reply_broadcast"))
        for call in later
    ) == Counter(
        [
            ("D-dana", first.ts, True),
            # Without an answer to give, it is news for who follows the thread.
            ("D-dana", first.ts, False),
            ("D-dana", None, None),
            ("D-omar", None, None),
        ]
    )


@pytest.mark.parametrize("error", ["thread_not_found", "cannot_reply_to_message"])
async def test_page_arrives_though_its_thread_is_gone(harness: ServiceHarness, error: str) -> None:
    await harness.add_recipient("dana", "slack")
    page = paged("dana")
    async with harness.delivering():
        await harness.handle(page)
        await sent(harness, 1)
        harness.slack.answers.append(refusal(error))
        await harness.handle(page_also(page, "dana", reason="repeated"))
        await sent(harness, 2)
    _, refused, accepted = harness.posted()
    assert "thread_ts" in refused.body
    assert not {"thread_ts", "reply_broadcast"} & accepted.body.keys()
    assert accepted.body["blocks"] == refused.body["blocks"]


@pytest.mark.parametrize(
    "error", ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"]
)
async def test_page_whose_blocks_are_refused_arrives_as_text_with_a_link(
    harness: ServiceHarness, error: str
) -> None:
    await harness.add_recipient("dana", "slack")
    harness.slack.answers.append(refusal(error))
    async with harness.delivering():
        await harness.handle(paged("dana"))
        await sent(harness, 1)
    _, accepted = harness.posted()
    lines = accepted.body["text"].splitlines()
    assert lines[0] == f"*{HEADLINE}*"
    assert lines[-1].startswith("<http://notifier/v1/acknowledgements/")
    assert accepted.body["blocks"] == []


async def test_date_in_retry_after_is_waited_for(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "slack")
    headers = {"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}
    harness.slack.answers.append(SlackAnswer(status=429, headers=headers, body={}))
    async with harness.delivering():
        await harness.handle(paged("dana"))
        await until(harness.attempts, lambda attempts: attempts == [(1, "retry")])
        (row,) = await harness.rows("SELECT due_at - now() AS wait FROM notifications")
        assert row.wait > timedelta(minutes=50)
