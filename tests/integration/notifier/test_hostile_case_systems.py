"""What a case system answers, or a manager sets, in an odd form is an outcome, never an error."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from common.core.sealed_secrets import SecretBox
from integration.notifier.conftest import ServiceHarness
from integration.notifier.write_back_examples import (
    API_TOKEN,
    TICKET,
    ZENDESK,
    ZENDESK_STEPS,
    EscalatedCase,
    all_written,
    managing,
    set_up,
    write_states,
    writing,
)
from notifier.commands.rotate_key import rotate_secrets
from support.case_systems import Ticket, ZendeskStandIn
from support.service_harness import ENCRYPTION_KEY
from support.waiting import until

OTHER = "/v1/write-backs/zendesk/other"


class _SlowlyReadZendesk(ZendeskStandIn):
    """Sends the answer to a GET in two parts, the second one after the first was read."""

    async def _show(self, request: web.Request) -> web.StreamResponse:
        whole = await super()._show(request)
        assert isinstance(whole, web.Response)
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        body = whole.body
        assert isinstance(body, bytes)
        for start in range(0, len(body), 20):
            await answer.write(body[start : start + 20])
        await answer.write_eof()
        return answer


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskStandIn]:
    async with ZendeskStandIn() as zendesk:
        zendesk.tickets[TICKET] = Ticket()
        yield zendesk


async def test_answer_that_comes_in_parts_is_read_whole(harness: ServiceHarness) -> None:
    async with _SlowlyReadZendesk() as zendesk:
        zendesk.tickets[TICKET] = Ticket(tags=["invoice"] * 20_000)
        await set_up(harness, zendesk.url)
        async with writing(harness, zendesk.url):
            await harness.handle(EscalatedCase().raised())
            await until(
                lambda: write_states(harness),
                lambda writes: writes and writes[0][1] in ("written", "failed"),
            )
    assert await write_states(harness) == [("escalated", "written")]


@pytest.mark.parametrize(
    "steps",
    [
        '{"escalated": {"fields": {"360001": 1e400}}}',
        '{"escalated": {"fields": {"360001": NaN}}}',
        f'{{"escalated": {{"fields": {{"360001": {10**30}}}}}}}',
        f'{{"escalated": {{"fields": {{"360001": {-(10**30)}}}}}}}',
        '{"escalated": {"fields": {"360001": "a\\u0000b"}}}',
        '{"escalated": {"priority": "\\u0000", "note": true}}',
    ],
)
async def test_value_that_no_system_takes_is_refused(
    harness: ServiceHarness, zendesk: ZendeskStandIn, steps: str
) -> None:
    token = '{"type":"api_token","email":"a@acme.example","token":"0123456789abcdef"}'
    body = (
        f'{{"state": "active", "base_url": "{zendesk.url}", "credentials": {token},'
        f' "steps": {steps}}}'
    )
    headers = {"Content-Type": "application/json"}
    async with managing(harness, zendesk.url) as api:
        answer = await api.put(ZENDESK, content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text


async def test_token_that_is_no_header_is_refused_or_does_not_work(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    credentials = {"type": "oauth_token", "token": "0123456789abcdef\r\nX-Other: 1"}
    body: dict[str, Any] = {
        "state": "active",
        "base_url": zendesk.url,
        "credentials": credentials,
        "steps": {},
    }
    async with managing(harness, zendesk.url) as api:
        await api.put(ZENDESK, json=body)
        tested = await api.post(f"{ZENDESK}/test")
    assert tested.status_code in (200, 404), tested.text
    assert "0123456789abcdef" not in tested.text


async def test_write_back_that_can_not_be_read_keeps_no_other_waiting(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url, credentials=API_TOKEN)
    await set_up(harness, zendesk.url, OTHER, credentials=API_TOKEN)
    await harness.handle(
        EscalatedCase("zendesk:acme").raised(), EscalatedCase("zendesk:other").raised()
    )
    await harness.execute("UPDATE write_backs SET steps = '[]' WHERE system = 'zendesk:acme'")
    async with writing(harness, zendesk.url):
        await until(
            lambda: harness.rows("SELECT state FROM case_writes ORDER BY system"),
            lambda rows: [row.state for row in rows][1] == "written",
        )


async def test_write_back_that_can_not_be_read_is_halted_until_it_is_set_again(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    await harness.execute("UPDATE write_backs SET steps = '[]'")
    case = EscalatedCase()
    # The escalation is handled all the same.
    await harness.handle(case.raised(), case.acknowledged())
    body: dict[str, Any] = {"state": "active", "base_url": zendesk.url, "steps": ZENDESK_STEPS}
    async with managing(harness, zendesk.url) as api:
        shown = (await api.get(ZENDESK)).json()
        assert (shown["state"], shown["halt_reason"]) == ("halted", "its row can't be read")
        listed = await api.get("/v1/write-backs")
        assert [each["state"] for each in listed.json()["items"]] == ["halted"]
        tested = await api.post(f"{ZENDESK}/test")
        assert (tested.status_code, tested.json()["works"]) == (200, False)
        without_credentials = await api.put(ZENDESK, json=body)
        assert without_credentials.status_code == 422
        rotation = await rotate_secrets(harness.database, SecretBox(ENCRYPTION_KEY))
        assert rotation.unreadable == ["write-back zendesk:acme"]
        again = await api.put(ZENDESK, json={**body, "credentials": API_TOKEN})
        assert (again.status_code, again.headers["etag"]) == (200, '"2"')
    async with writing(harness, zendesk.url):
        await harness.handle(case.resolved())
        assert await all_written(harness) == [("resolved", "written")]


async def test_write_back_that_can_not_be_read_is_removed(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    await harness.execute("UPDATE write_backs SET language = 'fr'")
    async with managing(harness, zendesk.url) as api:
        assert (await api.delete(ZENDESK)).status_code == 204
        assert (await api.get(ZENDESK)).status_code == 404
