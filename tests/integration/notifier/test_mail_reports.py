"""A mailbox that bounces later: another method stands in, and what is no bounce changes nothing."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.core.ids import new_id
from integration.notifier.conftest import ServiceHarness, key, paged
from integration.notifier.mail_reports import (
    REPORTS,
    mail_dana,
    post_report,
)
from support.mail_reports import write_report
from support.waiting import until

MESSAGES = "SELECT medium, state, reason, failover_from FROM notifications ORDER BY notification_id"
REPLY = """\
From: Dana <dana@example.com>
To: upstairs@example.com
Subject: {subject}
In-Reply-To: {message_id}
References: {message_id}
{more}

I am away until Monday.
"""
READ = """\
From: Dana <dana@example.com>
In-Reply-To: {message_id}
Content-Type: multipart/report; report-type=disposition-notification; boundary=b

--b
Content-Type: message/disposition-notification

Final-Recipient: rfc822; dana@example.com
Original-Message-ID: {message_id}
Disposition: manual-action/MDN-sent-manually; displayed

--b--
"""


async def messages(harness: ServiceHarness) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await harness.rows(MESSAGES)]


async def test_next_method_stands_in_for_a_mail_that_bounces(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    message_id = await mail_dana(harness, "slack")
    assert (await post_report(api, write_report(message_id))).status_code == 204
    # Without the address, which more people would read than know it.
    reason = "not delivered: 550 5.1.1 <the address>: no such mailbox"
    expected = [("email", "failed", reason, None), ("slack", "pending", None, "email")]
    assert await messages(harness) == expected
    (failed,) = [
        each for each in await harness.published() if each["event"] == "notification_failed"
    ]
    assert failed["page_media"] == ["email", "slack"]
    # The same again adds no second one.
    assert (await post_report(api, write_report(message_id))).status_code == 204
    assert await messages(harness) == expected


@pytest.mark.parametrize(
    "write",
    [
        lambda message_id: REPLY.format(message_id=message_id, subject="Re: Billing", more="X: 1"),
        lambda message_id: REPLY.format(
            message_id=message_id, subject="Absent", more="Auto-Submitted: auto-replied"
        ),
        lambda message_id: READ.format(message_id=message_id),
        # The right notification, but we have never named a mail so.
        lambda message_id: write_report(message_id.replace("@", "@mail.")),
        lambda message_id: write_report(message_id.replace("@", "@mail."), "delivered"),
        lambda _: write_report("<an.id.of@another.example>"),
    ],
    ids=[
        "reply",
        "absence note",
        "receipt of a reader",
        "other domain",
        "delivered there",
        "other mail",
    ],
)
async def test_mail_that_reports_nothing_about_ours_changes_nothing(
    harness: ServiceHarness, api: httpx.AsyncClient, write: Any
) -> None:
    message_id = await mail_dana(harness)
    answer = await post_report(api, write(message_id))
    assert answer.status_code == 204, answer.text
    assert await messages(harness) == [("email", "sent", None, None)]
    assert not await harness.rows("SELECT 1 FROM notifications WHERE delivered_at IS NOT NULL")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff\xfe",
        b"no headers at all\n",
        write_report(f"<{new_id()}@localhost>").replace("Action", "Axtion").encode(),
        b"A: b\n" + b"Content-Type: multipart/mixed\n\n" * 60,
    ],
)
async def test_body_that_is_no_mail_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    answer = await post_report(api, body)
    assert (answer.status_code, answer.json()["type"]) == (
        400,
        "urn:upstairs:problem:malformed-payload",
    )


async def test_other_media_types_are_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post(REPORTS, json={"event": "bounce"}, headers=key("shop"))
    assert answer.status_code == 415
    assert answer.headers["Accept"] == "message/rfc822"


async def test_report_in_another_charset_counts(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    message_id = await mail_dana(harness)
    report = write_report(message_id).replace("no such", "unbekannter Empf\u00e4nger:")
    assert (await post_report(api, report.encode("latin-1"))).status_code == 204
    ((_, state, reason, _),) = await messages(harness)
    assert (state, reason) == (
        "failed",
        "not delivered: 550 5.1.1 <the address>: unbekannter Empf\ufffdnger: mailbox",
    )


async def test_bounce_that_comes_while_the_mail_is_sent_is_asked_for_again(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    message_id = await mail_dana(harness)
    sending = "UPDATE notifications SET state = 'sending', due_at = requested_at, receipt = NULL"
    await harness.execute(sending)
    answer = await post_report(api, write_report(message_id))
    assert (answer.status_code, answer.json()["type"]) == (
        503,
        "urn:upstairs:problem:attempt-under-way",
    )
    # That it arrived ends the attempts.
    assert (await post_report(api, write_report(message_id, "delivered"))).status_code == 204
    assert (await messages(harness))[0][1] == "sent"


@pytest.mark.parametrize("action", ["failed", "delivered"])
async def test_report_about_a_summary_counts_for_its_pages(
    harness: ServiceHarness, api: httpx.AsyncClient, action: str
) -> None:
    await harness.add_recipient("dana", "email", "slack")
    async with harness.delivering(recipient_budget=1, budget_window_seconds=60):
        await harness.handle(*(paged(media=["email"]) for _ in range(3)))
        await until(lambda: len(harness.mail.messages), lambda count: count == 2)
        grouped = "SELECT 1 FROM notifications WHERE state = 'grouped'"
        await until(lambda: harness.rows(grouped), lambda rows: len(rows) == 2)
    harness.advance(timedelta(minutes=5))
    message_id = str(harness.mail.messages[1]["Message-ID"])
    assert (await post_report(api, write_report(message_id, action))).status_code == 204
    carried = await harness.rows(
        "SELECT state, reason, delivered_at FROM notifications"
        " WHERE kind = 'page' AND summary_id IS NOT NULL"
    )
    assert len(carried) == 2
    if action == "delivered":
        assert all(row.state == "grouped" and row.delivered_at for row in carried)
        return
    assert all(row.state == "failed" for row in carried)
    assert all(row.reason.startswith("in a summary: not delivered: 550") for row in carried)
    stand_ins = "SELECT 1 FROM notifications WHERE medium = 'slack' AND failover_from = 'email'"
    assert len(await harness.rows(stand_ins)) == 2
