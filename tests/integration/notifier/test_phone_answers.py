"""Replies to text messages and in WhatsApp, and keys in calls."""

from datetime import timedelta

import httpx
import orjson
import pytest
from defusedxml.ElementTree import fromstring

from integration.notifier.conftest import (
    ServiceHarness,
    acknowledged,
    page_also,
    paged,
)
from integration.notifier.phone_examples import (
    DANA,
    HEADLINE,
    OMAR,
    event_names,
    page_dana,
    reply,
    said,
    send,
    state,
)
from notifier.use_cases import failover
from support.twilio import NUMBER, TEMPLATE, Twilio, post_signed
from support.waiting import until

NOTHING_WAITS = "No message waits for your answer."


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
    phone_api: httpx.AsyncClient,
    text: str,
    action: str,
    answer: str,
) -> None:
    await harness.add_recipient("dana", "sms", number=DANA)
    older, newer, informing = paged(), paged(), paged(reason="warning")
    await send(harness, twilio, older, newer, informing)
    assert said(await reply(phone_api, text)) == answer
    (acted,) = [each for each in await harness.published() if each["event"].endswith("acted_on")]
    assert acted["escalation_id"] == newer.escalation_id
    assert (acted["person_id"], acted["action"], acted["medium"]) == ("dana", action, "sms")


