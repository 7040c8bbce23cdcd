"""Settings in front of the real services: read, change, refused, changed by others, archived."""

import re
from html import unescape
from typing import Any

import httpx
import pytest

from integration.console.harness import KEYS, SAME_ORIGIN
from integration.console.screens_harness import Screens
from integration.escalation.conftest import POLICY

GOLD = "/settings/policies/gold"
SCHEDULE = {
    "rotations": [
        {
            "zone": "Europe/Berlin",
            "starts_at": "2026-03-02T08:00:00+01:00",
            "shift_s": 86400,
            "members": ["sara", "mia"],
        }
    ]
}
CALENDAR = {
    "zone": "Europe/Berlin",
    "hours": {"mon": [["09:00", "17:00"]], "tue": [["09:00", "17:00"]]},
}
SETTINGS = {
    "calendars/office": CALENDAR,
    "duty-schedules/floor": SCHEDULE,
    "teams/front": {"supervisors": ["sara"]},
    "absences/sara": {
        "absences": [{"from": "2030-08-05T00:00:00Z", "until": "2030-08-19T00:00:00Z"}]
    },
}
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


def form_of(page: str) -> dict[str, Any]:
    """Return the fields of the form on a page, as a browser would send them."""
    values: dict[str, Any] = {}
    _, _, form = page.partition('method="post" action="/settings')
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = _attribute(tag, "name"), _attribute(tag, "value")
        is_tick = _attribute(tag, "type") in ("checkbox", "radio")
        if name and not (is_tick and " checked" not in tag):
            text = ("on" if value is None else value) if is_tick else (value or "")
            values[name] = [*values.get(name, []), text]
    for name, select in re.findall(
        r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL
    ):
        chosen = re.search(r'<option value="([^"]*)" selected', select)
        values[unescape(name)] = [unescape(chosen[1])] if chosen else [""]
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in values.items()}


def _attribute(tag: str, name: str) -> str | None:
    match = re.search(rf'\s{name}="([^"]*)"', tag)
    return unescape(match[1]) if match else None


def text_of(page: str) -> str:
    """Return the words of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


class Manager:
    """A manager's browser without scripts."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def read(self, address: str) -> str:
        answer = await self.client.get(address)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def press(self, address: str, fields: dict[str, Any], button: str) -> httpx.Response:
        return await self.client.post(
            address, data={**fields, "press": button}, headers=SAME_ORIGIN
        )

    async def review(self, address: str, **changes: Any) -> tuple[str, dict[str, Any]]:
        """Open the form, change fields, and return the difference with the fields to save."""
        fields = form_of(await self.read(address))
        answer = await self.press(address, {**fields, **changes}, "review")
        assert answer.status_code == 200, answer.text
        return answer.text, form_of(answer.text)


@pytest.fixture
async def mia(screens: Screens) -> Manager:
    screens.admit("mia")
    for path, body in SETTINGS.items():
        answer = await screens.api.put(f"/v1/{path}", json=body)
        assert answer.is_success, answer.text
    return Manager(await screens.console.enter("mia"))


async def settings_of(screens: Screens, path: str) -> Any:
    return (await screens.api.get(f"/v1/{path}")).json()


async def put_by_ops(screens: Screens, path: str, body: Any) -> None:
    assert (await screens.api.put(f"/v1/{path}", json=body)).is_success


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
        (GOLD, {"ladder_id": "none-such"}, "ladder_id", "There is no ladder none-such."),
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
            "There is no",
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
            "more than the limit of the role manager",
        ),
        ("/settings/workloads/rita", {"capacity": "0"}, "capacity", "at least 1"),
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
    assert re.search(r"ops has changed it \d+ s ago, while you wrote", words)
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
    assert re.search(r"ops has archived it \d+ s ago", text_of(answer.text))
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
    assert "Nobody is on duty" not in await mia.read("/settings")
    rotation = {**SCHEDULE["rotations"][0], "hours": {"mon": [["09:00", "10:00"]]}}
    await put_by_ops(screens, "duty-schedules/night", {"rotations": [rotation]})
    page = await mia.read("/settings")
    assert "Nobody is on duty" in page
    assert 'href="/settings/schedules/night"' in page


async def test_versions_are_compared_and_used_again(screens: Screens, mia: Manager) -> None:
    await put_by_ops(screens, "sla-policies/gold", {**POLICY, "severity": "low"})
    await put_by_ops(screens, "sla-policies/gold", {**POLICY, "severity": "high"})
    page = await mia.read(f"{GOLD}/versions?first=1&second=3")
    assert re.search(r"Severity of an escalation Version 1: medium Version 3: high", text_of(page))
    assert form_of(await mia.read(f"{GOLD}/edit?version=1"))["severity"] == "medium"
    assert "Version 2" in await mia.read(f"{GOLD}/versions?first=77")


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


@pytest.mark.parametrize(
    "button", ["add:nothing", "remove:targets/99", "up:targets/x", "add:", "remove:severity/0"]
)
async def test_rubbish_button_changes_nothing(mia: Manager, button: str) -> None:
    fields = form_of(await mia.read(f"{GOLD}/edit"))
    answer = await mia.press(f"{GOLD}/edit", {**fields, "targets/9999999/x": "y"}, button)
    assert answer.status_code in (200, 422)


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
