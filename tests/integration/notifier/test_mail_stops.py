"""A mail that is not urgent has a link by which its reader gets no more of its kind (RFC 8058)."""

import re
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from common.contracts.event import PersonId
from integration.notifier.conftest import ServiceHarness, key, paged
from integration.notifier.examples import BROWSER, lose_attempts
from support.waiting import until

COACHING = {"by": "sam", "person_id": "rui", "text": "How to end a call"}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


async def mail(harness: ServiceHarness, reason: str = "coaching") -> EmailMessage | None:
    """Page by mail for this reason; return the mail, or None if none was sent."""
    before = len(harness.mail.messages)
    about: dict[str, Any] = {"coaching": COACHING} if reason == "coaching" else {}
    await harness.handle(paged(reason=reason, **about))

    async def is_over() -> bool:
        return all(state not in ("pending", "sending") for _, _, state in await harness.states())

    async with harness.delivering():
        await until(is_over)
    if len(harness.mail.messages) == before:
        return None
    return message_from_bytes(bytes(harness.mail.messages[-1]), policy=default)


def link_of(message: EmailMessage | None) -> str:
    assert message is not None
    (url,) = re.findall(r"^<http://notifier(/v1/mail-stops/[\w.-]+)>$", message["List-Unsubscribe"])
    return str(url)


async def stopped(api: httpx.AsyncClient, caller: str = "dana") -> list[tuple[str, str]]:
    answer = await api.get("/v1/recipients/dana/stopped-mails", headers=key(caller))
    return [(each["kind"], each["stopped_by"]) for each in answer.json()["stopped"]]


@pytest.fixture(autouse=True)
async def recipient(harness: ServiceHarness) -> None:
    await harness.add_recipient("dana", "email")


async def test_click_of_a_mail_program_stops_mails_of_this_kind_alone(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    sent = await mail(harness)
    url = link_of(sent)
    assert sent is not None
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    answer = await api.post(url, data=ONE_CLICK)
    assert (answer.status_code, answer.json()) == (200, {"kind": "coaching", "stopped": True})
    assert (await api.post(url, data=ONE_CLICK)).status_code == 200
    assert await mail(harness) is None
    assert (await harness.states())[-1] == ("page", "email", "cancelled")
    assert await mail(harness, "updated") is not None
    assert await mail(harness, "raised") is not None
    assert await stopped(api) == [("coaching", "link")]


async def test_get_changes_nothing_and_its_page_asks(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    url = link_of(await mail(harness))
    page = await api.get(url, headers=BROWSER)
    assert "<button>Stop these mails</button>" in page.text
    assert (await api.get(url)).json() == {"kind": "coaching", "stopped": False}
    assert (await api.head(url)).status_code in {200, 405}
    assert await stopped(api) == []
    done = await api.post(url, headers=BROWSER)
    assert "You get no more mails of this kind." in done.text
    assert await stopped(api) == [("coaching", "link")]


@pytest.mark.parametrize("reason", ["raised", "climbed", "lease_ending", "unanswered", "warning"])
async def test_urgent_mail_can_not_be_stopped(harness: ServiceHarness, reason: str) -> None:
    message = await mail(harness, reason)
    assert message is not None
    assert message["List-Unsubscribe"] is None
    assert message["List-Unsubscribe-Post"] is None


async def test_person_gets_the_mails_again(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    await api.post(link_of(await mail(harness)))
    path, own = "/v1/recipients/dana/stopped-mails", key("dana")
    changed = await api.put(path, json={"kinds": ["updated"]}, headers=own)
    assert [each["kind"] for each in changed.json()["stopped"]] == ["updated"]
    assert await mail(harness) is not None
    assert await mail(harness, "updated") is None
    assert await stopped(api, "root") == [("updated", "dana")]
    for body in ({"kinds": ["raised"]}, {"kinds": "updated"}, {}):
        assert (await api.put(path, json=body, headers=own)).status_code == 422
    for caller in ("rita", "sara"):
        assert (await api.put(path, json={"kinds": []}, headers=key(caller))).status_code == 403
        assert (await api.get(path, headers=key(caller))).status_code == 403


async def test_link_that_is_forged_old_or_of_an_earlier_mailbox_stops_nothing(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    url = link_of(await mail(harness))
    forged = f"{url[:-3]}{'aaa' if not url.endswith('aaa') else 'bbb'}"
    assert (await api.post(forged)).status_code == 401
    acknowledge = url.replace("mail-stops", "acknowledgements")
    assert (await api.post(acknowledge)).status_code == 401
    harness.advance(timedelta(days=91))
    assert (await api.post(url)).status_code == 410
    harness.advance(timedelta(days=-91))
    async with harness.database.transaction() as uow:
        await uow.recipients.void_links(PersonId("dana"))
    void = await api.post(url, headers=BROWSER)
    assert void.status_code == 410
    assert "void" in void.text
    assert await stopped(api) == []


async def test_page_of_a_refused_link_is_in_the_language_of_its_reader(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    url = link_of(await mail(harness))
    async with harness.database.transaction() as uow:
        dana = await uow.recipients.lock(PersonId("dana"))
        assert dana is not None
        await uow.recipients.save(replace(dana, language="de"))
        await uow.recipients.void_links(dana.person_id)
    italian = {**BROWSER, "Accept-Language": "it"}
    for method in ("GET", "POST"):
        void = await api.request(method, url, headers=italian)
        assert (void.status_code, '<html lang="de">' in void.text) == (410, True)
    harness.advance(timedelta(days=91))
    assert "Dieser Link ist abgelaufen." in (await api.get(url, headers=italian)).text
    forged = await api.get(f"{url}x", headers=italian)
    assert (forged.status_code, '<html lang="it">' in forged.text) == (401, True)
    assert '<html lang="en">' in (await api.get(f"{url}x", headers=BROWSER)).text


async def test_attempt_that_was_lost_before_the_mail_was_stopped_is_kept(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    stops = {"kinds": ["coaching"]}
    await api.put("/v1/recipients/dana/stopped-mails", json=stops, headers=key("dana"))
    await harness.handle(paged(reason="coaching", coaching=COACHING))
    await lose_attempts(harness)
    async with harness.delivering():
        await until(harness.states, lambda states: states == [("page", "email", "cancelled")])
    assert await harness.attempts() == [(1, "unknown")]
    (row,) = await harness.rows("SELECT ambiguous FROM notifications")
    assert row.ambiguous