async def test_reply_that_comes_again_answers_nothing_newer(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    await page_dana(harness, twilio)
    assert said(await reply(phone_api, "1", MessageSid="SM7")) == f"Acknowledged: {HEADLINE}"
    await send(harness, twilio, paged())
    assert said(await reply(phone_api, "1", MessageSid="SM7")) == ""
    assert (await event_names(harness)).count("notification_acted_on") == 1


async def test_second_reply_answers_the_next_message_that_waits(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "sms", number=DANA)
    oldest, settled, lost, newest = (paged() for _ in range(4))
    await send(harness, twilio, oldest, settled, lost, newest)
    await harness.handle(acknowledged(settled, "omar"))
    await harness.handle(acknowledged(newest, "omar"))
    assert "Acknowledged by omar" in said(await reply(phone_api, "1"))
    for _ in range(2):
        assert said(await reply(phone_api, "1")) == f"Acknowledged: {HEADLINE}"
    # Nothing else waits: it is about the newest again.
    assert "Acknowledged by omar" in said(await reply(phone_api, "1"))
    acted = [each for each in await harness.published() if each["event"].endswith("acted_on")]
    assert [each["escalation_id"] for each in acted] == [lost.escalation_id, oldest.escalation_id]


async def test_refused_reply_that_comes_again_answers_nothing_newer(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    page = paged()
    await harness.add_recipient("dana", "sms", number=DANA)
    assert said(await reply(phone_api, "1", MessageSid="SM1")) == NOTHING_WAITS
    await send(harness, twilio, page)
    assert said(await reply(phone_api, "1", MessageSid="SM1")) == ""
    await harness.handle(acknowledged(page, "omar"))
    assert "Acknowledged by omar" in said(await reply(phone_api, "1", MessageSid="SM2"))
    await harness.handle(page_also(page, "dana", reason="climbed"))
    assert said(await reply(phone_api, "1", MessageSid="SM2")) == ""
    assert "notification_acted_on" not in await event_names(harness)


@pytest.mark.parametrize("is_refused", [False, True])
async def test_key_that_comes_again_later_answers_nothing(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient, is_refused: bool
) -> None:
    page = paged()
    await harness.add_recipient("dana", "voice", number=DANA)
    (call,) = await send(harness, twilio, page)
    fields = {"CallSid": call.sid, "From": NUMBER, "To": DANA, "Digits": "1"}
    if is_refused:
        await harness.handle(acknowledged(page, "omar"))
    first = said(await post_signed(phone_api, call.keys_url, fields))
    assert ("Acknowledged by omar" in first) == is_refused
    acted = (await event_names(harness)).count("notification_acted_on")
    # The escalation asks again: who has caught the request says nothing with it.
    harness.advance(timedelta(minutes=30))
    await harness.handle(page_also(page, "dana", reason="climbed"))
    await post_signed(phone_api, call.keys_url, fields)
    assert (await event_names(harness)).count("notification_acted_on") == acted


async def test_reply_after_anothers_answer_says_who_has_it(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    page = paged()
    await harness.add_recipient("dana", "sms", number=DANA)
    await harness.add_recipient("omar", "sms", number=OMAR)
    await send(harness, twilio, page, page_also(page, "omar"))
    await harness.handle(acknowledged(page, "omar"))
    late = said(await reply(phone_api, "1"))
    assert late == "Acknowledged by omar. The escalation no longer waits for an answer."


async def test_answers_are_in_the_language_of_the_owner_of_the_number(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    other = paged("dana", media=("voice",))
    await harness.add_recipient("dana", "sms", "voice", number=DANA, language="de")
    await send(harness, twilio, paged("dana", media=("sms",)), other)
    (text,), (call,) = twilio.messages, twilio.calls
    assert "Antworten Sie mit 1 zum Bestätigen" in text.fields["Body"]
    assert {each.attrib["language"] for each in fromstring(call.fields["Twiml"]).iter("Say")} == {
        "de-DE"
    }
    assert said(await reply(phone_api, "?")).startswith("Nicht verstanden.")
    assert said(await reply(phone_api, "1")).startswith(
        "Bestätigt: Chat zu Billing von einem Kunden:"
    )
    pressed = {"CallSid": call.sid, "From": NUMBER, "To": DANA}
    again = await post_signed(phone_api, call.keys_url, {**pressed, "Digits": "9"})
    assert said(again).startswith("Diese Taste hat keine Funktion.")
    await harness.handle(acknowledged(other, "omar"))
    late = await post_signed(phone_api, call.keys_url, {**pressed, "Digits": "1"})
    assert said(late) == "Bestätigt von omar. Die Eskalation wartet nicht mehr auf eine Antwort."
    (spoken,) = fromstring(late.text)
    assert spoken.attrib["language"] == "de-DE"
    forged = await post_signed(phone_api, f"{call.keys_url}x", {**pressed, "Digits": "1"})
    assert said(forged) == "Dieser Link stammt nicht von Upstairs, oder er wurde verändert."
    harness.advance(timedelta(hours=25))
    assert said(await reply(phone_api, "1")) == "Keine Nachricht wartet auf Ihre Antwort."


async def test_strangers_are_told_nothing_and_machines_little(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    await page_dana(harness, twilio)
    assert said(await reply(phone_api, "1", sender=OMAR)) == ""
    assert said(await reply(phone_api, "1", sender=f"whatsapp:{DANA}")) == ""
    hint = said(await reply(phone_api, "I am driving"))
    assert hint == "Not understood. Reply 1 to acknowledge, 2 to take over."
    assert said(await reply(phone_api, "I am driving")) == ""
    harness.advance(timedelta(hours=1, minutes=1))
    assert said(await reply(phone_api, "ok")) == hint
    assert "notification_acted_on" not in await event_names(harness)
    harness.advance(timedelta(hours=24))
    assert said(await reply(phone_api, "1")) == NOTHING_WAITS


async def test_owner_of_a_new_number_answers_nothing_that_went_to_the_old_one(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    await page_dana(harness, twilio)
    await harness.add_recipient("dana", "sms", number=OMAR)
    assert said(await reply(phone_api, "1", sender=OMAR)) == NOTHING_WAITS
    assert said(await reply(phone_api, "1", sender=DANA)) == ""
    assert "notification_acted_on" not in await event_names(harness)


async def test_call_is_acknowledged_by_a_key(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    call = await page_dana(harness, twilio, "voice")
    assert call.fields["MachineDetection"] == "Enable"
    gather, _ = fromstring(call.fields["Twiml"])
    assert [each.tag for each in gather] == ["Say", "Pause", "Say"]
    assert str(gather[0].text).startswith(f"This is Upstairs. {HEADLINE}. Answer by ")
    pressed = {"CallSid": call.sid, "From": NUMBER, "To": DANA, "Digits": "9"}
    again = await post_signed(phone_api, call.keys_url, pressed)
    assert said(again).startswith("This key does nothing.")
    (gather, _) = fromstring(again.text)
    assert gather.attrib["action"] == call.keys_url
    acknowledging = {**pressed, "Digits": "1"}
    assert (
        await post_signed(phone_api, call.keys_url, acknowledging, token="x")
    ).status_code == 401
    # The call was forwarded to somebody else, or the link was changed.
    other = await post_signed(phone_api, call.keys_url, {**acknowledging, "To": OMAR})
    assert "not asked" in said(other)
    assert "not made by Upstairs" in said(
        await post_signed(phone_api, f"{call.keys_url}x", acknowledging)
    )
    for _ in range(2):
        assert (
            said(await post_signed(phone_api, call.keys_url, acknowledging))
            == f"Acknowledged: {HEADLINE}"
        )
    assert (await event_names(harness)).count("notification_acted_on") == 1
    await twilio.report(phone_api, call, "completed", AnsweredBy="human")
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
async def test_person_who_does_not_answer_is_called_three_times(
    harness: ServiceHarness,
    twilio: Twilio,
    phone_api: httpx.AsyncClient,
    status: str,
    more: dict[str, str],
    reason: str,
) -> None:
    call = await page_dana(harness, twilio, "voice")
    for calls in (2, 3):
        await twilio.report(phone_api, call, status, **more)
        assert await state(harness) == ("pending", None, False)
        harness.advance(timedelta(seconds=61))
        async with harness.delivering(**twilio.settings):
            await until(lambda: len(twilio.calls), calls.__eq__)
        call = twilio.calls[-1]
    await twilio.report(phone_api, call, status, **more)
    assert await state(harness) == ("failed", reason, False)
    assert await harness.attempts() == [(1, "retry"), (2, "retry"), (3, "failed")]


async def test_whatsapp_gets_a_template_and_its_buttons_answer(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
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
    await twilio.report(phone_api, message, "read")
    assert await event_names(harness) == [
        "notification_sent",
        "notification_delivered",
        "notification_seen",
    ]
    pressed = await reply(phone_api, "Acknowledge", sender=f"whatsapp:{DANA}", ButtonPayload="1")
    assert said(pressed) == f"Acknowledged: {HEADLINE}"


async def test_customer_is_named_only_if_operators_say_so(
    harness: ServiceHarness, twilio: Twilio
) -> None:
    await harness.add_recipient("dana", "sms", number=DANA)
    settings = {**twilio.settings, "message_content": {"sms": "quotations"}}
    async with harness.delivering(**settings):
        await harness.handle(paged())
        await until(lambda: twilio.messages)
    assert twilio.messages[0].fields["Body"].startswith('Billing chat from "Ada": ')


async def test_receipt_of_a_call_is_waited_for_until_the_call_can_have_ended(
    harness: ServiceHarness, twilio: Twilio, phone_api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "voice", "sms", number=DANA)
    page = paged("dana", media=("voice",))
    async with harness.delivering(**twilio.settings):
        await harness.handle(page)
        await until(harness.states, lambda states: states == [("page", "voice", "sent")])
    (call,) = twilio.calls
    longest = sum(int(call.fields[name]) for name in ("Timeout", "TimeLimit"))
    harness.advance(timedelta(seconds=longest))
    async with harness.database.transaction() as uow:
        assert await failover.replace_overdue(100, uow) == []
    await twilio.report(phone_api, call, "completed", AnsweredBy="human")
    (row,) = await harness.rows("SELECT delivered_at FROM notifications WHERE medium = 'voice'")
    assert row.delivered_at is not None
    assert await harness.states() == [("page", "voice", "sent")]
