"""Text messages, calls and WhatsApp, with a Twilio that refuses what Twilio refuses."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from defusedxml.ElementTree import fromstring
from msgspec.structs import replace

from common.contracts.escalations import PageRequested
from common.contracts.event import NotificationId, PersonId
from common.contracts.notifications import Medium
from common.core.ids import new_id
from integration.notifier.conftest import (
    ServiceHarness,
    acknowledged,
    key,
    open_api,
    page_also,
    paged,
)
from notifier.domain.notifications import State
from notifier.domain.recipients import Address, Recipient
from support.twilio import NUMBER, TEMPLATE, Created, Twilio, post_signed
from support.waiting import until

DANA = "+442079460018"
OMAR = "+442079460019"
HEADLINE = "Billing chat from a customer: first response 2 h overdue"
PROBLEM = "urn:upstairs:problem:"
REPLIES = "http://notifier/v1/callbacks/twilio/messages"


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    async with Twilio() as twilio:
        yield twilio


@pytest.fixture
async def api(harness: ServiceHarness, twilio: Twilio) -> AsyncIterator[httpx.AsyncClient]:
    async with open_api(harness, **twilio.settings) as client:
        yield client


async def add(harness: ServiceHarness, name: str, number: str, *media: Medium) -> None:
    addresses = tuple(Address(medium, {"number": number}) for medium in media)
    async with harness.database.transaction() as uow:
        await uow.recipients.save(Recipient(PersonId(name), name.capitalize(), addresses))


async def send(harness: ServiceHarness, twilio: Twilio, *pages: PageRequested) -> list[Created]:
    """Send pages, each on one medium, in their order; return the messages and calls."""
    before = [*twilio.messages, *twilio.calls]
    async with harness.delivering(**twilio.settings):
        for count, page in enumerate(pages, len(before) + 1):
            await harness.handle(page)
            await until(lambda: len(twilio.messages + twilio.calls), count.__le__)
    return [each for each in (*twilio.messages, *twilio.calls) if each not in before]


async def page_dana(harness: ServiceHarness, twilio: Twilio, medium: Medium = "sms") -> Created:
    await add(harness, "dana", DANA, medium)
    (created,) = await send(harness, twilio, paged())
    return created


async def state(harness: ServiceHarness) -> tuple[str, str | None, bool]:
    (row,) = await harness.rows("SELECT state, reason, delivered_at FROM notifications")
    return row.state, row.reason, row.delivered_at is not None


async def set_unsent(harness: ServiceHarness, new_state: State) -> None:
    """Let Twilio's answer not be recorded yet."""
    (row,) = await harness.rows("SELECT notification_id FROM notifications")
    async with harness.database.transaction() as uow:
        sent = await uow.notifications.lock(NotificationId(str(row.notification_id)))
        assert sent
        due_at = uow.now + timedelta(hours=1)
        uow.notifications.put(
            replace(sent, state=new_state, receipt=None, sent_at=None, due_at=due_at)
        )


async def event_names(harness: ServiceHarness) -> list[str]:
    return [event["event"] for event in await harness.published()]


async def reply(
    api: httpx.AsyncClient, text: str, sender: str = DANA, **more: str
) -> httpx.Response:
    fields = {"MessageSid": f"SM{new_id()}", "From": sender, "To": NUMBER, "Body": text, **more}
    return await post_signed(api, REPLIES, fields)


