"""Settings in front of the real services: read, change, refused, changed by others."""

import re
from html import unescape
from typing import Any

import pytest

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

PAGES = (
    "/settings",
    *(
        f"/settings/{place}"
        for place in (
            "policies/gold",
            "ladders/default",
            "schedules/floor",
            "calendars/office",
            "people/rita",
            "workloads/rita",
            "teams/front",
            "absences/sara",
            "limits/supervisor",
        )
    ),
)


@pytest.mark.parametrize("address", PAGES)
async def test_supervisor_reads_every_setting_and_changes_none(
    screens: Screens, mia: Manager, address: str
) -> None:
    sara = await screens.console.enter("sara")
    page = await sara.get(address)
    assert page.status_code == 200
    assert "/edit" not in page.text
    assert "/archive" not in page.text
    if address != "/settings":
        assert (await sara.get(f"{address}/edit")).status_code == 403
        assert (await sara.get(address.rpartition("/")[0])).status_code == 200


@pytest.mark.parametrize("address", PAGES[1:])
async def test_form_that_is_sent_unchanged_differs_in_nothing(mia: Manager, address: str) -> None:
    page, _ = await mia.review(f"{address}/edit")
    assert "Nothing differs from what counts now." in page
    assert ">Save<" not in page


async def test_representative_may_not_open_settings(screens: Screens) -> None:
    screens.admit("rita")
    rita = await screens.console.enter("rita")
    assert (await rita.get("/settings")).status_code == 403


async def test_policy_says_what_it_means(mia: Manager) -> None:
    words = text_of(await mia.read(GOLD))
    assert "First reply within" in words
    assert "At once: supervisors; after 5 min: managers." in words
    assert "A broken promise escalates with severity medium by ladder Default." in words


async def test_difference_is_shown_and_then_saved(screens: Screens, mia: Manager) -> None:
    page, fields = await mia.review(f"{GOLD}/edit", severity="critical")
    assert "Severity of an escalation Now: medium After saving: critical" in text_of(page)
    assert (await settings_of(screens, "sla-policies/gold"))["version"] == 1
    answer = await mia.press(f"{GOLD}/edit", fields, "save")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{GOLD}?done=saved")
    saved = await settings_of(screens, "sla-policies/gold")
    assert (saved["version"], saved["body"]["severity"]) == (2, "critical")
    assert saved["body"]["targets"] == (await _versions(screens))[-1]["body"]["targets"]
    assert "by ladder" in await mia.read(f"{GOLD}?done=saved")


async def _versions(screens: Screens) -> list[Any]:
    items: list[Any] = (await settings_of(screens, "sla-policies/gold/versions"))["items"]
    return items


async def test_rows_are_added_and_removed_without_scripts(mia: Manager) -> None:
    fields = form_of(await mia.read(f"{GOLD}/edit"))
    count = len([name for name in fields if re.fullmatch(r"targets/\d+/clock", name)])
    added = await mia.press(f"{GOLD}/edit", fields, "add:targets")
    fields = form_of(added.text)
    assert fields[f"targets/{count}/clock"] == ""
    assert re.search(rf'name="targets/{count}/clock"[^>]*autofocus', added.text)
    added = await mia.press(f"{GOLD}/edit", fields, f"add:targets/{count}/thresholds")
    fields = form_of(added.text)
    assert f"targets/{count}/thresholds/0/action" in fields
    removed = await mia.press(f"{GOLD}/edit", fields, "remove:targets/0")
    assert f"targets/{count}/clock" not in form_of(removed.text)
    assert f"targets/{count - 1}/thresholds/0/action" in form_of(removed.text)


async def test_levels_of_a_ladder_change_places(screens: Screens, mia: Manager) -> None:
    address = "/settings/ladders/default/edit"
    fields = form_of(await mia.read(address))
    moved = form_of((await mia.press(address, fields, "up:levels/1")).text)
    assert [moved["levels/0/name"], moved["levels/1/name"]] == ["managers", "supervisors"]
    review = await mia.press(address, moved, "review")
    assert "Order" in review.text
    assert "supervisors, managers" in review.text
    await mia.press(address, form_of(review.text), "save")
    levels = (await settings_of(screens, "ladders/default"))["body"]["levels"]
    assert [level["name"] for level in levels] == ["managers", "supervisors"]


