"""A person's rules: one medium after the other, and quiet hours that end in one summary."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from common.contracts.notifications import Medium
from common.core.clock import TimeSource
from common.core.metrics import Metrics
from common.messaging.dispatcher import Dispatcher
from devstack import receivers
from integration.notifier.conftest import (
    ServiceHarness,
    acknowledged,
    key,
    link_to,
    page_also,
    paged,
    pressed,
    send_as_slack,
    token_of,
)
from integration.notifier.examples import BROWSER, PROGRAM
from notifier.handlers import SUBSCRIPTIONS
from notifier.main import build
from support.databases import Postgres, open_database
from support.waiting import until

SLACK_THEN_MAIL = [
    {"after_minutes": 0, "media": ["slack"]},
    {"after_minutes": 2, "media": ["email"]},
]
ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
THREE_MINUTES = timedelta(minutes=3)


def quiet_now(**choices: Any) -> dict[str, Any]:
    """Return quiet hours from an hour ago until in two hours."""
    now = TimeSource().utc_now()
    period = {
        "days": ALL_DAYS,
        "begins": f"{now - timedelta(hours=1):%H:%M}",
        "ends": f"{now + timedelta(hours=2):%H:%M}",
    }
    return {"periods": [period], "dates": [], **choices}


async def put_rules(
    api: httpx.AsyncClient, *media: Medium, name: str = "dana", **rules: Any
) -> None:
    addresses: dict[Medium, dict[str, str]] = {
        "slack": {"medium": "slack", "channel": f"D-{name}", "user_id": f"U-{name}"},
        "email": {"medium": "email", "address": f"{name}@example.com"},
    }
    body = {
        "name": name.capitalize(),
        "media": [addresses[medium] for medium in media or ("slack", "email")],
        **rules,
    }
    answer = await api.put(f"/v1/recipients/{name}", json=body, headers=key("root"))
    assert answer.is_success, answer.text


async def story(harness: ServiceHarness) -> list[tuple[str, str, str | None]]:
    rows = await harness.rows(
        "SELECT medium, state, reason FROM notifications WHERE kind = 'page'"
        " ORDER BY notification_id"
    )
    return [tuple(row) for row in rows]


async def until_page_states(harness: ServiceHarness, *expected: tuple[str, str]) -> None:
    async def states() -> Sequence[tuple[str, str]]:
        return sorted((medium, state) for medium, state, _ in await story(harness))

    await until(states, lambda now: now == sorted(expected))


async def test_mail_follows_slack_that_nobody_has_seen(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_rules(api, steps={"high": SLACK_THEN_MAIL})
    async with harness.delivering():
        await harness.handle(paged())
        await until_page_states(harness, ("slack", "sent"), ("email", "pending"))
        assert not harness.mail.messages
        harness.advance(THREE_MINUTES)
        await until_page_states(harness, ("slack", "sent"), ("email", "sent"))
    assert len(harness.mail.messages) == 1


async def test_other_severity_goes_to_all_media_at_once(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_rules(api, steps={"critical": SLACK_THEN_MAIL})
    async with harness.delivering():
        await harness.handle(paged(severity="high"))
        await until_page_states(harness, ("slack", "sent"), ("email", "sent"))


async def test_default_of_the_centre_counts_unless_the_person_has_chosen(
    harness: ServiceHarness, api: httpx.AsyncClient, postgres: Postgres, database_name: str
) -> None:
    await harness.add_recipient("dana")
    await put_rules(api, name="sara", steps={"high": []})
    spec = build(harness.settings(delivery_steps={"high": SLACK_THEN_MAIL}))
    make_uow = spec.unit_of_work
    async with (
        open_database(postgres, database_name, "notifier", make_uow, TimeSource()) as database,
        harness.delivering(),
    ):
        dispatcher = Dispatcher(database, SUBSCRIPTIONS, Metrics())
        await replace(harness, dispatcher=dispatcher).handle(paged("dana"), paged("sara"))
        await until_page_states(
            harness,
            *(("slack", "sent"), ("email", "pending")),
            *(("slack", "sent"), ("email", "sent")),
        )


async def test_link_that_is_only_opened_ends_no_later_step(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    mail_first = [
        {"after_minutes": 0, "media": ["email"]},
        {"after_minutes": 2, "media": ["slack"]},
    ]
    await put_rules(api, steps={"high": mail_first})
    async with harness.delivering():
        await harness.handle(paged())
        await until_page_states(harness, ("email", "sent"), ("slack", "pending"))
        (mail,) = harness.mail.messages
        plain = mail.get_body(("plain",))
        assert plain
        # A scanner opens every link of a mail before anybody reads it.
        for url in re.findall(r"http://notifier/\S+", plain.get_content()):
            assert (await api.get(url, headers=BROWSER)).status_code == 200
        assert await harness.rows("SELECT 1 FROM notifications WHERE seen_at IS NOT NULL")
        harness.advance(THREE_MINUTES)
        await until_page_states(harness, ("email", "sent"), ("slack", "sent"))


@pytest.mark.parametrize("answer", ["link", "button", "event"])
async def test_message_that_was_answered_ends_the_later_steps(
    harness: ServiceHarness, api: httpx.AsyncClient, answer: str
) -> None:
    await put_rules(api, steps={"high": SLACK_THEN_MAIL})
    page = paged()
    async with harness.delivering():
        await harness.handle(page)
        await until_page_states(harness, ("slack", "sent"), ("email", "pending"))
        (post,) = harness.posted()
        match answer:
            case "link":
                await api.post(link_to(post), headers=PROGRAM)
                reason = "answered on slack"
            case "button":
                body = pressed("U-dana", token_of(post))
                await send_as_slack(api, body)
                reason = "answered on slack"
            case _:
                await harness.handle(acknowledged(page, "sara"))
                reason = "Acknowledged by sara"
        harness.advance(THREE_MINUTES)
        await until_page_states(harness, ("slack", "sent"), ("email", "cancelled"))
    (cancelled,) = [why for medium, _, why in await story(harness) if medium == "email"]
    assert cancelled
    assert cancelled.startswith(reason)
    assert not harness.mail.messages


async def test_step_that_fails_for_good_brings_the_next_one_at_once(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_rules(api, steps={"high": SLACK_THEN_MAIL})
    harness.slack.otherwise = receivers.slack_error("channel_not_found")
    async with harness.delivering():
        await harness.handle(paged())
        await until_page_states(harness, ("slack", "failed"), ("email", "sent"))


async def test_repeat_does_not_begin_the_wait_anew(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_rules(api, steps={"high": SLACK_THEN_MAIL})
    page = paged()
    async with harness.delivering():
        await harness.handle(page)
        await until_page_states(harness, ("slack", "sent"), ("email", "pending"))
        harness.advance(timedelta(minutes=1, seconds=30))
        await harness.handle(page_also(page, "dana", reason="repeated"))
        harness.advance(timedelta(seconds=45))
        await until_page_states(
            harness,
            *(("slack", "sent"), ("email", "cancelled")),
            *(("slack", "sent"), ("email", "sent")),
        )
    assert len(harness.mail.messages) == 1


async def test_quiet_hours_end_in_one_summary(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_rules(api, "slack", quiet_hours=quiet_now())
    async with harness.delivering():
        await harness.handle(paged(), paged(), paged(severity="critical"))
        await until_page_states(
            harness, ("slack", "held_back"), ("slack", "held_back"), ("slack", "sent")
        )
        reasons = [why for _, state, why in await story(harness) if state == "held_back"]
        assert all(why and why.startswith("quiet hours until 20") for why in reasons)
        harness.advance(timedelta(hours=1))
        await harness.handle(paged(on_duty=True))
        await until(lambda: len(harness.posted()) == 2)
        harness.advance(timedelta(hours=2))
        await until(lambda: len(harness.posted()) == 3)
        await until_page_states(harness, *[("slack", "grouped")] * 2, *[("slack", "sent")] * 2)
    assert "2 " in harness.posted()[-1].body["text"]


async def test_page_that_is_answered_meanwhile_is_not_in_the_summary(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_rules(api, "slack", quiet_hours=quiet_now())
    page = paged()
    async with harness.delivering():
        await harness.handle(page)
        await until_page_states(harness, ("slack", "held_back"))
        await harness.handle(acknowledged(page, "sara"))
        await until_page_states(harness, ("slack", "cancelled"))
        harness.advance(timedelta(hours=3))
        await until(harness.states, lambda states: ("summary", "slack", "cancelled") in states)
    assert not harness.posted()


async def test_whole_day_is_quiet_until_midnight_in_the_zone_of_the_person(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    today = TimeSource().utc_now().astimezone(zone).date()
    # A test about midnight sees the next day.
    dates = [str(today), str(today + timedelta(days=1))]
    await put_rules(api, "slack", quiet_hours={"dates": dates}, time_zone=zone.key)
    async with harness.delivering():
        await harness.handle(paged(severity="low"), paged(severity="critical"))
        await until_page_states(harness, ("slack", "held_back"), ("slack", "sent"))
    (row,) = await harness.rows("SELECT reason FROM notifications WHERE state = 'held_back'")
    end = today + timedelta(days=2)
    assert row.reason == f"quiet hours until {end} 00:00 (Pacific/Auckland)"


async def test_summary_at_night_has_only_what_overrides_quiet_hours(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_rules(api, "slack", quiet_hours=quiet_now())
    async with harness.delivering(recipient_budget=1):
        await harness.handle(paged())
        await until_page_states(harness, ("slack", "held_back"))
        # The second critical page is over the budget: its summary does not wait for the morning.
        await harness.handle(*(paged(severity="critical") for _ in range(2)))
        await until_page_states(
            harness, ("slack", "held_back"), ("slack", "sent"), ("slack", "grouped")
        )
        assert len(harness.posted()) == 2
        harness.advance(timedelta(hours=3))
        await until_page_states(
            harness, ("slack", "grouped"), ("slack", "sent"), ("slack", "grouped")
        )
    assert len(harness.posted()) == 3


async def test_later_step_waits_for_the_summary_to_stay_unseen(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    mail_after_10_min = [SLACK_THEN_MAIL[0], {"after_minutes": 10, "media": ["email"]}]
    await put_rules(api, steps={"high": mail_after_10_min}, quiet_hours=quiet_now())
    async with harness.delivering():
        await harness.handle(paged())
        await until_page_states(harness, ("slack", "held_back"), ("email", "pending"))
        harness.advance(timedelta(minutes=11))
        await until(
            lambda: story(harness),
            lambda pages: all("quiet hours until" in (why or "") for *_, why in pages),
        )
        harness.advance(timedelta(hours=1, minutes=50))
        await until_page_states(harness, ("slack", "grouped"), ("email", "pending"))
        assert not harness.mail.messages
        harness.advance(timedelta(minutes=11))
        await until_page_states(harness, ("slack", "grouped"), ("email", "sent"))


async def test_steps_that_come_too_late_are_warned_of(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put_rules(api)
    await harness.handle(paged(), paged(severity="low"))
    late = [SLACK_THEN_MAIL[0], {"after_minutes": 15, "media": ["email"]}]
    await put_rules(api, steps={"high": late, "low": SLACK_THEN_MAIL, "critical": late})
    shown = await api.get("/v1/recipients/dana", headers=key("dana"))
    (warning,) = shown.json()["late_steps"]
    assert (warning["severity"], warning["after_minutes"]) == ("high", 15)
    assert warning["answer_within_minutes"] in (9, 10)


async def test_rules_stay_when_only_addresses_are_put(api: httpx.AsyncClient) -> None:
    quiet = quiet_now(unless_severity="high")
    await put_rules(api, steps={"high": SLACK_THEN_MAIL}, quiet_hours=quiet, language="de")
    await put_rules(api, "slack")
    shown = (await api.get("/v1/recipients/dana", headers=key("dana"))).json()
    assert (shown["steps"], shown["quiet_hours"], shown["language"]) == (
        {"high": SLACK_THEN_MAIL},
        quiet,
        "de",
    )
    await put_rules(api, "slack", steps={}, quiet_hours=None, language=None)
    shown = (await api.get("/v1/recipients/dana", headers=key("dana"))).json()
    assert (shown["steps"], shown["quiet_hours"], shown["language"]) == ({}, None, None)


@pytest.mark.parametrize(
    ("rules", "pointer"),
    [
        ({"steps": {"high": [{"after_minutes": 0, "media": ["teams"]}]}}, "body"),
        ({"steps": {"high": [{"after_minutes": 3, "media": ["slack"]}]}}, "body/steps/high"),
        ({"steps": {"urgent": []}}, "body/steps/urgent"),
        ({"language": "tlh"}, "body/language"),
        ({"quiet_hours": {"periods": []}}, "body/quiet_hours"),
    ],
)
async def test_impossible_rules_are_refused_with_their_place(
    api: httpx.AsyncClient, rules: dict[str, Any], pointer: str
) -> None:
    slack = {"medium": "slack", "channel": "D1", "user_id": "U1"}
    body = {"name": "Dana", "media": [slack], **rules}
    answer = await api.put("/v1/recipients/dana", json=body, headers=key("root"))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_operations_have_no_quiet_hours(api: httpx.AsyncClient) -> None:
    mail = {"medium": "email", "address": "ops@example.com"}
    body = {"name": "Operations", "media": [mail], "quiet_hours": quiet_now()}
    answer = await api.put("/v1/recipients/operations", json=body, headers=key("root"))
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (
        409,
        "operations-without-quiet-hours",
    )


async def test_changes_of_rules_do_not_use_up_those_of_addresses(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana")
    shown = (await api.get("/v1/recipients/dana", headers=key("dana"))).json()
    body = {name: shown[name] for name in ("name", "media", "time_zone")}
    for minutes in range(1, 13):
        steps = [SLACK_THEN_MAIL[0], {"after_minutes": minutes, "media": ["email"]}]
        answer = await api.put(
            "/v1/recipients/dana", json={**body, "steps": {"low": steps}}, headers=key("dana")
        )
        assert answer.status_code == 200
    answer = await api.put(
        "/v1/recipients/dana", json={**body, "name": "Dana R."}, headers=key("dana")
    )
    assert answer.status_code == 200
