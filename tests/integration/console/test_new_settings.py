"""Settings that are put for the first time, archived, searched and asked about."""

import asyncio
import re
from typing import Any

import pytest

from integration.console.harness import KEYS
from integration.console.screens_harness import Screens
from integration.console.settings_harness import (
    GOLD,
    Manager,
    form_of,
    put_by_ops,
    settings_of,
    text_of,
)
from integration.escalation.conftest import POLICY


async def test_new_setting_is_put_once(screens: Screens, mia: Manager) -> None:
    address = "/settings/new/policies"
    changes: dict[str, Any] = {
        "setting-id": "silver",
        "match/channel": ["call", "chat"],
        "match/topic": "returns, billing",
        "targets/0/clock": "first_response",
        "targets/0/target_s": "1 h 30 min",
        "ladder_id": "default",
    }
    _, fields = await mia.review(address, **changes)
    assert (await mia.press(address, fields, "save")).status_code == 303
    body = (await settings_of(screens, "sla-policies/silver"))["body"]
    assert body["match"]["channel"] == ["call", "chat"]
    assert body["match"]["topic"] == ["returns", "billing"]
    assert (body["targets"][0]["target_s"], body["wait_limit_s"]) == (5400, 14 * 86400)
    again = await mia.press(address, fields, "save")
    assert again.status_code == 422
    assert "There is one of this name already." in again.text
    assert (await settings_of(screens, "sla-policies/silver"))["version"] == 1


async def test_of_two_who_make_the_same_setting_at_once_one_is_told_who_was_faster(
    screens: Screens, mia: Manager
) -> None:
    screens.admit("mia")
    address = "/settings/new/policies"
    for n in range(5):
        reviewed = [
            await mia.review(
                address,
                **{
                    "setting-id": f"silver-{n}",
                    "targets/0/clock": "first_response",
                    "targets/0/target_s": f"{minutes} min",
                    "ladder_id": "default",
                },
            )
            for minutes in (5, 6)
        ]
        answers = await asyncio.gather(
            *(mia.press(address, fields, "save") for _, fields in reviewed)
        )
        done, refused = sorted(answers, key=lambda answer: answer.status_code)
        assert done.status_code == 303
        assert refused.status_code in (412, 422)
        assert ("made one of this name" in refused.text) == (refused.status_code == 412)
        assert (await settings_of(screens, f"sla-policies/silver-{n}"))["version"] == 1


@pytest.mark.parametrize("etag", ["", "é", "\u0661", '"1"\r\nX-Role: manager', "*", "1"])
async def test_forged_etag_archives_and_changes_nothing(
    screens: Screens, mia: Manager, etag: str
) -> None:
    for address, press in ((f"{GOLD}/archive", ""), (f"{GOLD}/edit", "save")):
        fields = {**form_of(await mia.read(address)), "etag": etag}
        answer = await mia.press(address, {**fields, "open-contacts": "keep"}, press)
        assert answer.status_code in (412, 422)
        assert "<h1" in answer.text
    assert (await settings_of(screens, "sla-policies/gold"))["version"] == 1


@pytest.mark.parametrize("setting_id", ["", "../gold", "two words", "x" * 101])
async def test_name_that_can_be_no_id_is_refused(mia: Manager, setting_id: str) -> None:
    fields = {**form_of(await mia.read("/settings/new/teams")), "setting-id": setting_id}
    answer = await mia.press("/settings/new/teams", fields, "save")
    assert answer.status_code == 422
    assert "Please write letters, digits and hyphens only." in answer.text


async def test_setting_that_others_name_is_not_archived(screens: Screens, mia: Manager) -> None:
    address = "/settings/ladders/default/archive"
    answer = await mia.press(address, form_of(await mia.read(address)), "")
    assert answer.status_code == 409
    assert f'<a href="{GOLD}"' in answer.text
    assert (await settings_of(screens, "ladders/default"))["version"] == 1