@pytest.mark.parametrize(
    ("address", "changes", "field", "detail"),
    [
        (GOLD, {"targets/0/target_s": "soon"}, "targets/0/target_s", "with its unit"),
        (GOLD, {"targets/0/target_s": ""}, "targets/0/target_s", "Please fill this in."),
        (GOLD, {"ladder_id": "none-such"}, "ladder_id", "none-such does not exist."),
        (
            "/settings/ladders/default",
            {"levels/1/who/0": "team_supervisors:"},
            "levels/1/who",
            "The last level must name a person.",
        ),
        (
            "/settings/ladders/default",
            {"levels/0/who/0": "duty:none-such"},
            "levels/0/who/0",
            "none-such does not exist.",
        ),
        ("/settings/calendars/office", {"zone": "Berlin"}, "zone", "must be a time zone"),
        (
            "/settings/calendars/office",
            {"hours/mon": "17:00-09:00"},
            "hours/mon",
            "is on the next day",
        ),
        (
            "/settings/limits/supervisor",
            {"limits/0/value": "5000"},
            "limits/0/value",
            "more than managers may grant",
        ),
        ("/settings/workloads/rita", {"capacity": "0"}, "capacity", "At least 1."),
    ],
)
async def test_refusal_stands_beside_the_field_that_it_names(
    mia: Manager, address: str, changes: dict[str, str], field: str, detail: str
) -> None:
    fields = {**form_of(await mia.read(f"{address}/edit")), **changes}
    answer = await mia.press(f"{address}/edit", fields, "save")
    assert answer.status_code == 422, answer.text
    match = re.search(rf'id="problem-{re.escape(field)}">([^<]*)<', answer.text)
    assert match, text_of(answer.text)
    assert detail in unescape(match[1])
    for name, value in changes.items():
        assert form_of(answer.text)[name] == value


async def test_limit_of_managers_is_not_theirs_to_set(screens: Screens, mia: Manager) -> None:
    address = "/settings/limits/manager/edit"
    fields = {**form_of(await mia.read(address)), "limits/0/value": "9999"}
    answer = await mia.press(address, fields, "save")
    assert answer.status_code == 403
    assert "The limit of the role manager is set by the role admin." in unescape(answer.text)
    assert form_of(answer.text)["limits/0/value"] == "9999"


async def test_conflict_says_who_was_faster_and_keeps_what_was_written(
    screens: Screens, mia: Manager
) -> None:
    _, fields = await mia.review(f"{GOLD}/edit", severity="critical")
    await put_by_ops(screens, "sla-policies/gold", {**POLICY, "severity": "low"})
    answer = await mia.press(f"{GOLD}/edit", fields, "save")
    assert answer.status_code == 412
    words = text_of(answer.text)
    assert re.search(r"ops changed it \d+ s ago, while you wrote", words)
    assert re.search(r"Severity of an escalation Now: low After saving: critical", words)
    assert (await settings_of(screens, "sla-policies/gold"))["body"]["severity"] == "low"
    answer = await mia.press(f"{GOLD}/edit", form_of(answer.text), "save")
    assert answer.status_code == 303
    assert (await settings_of(screens, "sla-policies/gold"))["body"]["severity"] == "critical"


async def test_setting_that_was_archived_meanwhile_comes_back_knowingly(
    screens: Screens, mia: Manager
) -> None:
    _, fields = await mia.review(f"{GOLD}/edit", severity="critical")
    assert (await screens.api.delete("/v1/sla-policies/gold")).is_success
    answer = await mia.press(f"{GOLD}/edit", fields, "save")
    assert answer.status_code == 412
    assert re.search(r"ops archived it \d+ s ago", text_of(answer.text))
    answer = await mia.press(f"{GOLD}/edit", form_of(answer.text), "save")
    assert answer.status_code == 303
    assert (await settings_of(screens, "sla-policies/gold"))["body"]["severity"] == "critical"


async def test_words_of_settings_are_no_markup(screens: Screens, mia: Manager) -> None:
    word = "<script>alert(1)</script>"
    body = (await settings_of(screens, "ladders/default"))["body"]
    body["levels"][0]["name"] = word
    await put_by_ops(screens, "ladders/default", body)
    address = "/settings/ladders/default"
    review, _ = await mia.review(f"{address}/edit", **{"levels/0/name": f"{word}2"})
    pages = [
        await mia.read(each)
        for each in ("/settings/ladders", address, f"{address}/edit", f"{address}/versions", GOLD)
    ]
    for page in (review, *pages):
        assert "&lt;script&gt;alert(1)" in page
        assert word not in page


async def test_problems_of_the_settings_lead_to_the_setting(screens: Screens, mia: Manager) -> None:
    assert "A policy never applies" not in await mia.read("/settings")
    await put_by_ops(screens, "sla-policies/twin", POLICY)
    page = await mia.read("/settings")
    assert "A policy never applies" in page
    assert 'href="/settings/policies/twin"' in page


async def test_versions_are_compared_and_used_again(screens: Screens, mia: Manager) -> None:
    await put_by_ops(screens, "sla-policies/gold", {**POLICY, "severity": "low"})
    await put_by_ops(screens, "sla-policies/gold", {**POLICY, "severity": "high"})
    page = await mia.read(f"{GOLD}/versions?first=1&second=3")
    assert re.search(r"Severity of an escalation Version 1: medium Version 3: high", text_of(page))
    assert form_of(await mia.read(f"{GOLD}/edit?version=1"))["severity"] == "medium"
    assert "Version 2" in await mia.read(f"{GOLD}/versions?first=77")


async def test_form_with_too_many_fields_changes_nothing(mia: Manager) -> None:
    fields = {f"levels/{number}/name": "x" for number in range(5001)}
    answer = await mia.press("/settings/ladders/default/edit", fields, "review")
    assert answer.status_code == 400
    assert "<h1>" in answer.text
