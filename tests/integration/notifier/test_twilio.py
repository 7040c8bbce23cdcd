"""Text messages, calls and WhatsApp, with a Twilio that refuses what Twilio refuses."""

from typing import Any

import httpx
import pytest

from common.core.ids import new_id
from integration.notifier.conftest import (
    ServiceHarness,
    key,
    open_api,
    paged,
)
from integration.notifier.examples import only_notification, story
from integration.notifier.phone_examples import (
    DANA,
    HEADLINE,
    PROBLEM,
    REPLIES,
    event_names,
    page_dana,
    send,
    set_unsent,
    state,
)
from support.twilio import NUMBER, Twilio, post_signed
from support.waiting import until


async def test_people_have_numbers_that_telephones_can_have(phone_api: httpx.AsyncClient) -> None:
    media = [
        {"medium": "sms", "number": "+44 20 7946 0018"},
        {"medium": "voice", "number": DANA},
        {"medium": "whatsapp", "number": DANA},
    ]
    body: dict[str, Any] = {"name": "Dana", "media": media}
    saved = await phone_api.put("/v1/recipients/dana", json=body, headers=key("root"))
    assert [each["number"] for each in saved.json()["media"]] == [DANA] * 3
    taken = await phone_api.put("/v1/recipients/omar", json=body, headers=key("root"))
    assert taken.status_code == 409
    for number in ("020 7946 0018", "+44", "+442079460018123456", "call me", "+10000000000"):
        wrong = {"name": "Omar", "media": [{"medium": "sms", "number": number}]}
        refused = await phone_api.put("/v1/recipients/omar", json=wrong, headers=key("root"))
        assert refused.status_code == 422
        assert "telephone number" in refused.text or "characters" in refused.text


async def test_text_message_is_sent_and_its_delivery_is_kept(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio)
    assert (message.fields["To"], message.fields["From"]) == (DANA, NUMBER)
    assert message.fields["Body"].startswith(f"{HEADLINE}. Answer by ")
    assert message.fields["StatusCallback"].endswith("#rc=3&rp=5xx,ct,rt")
    assert await state(harness) == ("sent", None, False)
    for status in ("queued", "sent", "delivered", "delivered", "sent"):
        assert (await twilio.report(phone_api, message, status)).status_code == 204
    assert await state(harness) == ("sent", None, True)
    # A failure of what arrived is none.
    assert (
        await twilio.report(phone_api, message, "undelivered", ErrorCode="30003")
    ).status_code == 204
    assert await state(harness) == ("sent", None, True)
    assert await event_names(harness) == ["notification_sent", "notification_delivered"]
    shown = await phone_api.get("/v1/notifications", headers=key("mona"))
    assert shown.json()["items"][0]["delivered_at"] is not None


async def test_landline_fails_for_good_and_escalation_hears_it(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio)
    await twilio.report(phone_api, message, "undelivered", ErrorCode="30006")
    reason = "not delivered: a landline, or its network is away"
    assert await state(harness) == ("failed", reason, False)
    assert await event_names(harness) == ["notification_sent", "notification_failed"]
    assert await harness.attempts() == [(1, "failed")]
    # It comes again, and then the contrary comes.
    await twilio.report(phone_api, message, "undelivered", ErrorCode="30006")
    assert len(await harness.published()) == 2
    await twilio.report(phone_api, message, "delivered")
    assert await state(harness) == ("failed", reason, True)


async def test_next_method_stands_in_for_a_message_that_is_reported_lost(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "sms", "whatsapp", number=DANA)
    (message,) = await send(harness, twilio, paged(media=("sms",)))
    await twilio.report(phone_api, message, "undelivered", ErrorCode="30006")
    made = await harness.rows("SELECT medium, failover_from FROM notifications ORDER BY 1")
    assert [tuple(row) for row in made] == [("sms", None), ("whatsapp", "sms")]


@pytest.mark.parametrize("kind", ["opted_out", "landlines"])
async def test_number_that_takes_no_text_messages_fails_at_once(
    harness: ServiceHarness, twilio: Twilio, kind: str
) -> None:
    getattr(twilio, kind).add(DANA)
    await harness.add_recipient("dana", "sms", number=DANA)
    async with harness.delivering(**twilio.settings):
        await harness.handle(paged())
        await until(harness.states, lambda states: states == [("page", "sms", "failed")])
    assert twilio.requests == 1


