"""The editor of one's own addresses, with the real notifier behind the page."""

import re
from html import unescape
from typing import Any

import httpx
import pytest

from common.contracts.event import PersonId
from integration.console.harness import SAME_ORIGIN
from integration.console.test_my_notifications import FORM, MEDIA, URL, Notifier, notifier
from notifier.domain.delivery_rules import PersonRules, Step
from notifier.domain.recipients import Address, Recipient

__all__ = ["notifier"]
EDITOR = f"{URL}/addresses"


def etag_of(page: str) -> str:
    return unescape(re.findall(r'name="etag" value="([^"]*)"', page)[0])


async def send(browser: httpx.AsyncClient, place: str, **fields: str) -> httpx.Response:
    """Send a form with the ETag that the page has now."""
    shown = f"{EDITOR}/{place.partition('/')[0]}"
    data = {"etag": etag_of((await browser.get(shown)).text), **fields}
    return await browser.post(f"{EDITOR}/{place}", data=data, headers=SAME_ORIGIN)


async def test_person_adds_changes_orders_and_removes_addresses(notifier: Notifier) -> None:
    browser = await notifier.console.enter("sara")
    assert f'href="{EDITOR}/sms"' in (await browser.get(URL)).text
    added = await send(browser, "sms", number="+34 612 345 678")
    assert (added.status_code, added.headers["location"]) == (303, f"{URL}?done=address")
    assert (await notifier.recipient()).media[2] == Address("sms", {"number": "+34612345678"})
    changed = await send(browser, "email", address="sara@example.org")
    assert changed.status_code == 303
    moved = await send(browser, "sms/earlier")
    assert moved.headers["location"] == f"{URL}?done=order"
    media = (await notifier.recipient()).media
    assert [address.medium for address in media] == ["slack", "sms", "email"]
    assert media[2].details == {"address": "sara@example.org"}
    page = (await browser.get(URL)).text
    assert page.index("+34612345678") < page.index("sara@example.org")
    assert "not verified" in page
    removed = await send(browser, "slack/remove")
    assert removed.headers["location"] == f"{URL}?done=removed"
    assert [address.medium for address in (await notifier.recipient()).media] == ["sms", "email"]


async def test_removed_way_leaves_the_steps_of_the_person(notifier: Notifier) -> None:
    browser = await notifier.console.enter("sara")
    etag = etag_of((await browser.get(URL)).text)
    saved = await browser.post(URL, data={**FORM, "etag": etag}, headers=SAME_ORIGIN)
    assert saved.status_code == 303
    assert (await send(browser, "slack/remove")).status_code == 303
    recipient = await notifier.recipient()
    (step,) = recipient.rules.steps["critical"]
    assert (step.after_minutes, step.media) == (0, ("email",))
    assert recipient.rules.quiet_hours


@pytest.fixture
async def steps_with_a_medium_that_is_gone(notifier: Notifier) -> None:
    """Router has removed Slack, which the steps name, and the first step with it."""
    steps = (Step(0, ("slack",)), Step(5, ("email",)), Step(9, ("web_push",)))
    rules = PersonRules({"critical": steps, "low": (Step(0, ("slack",)),)})
    async with notifier.database.transaction() as uow:
        await uow.recipients.save(Recipient(PersonId("sara"), "Sara", MEDIA[1:], rules=rules))


@pytest.mark.usefixtures("steps_with_a_medium_that_is_gone")
async def test_steps_with_a_medium_that_is_gone_keep_no_address_from_being_changed(
    notifier: Notifier,
) -> None:
    browser = await notifier.console.enter("sara")
    before = (await notifier.recipient()).rules
    added = await send(browser, "sms", number="+34612345678")
    assert added.status_code == 303, added.text
    assert (await send(browser, "email", address="sara@example.org")).status_code == 303
    assert (await send(browser, "sms/earlier")).status_code == 303
    recipient = await notifier.recipient()
    assert [address.medium for address in recipient.media] == ["sms", "email"]
    assert recipient.rules == before
    assert (await send(browser, "sms/remove")).status_code == 303
    steps = (await notifier.recipient()).rules.steps
    assert steps == {"critical": (Step(0, ("email",)), Step(9, ("web_push",)))}


@pytest.mark.parametrize(
    ("medium", "fields", "field"),
    [
        ("email", {"address": "sara"}, "address"),
        ("email", {"address": ""}, "address"),
        ("sms", {"number": "12"}, "number"),
        ("slack", {"channel": "D1", "user_id": ""}, "user_id"),
        ("teams", {"url": "ftp://example.com", "conversation": "shared"}, "url"),
        ("teams", {"url": "", "conversation": "everybody"}, "conversation"),
    ],
)
async def test_mistake_is_shown_beside_the_field(
    notifier: Notifier, medium: str, fields: dict[str, Any], field: str
) -> None:
    browser = await notifier.console.enter("sara")
    refused = await send(browser, medium, **fields)
    assert refused.status_code == 422
    assert f'id="problem-{field}"' in refused.text
    assert (await notifier.recipient()).media == MEDIA


async def test_refusal_of_the_whole_is_shown_above_the_form(notifier: Notifier) -> None:
    browser = await notifier.console.enter("sara")
    # No key encrypts secrets here.
    url = "https://prod.westeurope.logic.azure.com/workflows/1"
    refused = await send(browser, "teams", url=url, conversation="personal")
    assert refused.status_code == 409
    assert 'role="alert"' in refused.text
    assert (await notifier.recipient()).media == MEDIA


async def test_person_without_any_enters_the_first_address(notifier: Notifier) -> None:
    browser = await notifier.console.enter("rita")
    assert f'href="{EDITOR}/email"' in (await browser.get(URL)).text
    added = await send(browser, "email", address="rita@example.com")
    assert added.status_code == 303, added.text
    recipient = await notifier.recipient("rita")
    assert (recipient.name, recipient.media[0].medium) == ("Rita", "email")


async def test_two_tabs_do_not_undo_each_other(notifier: Notifier) -> None:
    browser = await notifier.console.enter("sara")
    earlier = etag_of((await browser.get(URL)).text)
    assert (await send(browser, "email", address="sara@example.org")).status_code == 303
    before = await notifier.recipient()
    rules = await browser.post(URL, data={**FORM, "etag": earlier}, headers=SAME_ORIGIN)
    address = await browser.post(
        f"{EDITOR}/sms", data={"etag": earlier, "number": "+34612345678"}, headers=SAME_ORIGIN
    )
    removal = await browser.post(
        f"{EDITOR}/slack/remove", data={"etag": earlier}, headers=SAME_ORIGIN
    )
    for refused in (rules, address, removal):
        assert refused.status_code == 412
        assert "since you read it" in refused.text
    assert await notifier.recipient() == before
    # What was written is still there; to send it again is to have looked at it.
    assert 'value="+34612345678"' in address.text
    assert (await send(browser, "sms", number="+34612345678")).status_code == 303


async def test_editor_is_german_for_who_reads_german(notifier: Notifier) -> None:
    browser = await notifier.console.enter("sara")
    browser.cookies.set("language", "de")
    german = {"Accept-Language": "de"}
    page = (await browser.get(URL, headers=german)).text
    assert "Kontaktweg hinzufügen:" in page
    assert "Ändern: E-Mail" in page
    form = (await browser.get(f"{EDITOR}/sms", headers=german)).text
    assert "Mit Ländervorwahl" in form
