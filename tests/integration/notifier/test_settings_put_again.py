"""What is removed and put again is another thing than before, though its version is the same."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest

from integration.notifier.conftest import ServiceHarness, open_api
from integration.notifier.status_examples import SETTINGS, SHOP, Shop
from integration.notifier.write_back_examples import (
    TICKET,
    ZENDESK,
    EscalatedCase,
    all_written,
    has_refused,
    managing,
    set_up,
    write_back_settings,
)
from support.case_systems import Ticket, ZendeskStandIn
from support.status_receiver import Answer, StatusReceiver
from support.waiting import until

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskStandIn]:
    async with ZendeskStandIn() as zendesk:
        zendesk.tickets[TICKET] = Ticket()
        yield zendesk


async def mails_are(harness: ServiceHarness, number: int) -> None:
    await until(lambda: len(harness.mail.messages) == number)


async def remove(harness: ServiceHarness, url: str) -> None:
    async with managing(harness, url) as api:
        assert (await api.delete(ZENDESK)).status_code == 204


async def test_write_back_put_again_is_called_where_it_is_now(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    async with ZendeskStandIn() as moved:
        moved.tickets[TICKET] = Ticket()
        await set_up(harness, zendesk.url)
        settings = write_back_settings(zendesk.url)
        settings["write_back_systems"] = (zendesk.url, moved.url)
        async with harness.delivering(**settings):
            await harness.handle(EscalatedCase().raised())
            await all_written(harness)
            await remove(harness, zendesk.url)
            await set_up(harness, moved.url)
            await harness.handle(EscalatedCase().raised())
            await all_written(harness)
        assert len(zendesk.tickets[TICKET].comments) == 1
        assert len(moved.tickets[TICKET].comments) == 1


async def test_write_back_put_again_that_is_halted_is_told_again(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await harness.add_recipient("operations", "email")
    zendesk.knows_us = False
    async with harness.delivering(**write_back_settings(zendesk.url)):
        for mails in (1, 2):
            await set_up(harness, zendesk.url)
            await harness.handle(EscalatedCase().raised())
            for refusals in (1, 2):
                await until(partial(has_refused, harness, refusals))
                harness.advance(2 * MINUTE)
            await mails_are(harness, mails)
            await remove(harness, zendesk.url)


async def test_status_webhook_put_again_that_is_disabled_is_told_again(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("operations", "email")
    async with StatusReceiver() as receiver, open_api(harness, **SETTINGS) as client:
        shop = Shop(harness, receiver, client)
        receiver.otherwise = Answer(410)
        async with harness.delivering(**SETTINGS):
            for mails in (1, 2):
                await shop.put()
                await shop.tell("received")
                await mails_are(harness, mails)
                assert (await shop.call("DELETE", SHOP)).status_code == 204