def said(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/xml")
    return " ".join(each.text for each in fromstring(response.text).iter() if each.text)


async def test_people_have_numbers_that_telephones_can_have(api: httpx.AsyncClient) -> None:
    media = [
        {"medium": "sms", "number": "+44 20 7946 0018"},
        {"medium": "voice", "number": DANA},
        {"medium": "whatsapp", "number": DANA},
    ]
    body: dict[str, Any] = {"name": "Dana", "media": media}
    saved = await api.put("/v1/recipients/dana", json=body, headers=key("root"))
    assert [each["number"] for each in saved.json()["media"]] == [DANA] * 3
    taken = await api.put("/v1/recipients/omar", json=body, headers=key("root"))
    assert taken.status_code == 409
    for number in ("020 7946 0018", "+44", "+442079460018123456", "call me", "+10000000000"):
        wrong = {"name": "Omar", "media": [{"medium": "sms", "number": number}]}
        refused = await api.put("/v1/recipients/omar", json=wrong, headers=key("root"))
        assert refused.status_code == 422
        assert "telephone number" in refused.text or "characters" in refused.text


async def test_text_message_is_sent_and_its_delivery_is_kept(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio)
    assert (message.fields["To"], message.fields["From"]) == (DANA, NUMBER)
    assert message.fields["Body"].startswith(f"{HEADLINE}. Answer by ")
    assert message.fields["StatusCallback"].endswith("#rc=3&rp=5xx,ct,rt")
    assert await state(harness) == ("sent", None, False)
    for status in ("queued", "sent", "delivered", "delivered", "sent"):
        assert (await twilio.report(api, message, status)).status_code == 204
    assert await state(harness) == ("sent", None, True)
    # A failure of what arrived is none.
    assert (await twilio.report(api, message, "undelivered", ErrorCode="30003")).status_code == 204
    assert await state(harness) == ("sent", None, True)
    assert await event_names(harness) == ["notification_sent", "notification_delivered"]
    shown = await api.get("/v1/notifications", headers=key("mona"))
    assert shown.json()["items"][0]["delivered_at"] is not None


async def test_landline_fails_for_good_and_escalation_hears_it(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio)
    await twilio.report(api, message, "undelivered", ErrorCode="30006")
    reason = "not delivered: a landline, or its network is away"
    assert await state(harness) == ("failed", reason, False)
    assert await event_names(harness) == ["notification_sent", "notification_failed"]
    assert await harness.attempts() == [(1, "failed")]
    # It comes again, and then the contrary comes.
    await twilio.report(api, message, "undelivered", ErrorCode="30006")
    assert len(await harness.published()) == 2
    await twilio.report(api, message, "delivered")
    assert await state(harness) == ("failed", reason, True)


@pytest.mark.parametrize("kind", ["opted_out", "landlines"])
async def test_number_that_takes_no_text_messages_fails_at_once(
    harness: ServiceHarness, twilio: Twilio, kind: str
) -> None:
    getattr(twilio, kind).add(DANA)
    await add(harness, "dana", DANA, "sms")
    async with harness.delivering(**twilio.settings):
        await harness.handle(paged())
        await until(harness.states, lambda states: states == [("page", "sms", "failed")])
    assert twilio.requests == 1


async def test_message_that_did_not_arrive_is_sent_once_more(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    first = await page_dana(harness, twilio)
    await twilio.report(api, first, "undelivered", ErrorCode="30008")
    assert await state(harness) == ("pending", None, False)
    async with harness.delivering(**twilio.settings):
        await until(lambda: len(twilio.messages), lambda count: count == 2)
    second = twilio.messages[1]
    # The failure of the first comes again: the second is on its way.
    await twilio.report(api, first, "undelivered", ErrorCode="30008")
    assert await state(harness) == ("sent", None, False)
    await twilio.report(api, second, "delivered")
    assert await state(harness) == ("sent", None, True)
    assert await event_names(harness) == ["notification_sent", "notification_delivered"]


async def test_delivery_of_a_message_whose_answer_was_lost_ends_its_attempts(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio)
    await set_unsent(harness, "pending")
    await twilio.report(api, message, "delivered")
    assert await state(harness) == ("sent", None, True)


async def test_report_before_the_attempt_is_recorded(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio)
    await set_unsent(harness, "sending")
    early = await twilio.report(api, message, "failed", ErrorCode="30006")
    assert (early.status_code, early.json()["type"]) == (503, f"{PROBLEM}attempt-under-way")
    assert (await twilio.report(api, message, "delivered")).status_code == 204
    assert await state(harness) == ("sending", None, True)


async def test_callbacks_of_strangers_are_refused(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio)
    fields = {"MessageSid": message.sid, "MessageStatus": "delivered"}
    answer = {"MessageSid": "SM1", "From": DANA, "Body": "1"}
    for url, body in ((message.callback, fields), (REPLIES, answer)):
        forged = await post_signed(api, url, body, token="another")
        assert (forged.status_code, forged.json()["type"]) == (401, f"{PROBLEM}signature-refused")
        assert (await api.post(url, data=body)).status_code == 401
    elsewhere = f"http://notifier/v1/callbacks/twilio/statuses/{new_id()}"
    unknown = await post_signed(api, elsewhere, fields)
    assert (unknown.status_code, unknown.json()["type"]) == (
        404,
        f"{PROBLEM}notification-not-found",
    )
    malformed = await post_signed(api, REPLIES, {"From": DANA})
    assert (malformed.status_code, malformed.json()["type"]) == (400, f"{PROBLEM}malformed-payload")
    not_utf_8 = await api.post(REPLIES, content=b"Body=\xff", headers={"Content-Type": "x/y"})
    assert not_utf_8.status_code in (400, 415)
    assert await state(harness) == ("sent", None, False)


async def test_without_a_token_every_callback_is_refused(
    harness: ServiceHarness, twilio: Twilio
) -> None:
    async with open_api(harness) as client:
        refused = await post_signed(client, REPLIES, {"MessageSid": "SM1"}, token="")
    assert refused.status_code == 401


async def test_switched_off_channel_fails_with_what_operators_set(harness: ServiceHarness) -> None:
    await add(harness, "dana", DANA, "whatsapp")
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


@pytest.mark.parametrize(
    ("text", "action", "answer"),
    [
        ("1", "acknowledge", f"Acknowledged: {HEADLINE}"),
        (" 2\n", "take_over", f"Taken over: {HEADLINE}"),
    ],
)
async def test_reply_answers_the_newest_message_that_asks(
    harness: ServiceHarness,
    twilio: Twilio,
    api: httpx.AsyncClient,
    text: str,
    action: str,
    answer: str,
) -> None:
    await add(harness, "dana", DANA, "sms")
    older, newer, informing = paged(), paged(), paged(reason="warning")
    await send(harness, twilio, older, newer, informing)
    assert said(await reply(api, text)) == answer
    (acted,) = [each for each in await harness.published() if each["event"].endswith("acted_on")]
    assert acted["escalation_id"] == newer.escalation_id
    assert (acted["person_id"], acted["action"], acted["medium"]) == ("dana", action, "sms")


async def test_reply_that_comes_again_answers_nothing_newer(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    await page_dana(harness, twilio)
    assert said(await reply(api, "1", MessageSid="SM7")) == f"Acknowledged: {HEADLINE}"
    await send(harness, twilio, paged())
    assert said(await reply(api, "1", MessageSid="SM7")) == ""
    assert (await event_names(harness)).count("notification_acted_on") == 1


async def test_reply_after_anothers_answer_says_who_has_it(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    page = paged()
    await add(harness, "dana", DANA, "sms")
    await add(harness, "omar", OMAR, "sms")
    await send(harness, twilio, page, page_also(page, "omar"))
    await harness.handle(acknowledged(page, "omar"))
    late = said(await reply(api, "1"))
    assert late == "Acknowledged by omar. The escalation no longer waits for an answer."


async def test_strangers_are_told_nothing_and_machines_little(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    await page_dana(harness, twilio)
    assert said(await reply(api, "1", sender=OMAR)) == ""
    assert said(await reply(api, "1", sender=f"whatsapp:{DANA}")) == ""
    hint = said(await reply(api, "I am driving"))
    assert hint == "Not understood. Reply 1 to acknowledge, 2 to take over."
    assert said(await reply(api, "I am driving")) == ""
    harness.advance(timedelta(hours=1, minutes=1))
    assert said(await reply(api, "ok")) == hint
    assert "notification_acted_on" not in await event_names(harness)
    harness.advance(timedelta(hours=24))
    assert "nothing to acknowledge" in said(await reply(api, "1"))


async def test_owner_of_a_new_number_answers_nothing_that_went_to_the_old_one(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    await page_dana(harness, twilio)
    await add(harness, "dana", OMAR, "sms")
    assert "nothing to acknowledge" in said(await reply(api, "1", sender=OMAR))
    assert said(await reply(api, "1", sender=DANA)) == ""
    assert "notification_acted_on" not in await event_names(harness)


async def test_call_is_acknowledged_by_a_key(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    call = await page_dana(harness, twilio, "voice")
    assert call.fields["MachineDetection"] == "Enable"
    gather, _ = fromstring(call.fields["Twiml"])
    assert [each.tag for each in gather] == ["Say", "Pause", "Say"]
    assert str(gather[0].text).startswith(f"This is Upstairs. {HEADLINE}. Answer by ")
    pressed = {"CallSid": call.sid, "From": NUMBER, "To": DANA, "Digits": "9"}
    again = await post_signed(api, call.keys_url, pressed)
    assert said(again).startswith("This key does nothing.")
    (gather, _) = fromstring(again.text)
    assert gather.attrib["action"] == call.keys_url
    one = {**pressed, "Digits": "1"}
    assert (await post_signed(api, call.keys_url, one, token="x")).status_code == 401
    # The call was forwarded to somebody else, or the link was changed.
    other = await post_signed(api, call.keys_url, {**one, "To": OMAR})
    assert "not asked" in said(other)
    assert "not made by Upstairs" in said(await post_signed(api, f"{call.keys_url}x", one))
    for _ in range(2):
        assert said(await post_signed(api, call.keys_url, one)) == f"Acknowledged: {HEADLINE}"
    assert (await event_names(harness)).count("notification_acted_on") == 1
    await twilio.report(api, call, "completed", AnsweredBy="human")
    assert await state(harness) == ("sent", None, True)


@pytest.mark.parametrize(
    ("status", "more", "reason"),
    [
        ("busy", {}, "call not answered: busy"),
        ("no-answer", {}, "call not answered: no-answer"),
        ("failed", {}, "call not answered: failed"),
        ("completed", {"AnsweredBy": "machine_start"}, "call answered by a machine"),
    ],
)
async def test_who_does_not_answer_is_called_three_times(
    harness: ServiceHarness,
    twilio: Twilio,
    api: httpx.AsyncClient,
    status: str,
    more: dict[str, str],
    reason: str,
) -> None:
    call = await page_dana(harness, twilio, "voice")
    for calls in (2, 3):
        await twilio.report(api, call, status, **more)
        assert await state(harness) == ("pending", None, False)
        harness.advance(timedelta(seconds=61))
        async with harness.delivering(**twilio.settings):
            await until(lambda: len(twilio.calls), lambda count, calls=calls: count == calls)
        call = twilio.calls[-1]
    await twilio.report(api, call, status, **more)
    assert await state(harness) == ("failed", reason, False)
    assert await harness.attempts() == [(1, "retry"), (2, "retry"), (3, "failed")]


async def test_whatsapp_gets_a_template_and_its_buttons_answer(
    harness: ServiceHarness, twilio: Twilio, api: httpx.AsyncClient
) -> None:
    message = await page_dana(harness, twilio, "whatsapp")
    assert (message.fields["To"], message.fields["From"]) == (
        f"whatsapp:{DANA}",
        f"whatsapp:{NUMBER}",
    )
    assert message.fields["ContentSid"] == TEMPLATE
    variables = orjson.loads(message.fields["ContentVariables"])
    assert variables["1"] == HEADLINE
    assert variables["2"].startswith("Answer by ")
    assert variables["3"].startswith("http://notifier/v1/acknowledgements/")
    await twilio.report(api, message, "read")
    assert await event_names(harness) == [
        "notification_sent",
        "notification_delivered",
        "notification_seen",
    ]
    pressed = await reply(api, "Acknowledge", sender=f"whatsapp:{DANA}", ButtonPayload="1")
    assert said(pressed) == f"Acknowledged: {HEADLINE}"


async def test_customer_is_named_only_if_operators_say_so(
    harness: ServiceHarness, twilio: Twilio
) -> None:
    await add(harness, "dana", DANA, "sms")
    settings = {**twilio.settings, "twilio_customer_names": True}
    async with harness.delivering(**settings):
        await harness.handle(paged())
        await until(lambda: twilio.messages)
    assert twilio.messages[0].fields["Body"].startswith('Billing chat from "Ada": ')
