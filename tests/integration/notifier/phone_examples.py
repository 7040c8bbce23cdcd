"""Messages, calls and replies that the tests of telephones share."""

from datetime import timedelta

import httpx
from defusedxml.ElementTree import fromstring
from msgspec.structs import replace

from common.contracts.escalations import PageRequested
from common.contracts.event import NotificationId
from common.contracts.notifications import Medium
from common.core.ids import new_id
from integration.notifier.conftest import (
    ServiceHarness,
    paged,
)
from notifier.domain.notifications import State
from support.twilio import NUMBER, Created, Twilio, post_signed
from support.waiting import until

DANA = "+442079460018"
OMAR = "+442079460019"
HEADLINE = "Billing chat from a customer: first response 2 h overdue"
PROBLEM = "urn:upstairs:problem:"
REPLIES = "http://notifier/v1/callbacks/twilio/messages"


async def send(harness: ServiceHarness, twilio: Twilio, *pages: PageRequested) -> list[Created]:
    """Send pages, each on one medium, in their order; return the messages and calls."""
    before = [*twilio.messages, *twilio.calls]
    async with harness.delivering(**twilio.settings):
        for count, page in enumerate(pages, len(before) + 1):
            await harness.handle(page)
            await until(lambda: len(twilio.messages + twilio.calls), count.__le__)
    return [each for each in (*twilio.messages, *twilio.calls) if each not in before]


async def page_dana(harness: ServiceHarness, twilio: Twilio, medium: Medium = "sms") -> Created:
    await harness.add_recipient("dana", medium, number=DANA)
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
    phone_api: httpx.AsyncClient, text: str, sender: str = DANA, **more: str
) -> httpx.Response:
    fields = {"MessageSid": f"SM{new_id()}", "From": sender, "To": NUMBER, "Body": text, **more}
    return await post_signed(phone_api, REPLIES, fields)


def said(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/xml")
    return " ".join(each.text for each in fromstring(response.text).iter() if each.text)
