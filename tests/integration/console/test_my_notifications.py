"""My notifications, with the real notifier behind the page."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx
import pytest

from common.contracts.event import PersonId
from common.core.metrics import Metrics
from common.service.spec import application
from common.storage.database import Database
from integration.console.harness import PEOPLE, SAME_ORIGIN, ConsoleHarness, token_issuer
from notifier.domain.mail_stops import STOPPABLE_MAILS, MailStop
from notifier.domain.recipients import Address, Recipient
from notifier.main import build
from notifier.settings import Settings
from notifier.store.notifications import Filter
from notifier.store.unit_of_work import UnitOfWork
from notifier.verification_codes import VerificationCodes
from support.databases import Postgres, open_database

SECRET = "a secret of tests"
URL = "/notifications"
MEDIA = (
    Address("slack", {"channel": "D1", "user_id": "U1"}),
    Address("email", {"address": "sara@example.com"}),
)
FORM: dict[str, Any] = {
    "time_zone": "Europe/Madrid",
    "language": "de",
    "unless_severity": "high",
    "mode-critical": "own",
    "after-critical-slack": "0",
    "after-critical-email": "5",
    "days-1": ["mon", "tue"],
    "begins-1": "22:00",
    "ends-1": "07:00",
    "date-0": "2099-12-24",
}


@dataclass
class Notifier:
    console: ConsoleHarness
    database: Database[UnitOfWork]

    async def recipient(self, person: str = "sara") -> Recipient:
        async with self.database.transaction() as uow:
            recipient = await uow.recipients.get(PersonId(person))
        assert recipient
        return recipient


@pytest.fixture
async def notifier(
    console: ConsoleHarness, postgres: Postgres, database_name: str
) -> AsyncIterator[Notifier]:
    settings = Settings.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
            "trial": True,
            "link_secret": SECRET,
            "token_issuers": [token_issuer(console.key)],
        }
    )
    clock = console.database.clock
    async with open_database(postgres, database_name, "notifier", UnitOfWork, clock) as database:
        app = application(build(settings), settings, database, Metrics())
        app.state.tokens.admit({*PEOPLE})
        async with database.transaction() as uow:
            await uow.recipients.save(Recipient(PersonId("sara"), "Sara", MEDIA))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://notifier") as client:
            console.clients["notifier"] = client
            yield Notifier(console, database)


async def send(browser: httpx.AsyncClient, form: dict[str, Any]) -> httpx.Response:
    """Send the form with the ETag that the page has."""
    (etag, *_) = re.findall(r'name="etag" value="([^"]*)"', (await browser.get(URL)).text)
    return await browser.post(URL, data={**form, "etag": unescape(etag)}, headers=SAME_ORIGIN)


async def test_person_chooses_and_sees_the_choice(notifier: Notifier) -> None:
    browser = await notifier.console.enter("sara")
    assert (await browser.get(URL)).status_code == 200
    saved = await send(browser, FORM)
    assert (saved.status_code, saved.headers["location"]) == (303, f"{URL}?done=saved")
    recipient = await notifier.recipient()
    assert (recipient.media, recipient.time_zone, recipient.language) == (
        MEDIA,
        "Europe/Madrid",
        "de",
    )
    steps = recipient.rules.steps["critical"]
    assert [(step.after_minutes, step.media) for step in steps] == [
        (0, ("slack",)),
        (5, ("email",)),
    ]
    quiet = recipient.rules.quiet_hours
    assert quiet
    assert (quiet.unless_severity, quiet.periods[0].days) == ("high", ("mon", "tue"))
    assert [str(day) for day in quiet.dates] == ["2099-12-24"]
    page = (await browser.get(f"{URL}?done=saved")).text
    assert "Your choice is saved." in page
    assert '<option value="5" selected>after 5 min</option>' in page
    assert 'value="22:00"' in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"after-critical-slack": "", "after-critical-email": ""},
            "Choose at least one contact method",
        ),
        ({"begins-1": ""}, "Please write a time, such as 22:00."),
        # What notifier refuses.
        ({"time_zone": "Mars/Base"}, "must be a time zone of IANA"),
        (
            {"days-1": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "ends-1": "21:59"},
            "It must not be quiet at all times",
        ),
        ({"unless_severity": "never"}, "must be"),
    ],
)
async def test_mistake_is_shown_beside_the_field(
    notifier: Notifier, changes: dict[str, Any], said: str
) -> None:
    browser = await notifier.console.enter("sara")
    before = await notifier.recipient()
    refused = await send(browser, {**FORM, **changes})
    assert refused.status_code == 422
    assert re.search(f'class="problem"[^>]*>{re.escape(said)}', refused.text)
    # What was written is still there.
    assert 'value="07:00"' in refused.text or changes.get("ends-1")
    assert await notifier.recipient() == before


async def test_person_verifies_an_address_by_the_code_that_came(notifier: Notifier) -> None:
    browser = await notifier.console.enter("sara")
    assert "not verified" in (await browser.get(URL)).text
    sent = await browser.post(f"{URL}/verify/email/send", headers=SAME_ORIGIN)
    assert (sent.status_code, sent.headers["location"]) == (303, f"{URL}?done=code")
    again = await browser.post(f"{URL}/verify/email/send", headers=SAME_ORIGIN)
    assert again.status_code == 429
    assert "A code was sent there less than a minute ago" in again.text
    async with notifier.database.transaction() as uow:
        (message,) = await uow.notifications.latest(Filter(), None, 2)
    code = VerificationCodes(SECRET).code(message.notification_id)
    wrong = await browser.post(f"{URL}/verify/email", data={"code": "no"}, headers=SAME_ORIGIN)
    assert wrong.status_code == 422
    verified = await browser.post(f"{URL}/verify/email", data={"code": code}, headers=SAME_ORIGIN)
    assert (verified.status_code, verified.headers["location"]) == (303, f"{URL}?done=verified")
    assert set((await notifier.recipient()).verified) == {"email"}


async def test_person_tests_the_notifications(notifier: Notifier) -> None:
    browser = await notifier.console.enter("sara")
    sent = await browser.post(f"{URL}/test", headers=SAME_ORIGIN)
    assert (sent.status_code, sent.headers["location"]) == (303, f"{URL}?done=test")
    page = (await browser.get(URL)).text
    assert "Last test" in page
    assert page.count("waits to be sent") == 2
    assert (await browser.post(f"{URL}/test", headers=SAME_ORIGIN)).status_code == 429


async def test_person_without_contact_methods_is_told_who_enters_them(notifier: Notifier) -> None:
    browser = await notifier.console.enter("rita")
    page = await browser.get(URL)
    assert page.status_code == 200
    assert "No message reaches you yet" in page.text


async def test_person_gets_mails_again_that_were_stopped(notifier: Notifier) -> None:
    browser = await notifier.console.enter("sara")
    assert "Mails that you have stopped" not in (await browser.get(URL)).text
    async with notifier.database.transaction() as uow:
        for kind in STOPPABLE_MAILS:
            await uow.mail_stops.add(MailStop(PersonId("sara"), kind, uow.now, "link"))
    page = (await browser.get(URL)).text
    assert "Mails about new reasons of an escalation" in page
    assert "Mails that ask you to coach someone" in page
    action = f"{URL}/stopped-mails/coaching/resume"
    assert f'<form method="post" action="{action}"' in page
    taken_back = await browser.post(action, headers=SAME_ORIGIN)
    assert (taken_back.status_code, taken_back.headers["location"]) == (303, f"{URL}?done=mails")
    async with notifier.database.transaction() as uow:
        stops = await uow.mail_stops.of(PersonId("sara"))
    assert [stop.kind for stop in stops] == ["updated"]
    page = (await browser.get(f"{URL}?done=mails")).text
    assert "These mails are sent to you again." in page
    assert "Mails that ask you to coach someone" not in page
    browser.cookies.set("language", "de")
    german = (await browser.get(URL, headers={"Accept-Language": "de"})).text
    assert "Mails, die Sie abbestellt haben" in german
    assert "Mails über neue Gründe einer Eskalation" in german


async def test_page_is_german_for_who_reads_german(notifier: Notifier) -> None:
    browser = await notifier.console.enter("sara")
    browser.cookies.set("language", "de")
    page = (await browser.get(URL, headers={"Accept-Language": "de"})).text
    assert "Meine Benachrichtigungen" in page
    assert "Ruhezeiten" in page
