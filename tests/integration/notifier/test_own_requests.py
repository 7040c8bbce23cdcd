"""Codes that verify an address, and test messages: what people have sent to themselves."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.contracts.event import PersonId
from common.contracts.people import ContactMethod, ContactMethodsChanged
from common.core.clock import TimeSource
from devstack import receivers
from integration.notifier.conftest import ServiceHarness, key, paged
from notifier.domain.recipients import Address, Recipient
from support.waiting import until

SLACK = {"medium": "slack", "channel": "D-dana", "user_id": "U-dana"}
MAIL = {"medium": "email", "address": "dana@example.com"}
PATH = "/v1/recipients/dana/addresses"
TESTS = "/v1/recipients/dana/test-messages"
PAUSE = timedelta(seconds=61)


async def put_own(api: httpx.AsyncClient, *media: dict[str, str], caller: str = "dana") -> None:
    body = {"name": "Dana", "media": media or (SLACK, MAIL)}
    answer = await api.put("/v1/recipients/dana", json=body, headers=key(caller))
    assert answer.is_success, answer.text


async def verified(api: httpx.AsyncClient) -> set[str]:
    shown = await api.get("/v1/recipients/dana", headers=key("dana"))
    return set(shown.json()["verified"])


async def ask_code(api: httpx.AsyncClient, medium: str = "email") -> httpx.Response:
    return await api.post(f"{PATH}/{medium}/send-code", headers=key("dana"))


async def code_in_mail(harness: ServiceHarness, api: httpx.AsyncClient) -> str:
    """Ask for a code, and read it in the mail that comes."""
    before = len(harness.mail.messages)
    async with harness.delivering():
        assert (await ask_code(api)).status_code == 202
        await until(lambda: len(harness.mail.messages) > before)
    code = re.fullmatch(r"Your code: (\d{6})", harness.mail.messages[-1]["Subject"])
    assert code
    return code.group(1)


async def enter(api: httpx.AsyncClient, code: str, caller: str = "dana") -> httpx.Response:
    return await api.post(f"{PATH}/email/verify", json={"code": code}, headers=key(caller))


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_code_that_was_sent_verifies_the_address(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_own(api)
    assert await verified(api) == set()
    code = await code_in_mail(harness, api)
    assert (await enter(api, other_than(code))).status_code == 409
    assert (await enter(api, code)).status_code == 200
    assert await verified(api) == {"email"}
    # It was right once.
    assert (await enter(api, code)).status_code == 409


async def test_code_is_stored_nowhere(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    await put_own(api)
    code = await code_in_mail(harness, api)
    for table in ("notifications", "own_requests", "delivery_attempts", "recipients"):
        assert not await harness.rows(f"SELECT 1 FROM {table} t WHERE t::text ~ '\\m{code}\\M'")


async def test_code_is_void_after_ten_minutes_and_after_five_tries(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_own(api)
    old = await code_in_mail(harness, api)
    harness.advance(timedelta(minutes=10, seconds=1))
    assert (await enter(api, old)).status_code == 409
    code = await code_in_mail(harness, api)
    for _ in range(5):
        assert (await enter(api, other_than(code))).status_code == 409
    assert (await enter(api, code)).status_code == 409
    assert await verified(api) == set()


async def test_code_for_an_address_that_was_changed_since_is_void(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_own(api)
    code = await code_in_mail(harness, api)
    await put_own(api, {**MAIL, "address": "other@example.com"})
    assert (await enter(api, code)).status_code == 409


async def test_few_codes_are_sent(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    await put_own(api)
    assert (await ask_code(api)).status_code == 202
    refused = await ask_code(api)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    # Another address has a limit of its own.
    assert (await ask_code(api, "slack")).status_code == 202
    for _ in range(4):
        harness.advance(PAUSE)
        assert (await ask_code(api)).status_code == 202
    harness.advance(PAUSE)
    refused = await ask_code(api)
    assert refused.status_code == 429
    # The first of the five was sent five pauses ago.
    left = timedelta(hours=1) - 5 * PAUSE
    assert left - PAUSE < timedelta(seconds=int(refused.headers["Retry-After"])) <= left


async def test_address_that_an_admin_sets_is_verified_until_it_is_changed(
    api: httpx.AsyncClient,
) -> None:
    await put_own(api, caller="root")
    assert await verified(api) == {"slack", "email"}
    await put_own(api, SLACK, {**MAIL, "address": "other@example.com"})
    assert await verified(api) == {"slack"}


@pytest.mark.parametrize(("by", "expected"), [("admin:ops", {"email"}), ("mona", set())])
async def test_address_from_router_is_verified_if_an_admin_put_it(
    harness: ServiceHarness, api: httpx.AsyncClient, by: str, expected: set[str]
) -> None:
    await put_own(api, SLACK)
    put_with_person = ContactMethodsChanged(
        person_id=PersonId("dana"),
        occurred_at=TimeSource().utc_now() + timedelta(seconds=1),
        name="Dana",
        contact_methods=(ContactMethod(medium="email", details={"address": "d@example.com"}),),
        by=by,
    )
    await harness.handle(put_with_person)
    assert await verified(api) == expected


async def test_address_that_an_admin_has_not_entered_in_router_is_not_verified(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("omar", "slack")
    own = (
        Address("slack", {"channel": "D-dana", "user_id": "U-dana"}),
        Address("apprise", {"url": "sealed", "service": "tgram"}),
    )
    async with harness.database.transaction() as uow:
        await uow.recipients.save(Recipient(PersonId("dana"), "Dana", own))
    taken = {"channel": "D-x", "user_id": "U-omar"}
    entered = ContactMethodsChanged(
        person_id=PersonId("dana"),
        occurred_at=TimeSource().utc_now(),
        name="Dana",
        contact_methods=(
            ContactMethod(medium="slack", details=taken),
            ContactMethod(medium="email", details={"address": "d@example.com"}),
        ),
        by="admin:ops",
    )
    await harness.handle(entered)
    (row,) = await harness.rows("SELECT media, verified FROM recipients WHERE name = 'Dana'")
    assert {each["medium"] for each in row.media} == {"slack", "apprise", "email"}
    assert row.verified.keys() == {"email"}


@pytest.mark.parametrize("caller", ["root", "sara", "mona"])
async def test_nobody_else_verifies_or_tests(api: httpx.AsyncClient, caller: str) -> None:
    await put_own(api)
    requests: list[tuple[str, Any]] = [
        (f"{PATH}/email/send-code", None),
        (f"{PATH}/email/verify", {"code": "123456"}),
        (TESTS, None),
    ]
    for path, body in requests:
        assert (await api.post(path, json=body, headers=key(caller))).status_code == 403


@pytest.mark.parametrize("code", ["12345", "1234567", "12345a", "", None, 123456])
async def test_code_that_is_none_is_refused(api: httpx.AsyncClient, code: Any) -> None:
    await put_own(api)
    answer = await api.post(f"{PATH}/email/verify", json={"code": code}, headers=key("dana"))
    assert answer.status_code == 422


async def test_address_that_is_not_there_has_no_code(api: httpx.AsyncClient) -> None:
    await put_own(api, SLACK)
    assert (await ask_code(api)).status_code == 404
    assert (await enter(api, "123456")).status_code == 404


@pytest.mark.parametrize(
    ("is_mail_verified", "media", "reason"),
    [
        (False, {"slack"}, "no address is verified: slack"),
        (True, {"slack", "email"}, "not verified: slack; sent on email too"),
    ],
)
async def test_story_says_that_an_address_is_not_verified(
    harness: ServiceHarness,
    api: httpx.AsyncClient,
    media: set[str],
    reason: str,
    *,
    is_mail_verified: bool,
) -> None:
    await put_own(api)
    if is_mail_verified:
        await enter(api, await code_in_mail(harness, api))
    await harness.handle(paged(media=("slack",)))
    rows = await harness.rows("SELECT medium, reason FROM notifications WHERE kind = 'page'")
    assert {row.medium for row in rows} == media
    assert {row.reason for row in rows} == {reason}


async def test_test_sends_one_message_on_each_medium_and_says_what_came_of_it(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_own(api)
    assert (await api.get(TESTS, headers=key("dana"))).status_code == 404
    harness.slack.otherwise = receivers.slack_error("channel_not_found")

    async def outcomes() -> dict[str, tuple[str | None, ...]]:
        shown = (await api.get(TESTS, headers=key("dana"))).json()
        fields = ("state", "reason", "reason_code")
        return {each["medium"]: tuple(each[name] for name in fields) for each in shown["messages"]}

    expected = {
        "slack": ("failed", "Slack refused: channel_not_found", "refused"),
        "email": ("sent", None, None),
    }
    async with harness.delivering():
        assert (await api.post(TESTS, headers=key("dana"))).status_code == 202
        await until(outcomes, lambda latest: latest == expected)
    assert harness.mail.messages[0]["Subject"] == "Your notifications reach you here"
    assert (await api.post(TESTS, headers=key("dana"))).status_code == 429


async def test_person_without_address_has_nothing_to_test(api: httpx.AsyncClient) -> None:
    assert (await api.post(TESTS, headers=key("dana"))).status_code == 409
