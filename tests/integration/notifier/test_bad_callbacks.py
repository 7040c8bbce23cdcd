"""What comes back from outside and is not right changes nothing, and what comes again neither."""

import httpx
import pytest

from common.contracts.notifications import Medium
from integration.notifier.bad_callbacks import TABLE, Answer, Case, Outside
from integration.notifier.conftest import ServiceHarness, paged
from integration.notifier.examples import only_notification, story
from integration.notifier.mail_reports import mail_dana, post_report
from integration.notifier.phone_examples import DANA, event_names, page_dana
from support.mail_reports import write_report
from support.twilio import Twilio
from support.waiting import until

CELLS = [
    (kind, case, answer) for kind, answers in TABLE.items() for case, answer in answers.items()
]
ACCEPTED = ("queued", "sending", "sent")


@pytest.mark.parametrize(
    ("kind", "case", "expected"), CELLS, ids=[f"{kind.__name__}-{case}" for kind, case, _ in CELLS]
)
async def test_callback_is_answered_and_the_story_says_what_it_changed(
    harness: ServiceHarness,
    twilio: Twilio,
    phone_api: httpx.AsyncClient,
    kind: type[Outside],
    case: Case,
    expected: Answer,
) -> None:
    outside = kind(harness, phone_api, twilio)
    await outside.open()
    before = await event_names(harness)
    answer = await outside.call(case)
    assert answer.status_code == expected.status, answer.text
    assert expected.text in answer.text
    assert story(await only_notification(phone_api))[-1] == expected.last
    after = await event_names(harness)
    assert len(after) - len(before) == (case == "right")
    # The same again: answered, and nothing more happens.
    again = await outside.call(case)
    assert again.status_code == expected.status, again.text
    assert await event_names(harness) == after
    assert story(await only_notification(phone_api))[-1] == expected.last


def test_table_has_each_case_of_each_kind() -> None:
    assert all(len(answers) == 4 for answers in TABLE.values())


@pytest.mark.parametrize(
    ("medium", "reports", "expected"),
    [
        # A landline, as its network says later.
        ("sms", [("undelivered", "30006")], (*ACCEPTED, "failed")),
        ("whatsapp", [("undelivered", "63024")], (*ACCEPTED, "failed")),
        ("voice", [("failed", ""), ("failed", "")], (*ACCEPTED, "failed_for_now")),
        # In any order, and twice.
        ("sms", [("undelivered", "30006"), ("delivered", "")], (*ACCEPTED, "failed", "delivered")),
        ("sms", [("delivered", ""), ("undelivered", "30006")], (*ACCEPTED, "delivered")),
        ("whatsapp", [("read", ""), ("delivered", "")], (*ACCEPTED, "delivered", "seen")),
        ("sms", [("undelivered", "30006")] * 2, (*ACCEPTED, "failed")),
        ("sms", [("sent", ""), ("no such status", ""), ("", "")], ACCEPTED),
    ],
)
async def test_story_of_a_message_that_is_reported_on_later(
    harness: ServiceHarness,
    twilio: Twilio,
    phone_api: httpx.AsyncClient,
    medium: Medium,
    reports: list[tuple[str, str]],
    expected: tuple[str, ...],
) -> None:
    message = await page_dana(harness, twilio, medium)
    for status, code in reports:
        more = {"ErrorCode": code} if code else {}
        assert (await twilio.report(phone_api, message, status, **more)).status_code == 204
    assert story(await only_notification(phone_api)) == expected


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        # A mailbox that bounces later.
        (["failed"], (*ACCEPTED, "failed")),
        (["delayed", "relayed"], ACCEPTED),
        (["delayed", "failed", "failed"], (*ACCEPTED, "failed")),
        (["delivered"], (*ACCEPTED, "delivered")),
        # In any order.
        (["failed", "delivered"], (*ACCEPTED, "failed", "delivered")),
        (["delivered", "failed"], (*ACCEPTED, "delivered")),
        (["no such action"], ACCEPTED),
    ],
)
async def test_story_of_a_mail_that_is_reported_on_later(
    harness: ServiceHarness,
    api: httpx.AsyncClient,
    actions: list[str],
    expected: tuple[str, ...],
) -> None:
    message_id = await mail_dana(harness)
    for action in actions:
        answer = await post_report(api, write_report(message_id, action))
        assert answer.status_code == 204
    assert story(await only_notification(api)) == expected


@pytest.mark.parametrize(
    ("medium", "code"), [("sms", 21614), ("voice", 13224), ("whatsapp", 63003)]
)
async def test_number_that_can_not_be_reached_fails_at_once(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient, medium: Medium, code: int
) -> None:
    await harness.add_recipient("dana", medium, number=DANA)
    twilio.answers.append((400, code, {}))
    async with harness.delivering(**twilio.settings):
        await harness.handle(paged())
        await until(harness.states, lambda states: states[0][2] == "failed")
    assert story(await only_notification(phone_api)) == ("queued", "sending", "failed")
    assert twilio.requests == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("550 no such mailbox", ("queued", "sending", "failed")),
        ("552 mailbox full for good", ("queued", "sending", "failed")),
        ("451 try again later", ("queued", "sending", "failed_for_now", "failed")),
    ],
)
async def test_story_of_a_mailbox_that_refuses(
    harness: ServiceHarness, api: httpx.AsyncClient, answer: str, expected: tuple[str, ...]
) -> None:
    harness.mail.answer = answer
    await harness.add_recipient("dana", "email")
    async with harness.delivering(delivery_attempts=1):
        await harness.handle(paged())
        await until(harness.states, lambda states: states[0][2] == "failed")
    assert story(await only_notification(api)) == expected