async def test_message_that_did_not_arrive_is_sent_once_more(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    first = await page_dana(harness, twilio)
    await twilio.report(phone_api, first, "undelivered", ErrorCode="30008")
    assert await state(harness) == ("pending", None, False)
    async with harness.delivering(**twilio.settings):
        await until(lambda: len(twilio.messages), lambda count: count == 2)
    second = twilio.messages[1]
    # The failure of the first comes again: the second is on its way.
    await twilio.report(phone_api, first, "undelivered", ErrorCode="30008")
    assert await state(harness) == ("sent", None, False)
    await twilio.report(phone_api, second, "delivered")
    assert await state(harness) == ("sent", None, True)
    assert await event_names(harness) == ["notification_sent", "notification_delivered"]


async def test_delivery_of_a_message_whose_answer_was_lost_ends_its_attempts(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio)
    await set_unsent(harness, "pending")
    await twilio.report(phone_api, message, "delivered")
    assert await state(harness) == ("sent", None, True)


async def test_report_before_the_attempt_is_recorded(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio)
    await set_unsent(harness, "sending")
    early = await twilio.report(phone_api, message, "failed", ErrorCode="30006")
    assert (early.status_code, early.json()["type"]) == (503, f"{PROBLEM}attempt-under-way")
    assert (await twilio.report(phone_api, message, "delivered")).status_code == 204
    assert await state(harness) == ("sent", None, True)


async def test_message_that_arrived_while_its_answer_was_lost_is_not_sent_again(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "sms", number=DANA)
    twilio.is_silent = True
    async with harness.delivering(**twilio.settings, delivery_timeout_seconds=1):
        await harness.handle(paged())
        await until(lambda: twilio.messages)
        await twilio.report(phone_api, twilio.messages[0], "delivered")
        await until(harness.attempts, lambda attempts: (1, "unknown") in attempts)
    assert await state(harness) == ("sent", None, True)
    assert len(twilio.messages) == 1
    steps = story(await only_notification(phone_api))
    assert steps == ("queued", "sending", "sent", "delivered", "ambiguous")


async def test_callbacks_of_strangers_are_refused(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio)
    fields = {"MessageSid": message.sid, "MessageStatus": "delivered"}
    answer = {"MessageSid": "SM1", "From": DANA, "Body": "1"}
    for url, body in ((message.callback, fields), (REPLIES, answer)):
        forged = await post_signed(phone_api, url, body, token="another")
        assert (forged.status_code, forged.json()["type"]) == (401, f"{PROBLEM}signature-refused")
        assert (await phone_api.post(url, data=body)).status_code == 401
    elsewhere = f"http://notifier/v1/callbacks/twilio/statuses/{new_id()}"
    unknown = await post_signed(phone_api, elsewhere, fields)
    assert (unknown.status_code, unknown.json()["type"]) == (
        404,
        f"{PROBLEM}notification-not-found",
    )
    malformed = await post_signed(phone_api, REPLIES, {"From": DANA})
    assert (malformed.status_code, malformed.json()["type"]) == (400, f"{PROBLEM}malformed-payload")
    not_utf_8 = await phone_api.post(REPLIES, content=b"Body=\xff", headers={"Content-Type": "x/y"})
    assert not_utf_8.status_code in (400, 415)
    assert await state(harness) == ("sent", None, False)


async def test_without_a_token_every_callback_is_refused(
    harness: ServiceHarness, twilio: Twilio
) -> None:
    async with open_api(harness) as client:
        refused = await post_signed(client, REPLIES, {"MessageSid": "SM1"}, token="")
    assert refused.status_code == 401


async def test_switched_off_channel_fails_with_what_operators_set(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "whatsapp", number=DANA)
    async with harness.delivering():
        await harness.handle(paged())
        await until(harness.states, lambda states: states == [("page", "whatsapp", "failed")])
    _, reason, _ = await state(harness)
    assert reason == (
        "whatsapp is switched off: operators set UPSTAIRS_TWILIO_WHATSAPP_FROM and"
        " UPSTAIRS_TWILIO_WHATSAPP_CONTENT_SID"
    )


async def test_wrong_token_and_busy_twilio_are_tried_again(
    harness: ServiceHarness, twilio: Twilio
) -> None:
    twilio.answers += [(401, 20003, {}), (429, 20429, {"Retry-After": "0.1"}), (503, None, {})]
    message = await page_dana(harness, twilio)
    assert message.fields["To"] == DANA
    await until(harness.attempts, lambda attempts: len(attempts) == 4)
    assert [outcome for _, outcome in await harness.attempts()] == ["retry"] * 3 + ["sent"]
    details = await harness.rows("SELECT detail FROM delivery_attempts ORDER BY attempt LIMIT 1")
    assert details[0].detail == "Twilio refused: 20003, the account or its token is wrong"


async def test_text_message_is_written_by_the_template_that_is_set(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "sms", number=DANA)
    template = {"title": "{{ topic }} is late", "body": "Level: {{ level or '-' }}{{ customer }}"}
    put = await phone_api.put("/v1/templates/sms/raised/en", json=template, headers=key("mona"))
    assert put.is_success, put.text

    async def is_written_so() -> bool:
        await harness.handle(paged())
        return any(
            each.fields["Body"].startswith("billing is late. Level: supervisor Reply 1 to ")
            for each in twilio.messages
        )

    # A process reads templates some moments later.
    async with harness.delivering(**twilio.settings):
        await until(is_written_so)
    assert "http://notifier/v1/acknowledgements/" in twilio.messages[-1].fields["Body"]