async def test_archived_setting_stands_apart_and_comes_back(screens: Screens, mia: Manager) -> None:
    address = f"{GOLD}/archive"
    await screens.escalate()
    fields = form_of(await mia.read(address))
    refused = await mia.press(address, fields, "")
    assert refused.status_code == 409
    assert "1 open contact depends on it." in refused.text
    archived = await mia.press(address, {**fields, "open-contacts": "keep"}, "")
    assert archived.headers["location"] == "/settings/policies?done=archived"
    assert "Archived (1)" in await mia.read("/settings/policies")
    assert "Bring back…" in await mia.read(GOLD)
    _, fields = await mia.review(f"{GOLD}/edit")
    assert (await mia.press(f"{GOLD}/edit", fields, "save")).status_code == 303
    assert (await settings_of(screens, "sla-policies/gold"))["version"] == 3


async def test_policy_tells_which_contact_gets_it(screens: Screens, mia: Manager) -> None:
    await put_by_ops(screens, "sla-policies/silver", {**POLICY, "match": {"channel": ["chat"]}})
    page = text_of(await mia.read(f"{GOLD}?topic=billing&language=en&channel=chat"))
    assert "applies" in page
    wrong = await mia.read(f"{GOLD}?topic=&language=en")
    assert 'id="problem-topic"' in wrong


async def test_search_finds_words_of_the_meaning(screens: Screens, mia: Manager) -> None:
    assert 'href="/settings/schedules/floor"' in await mia.read("/settings/schedules?q=mia+berlin")
    nothing = await mia.read("/settings/schedules?q=<b>nobody")
    assert 'href="/settings/schedules/floor"' not in nothing
    assert "<b>nobody" not in nothing


async def test_person_gets_a_skill(screens: Screens, mia: Manager) -> None:
    await screens.console.put_person("mia", reports_to=None)
    await screens.console.put_person("rita", reports_to="mia")
    address = "/settings/people/rita/edit"
    page, fields = await mia.review(address, skills="billing, returns")
    assert "billing, returns" in page
    assert (await mia.press(address, fields, "save")).status_code == 303
    shown = await screens.console.router.get("/v1/people/rita", headers=KEYS("ops"))
    assert (shown.json()["skills"], shown.json()["roles"]) == (
        ["billing", "returns"],
        ["representative"],
    )
    versions = text_of(await mia.read("/settings/people/rita/versions"))
    assert "Mia" in versions
    assert "Skills Version 2: billing Version 3: billing, returns" in versions
    older = form_of(await mia.read("/settings/people/rita/edit?version=2"))
    assert older["skills"] == "billing"


async def test_workload_has_its_history(screens: Screens, mia: Manager) -> None:
    address = "/settings/workloads/rita"
    _, fields = await mia.review(f"{address}/edit", capacity="5")
    assert (await mia.press(f"{address}/edit", fields, "save")).status_code == 303
    shown = text_of(await mia.read(f"{address}/versions"))
    assert re.search(r"Contacts at the same time Version \d+: \d+ Version \d+: 5", shown)


@pytest.mark.parametrize(
    "button", ["add:nothing", "remove:targets/99", "up:targets/x", "add:", "remove:severity/0"]
)
async def test_rubbish_button_changes_nothing(screens: Screens, mia: Manager, button: str) -> None:
    fields = form_of(await mia.read(f"{GOLD}/edit"))
    answer = await mia.press(f"{GOLD}/edit", {**fields, "targets/9999999/x": "y"}, button)
    assert answer.status_code in (200, 422)
    assert (await settings_of(screens, "sla-policies/gold"))["version"] == 1


@pytest.mark.parametrize(
    "address", ["/settings/none", "/settings/policies/none", "/settings/new/x"]
)
async def test_address_of_no_setting_is_not_found(mia: Manager, address: str) -> None:
    assert (await mia.client.get(address)).status_code == 404


async def test_outage_while_saving_keeps_what_was_written(screens: Screens, mia: Manager) -> None:
    address = "/settings/workloads/rita/edit"
    _, fields = await mia.review(address, capacity="5")
    screens.break_off("router")
    answer = await mia.press(address, fields, "save")
    assert answer.status_code == 503
