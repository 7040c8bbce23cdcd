"""A manager's settings: accessible in both themes and on a phone, by keyboard only."""

from typing import Final

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.desk import Desk, look_in_both_themes, look_on_phone, tab_to

pytestmark = pytest.mark.xdist_group("browser")

GOLD: Final = "/settings/policies/gold-customers"
# No contact of the other tests gets it.
POLICY: Final = {
    "match": {
        "tier": ["premium", "vip"],
        "language": ["en"],
        "channel": ["call"],
        "campaign": ["x"],
    },
    "calendar_id": "office",
    "ladder_id": "patient",
    "severity": "high",
    "targets": [
        {
            "clock": "first_response",
            "target_s": 120,
            "thresholds": [
                {"action": "warn_representative", "at_percent": 80},
                {"action": "change_priority", "offset_s": -30, "priority": "urgent"},
            ],
        },
        {"clock": "resolution", "target_s": 28800},
    ],
    "raise_when": {"vip": True, "repeated": {"contacts": 3, "within_days": 7}},
}
CALENDAR: Final = {
    "zone": "Europe/Berlin",
    "hours": {
        **{day: [["09:00", "12:30"], ["13:00", "17:00"]] for day in ("mon", "tue", "wed", "thu")},
        "fri": [["09:00", "15:00"]],
    },
    "holidays": [{"country": "DE", "region": "BE"}],
    "special": {"2030-12-24": [["09:00", "12:00"]]},
    "closed": ["2030-12-27"],
}
SCREENS: Final = {
    "settings": "/settings",
    "settings-list": "/settings/policies",
    "settings-policy": f"{GOLD}?topic=billing&language=en&tier=vip",
    "settings-policy-form": f"{GOLD}/edit",
    "settings-policy-versions": f"{GOLD}/versions",
    "settings-policy-archive": f"{GOLD}/archive",
    "settings-policy-new": "/settings/new/policies",
    "settings-ladder": "/settings/ladders/default",
    "settings-ladder-form": "/settings/ladders/default/edit",
    "settings-calendar": "/settings/calendars/office",
    "settings-calendar-form": "/settings/calendars/office/edit",
    "settings-schedule-form": "/settings/schedules/supervisors/edit",
    "settings-limit-form": "/settings/limits/supervisor/edit",
    "settings-person-form": "/settings/people/rita/edit",
}


@pytest.fixture(scope="module")
async def sample_settings(browser_stage: BrowserStage) -> None:
    for path, body in (
        ("/calendars/office", CALENDAR),
        ("/sla-policies/gold-customers", {**POLICY, "severity": "medium"}),
        ("/sla-policies/gold-customers", POLICY),
    ):
        await browser_stage.actors.call("ops", "escalation", "PUT", path, body)


@pytest.fixture
async def marco(desk: Desk, sample_settings: None) -> Page:
    return await desk.sit_down("marco")


@pytest.mark.parametrize("name", SCREENS)
async def test_screen_of_settings_is_accessible_and_fits_a_phone(marco: Page, name: str) -> None:
    answer = await marco.goto(SCREENS[name])
    assert answer is not None
    assert answer.status == 200
    await look_in_both_themes(marco, name)
    await look_on_phone(marco, name)


async def test_manager_changes_a_policy_by_keyboard_only(
    browser_stage: BrowserStage, marco: Page
) -> None:
    await marco.keyboard.press("g")
    await marco.keyboard.press("s")
    await marco.wait_for_url("**/settings")
    for link, address in (
        ("Policies", "/settings/policies"),
        ("Gold customers", GOLD),
        ("Change…", f"{GOLD}/edit"),
    ):
        await tab_to(marco, link)
        await marco.keyboard.press("Enter")
        await marco.wait_for_url(f"**{address}")
    within = marco.locator("[name='targets/0/target_s']")
    await tab_to(marco, "Within")
    await expect(within).to_be_focused()
    await marco.keyboard.press("ControlOrMeta+a")
    await marco.keyboard.type("soon")
    await marco.keyboard.press("Enter")
    await expect(marco.locator("[id='problem-targets/0/target_s']")).to_contain_text("its unit")
    await tab_to(marco, "Within")
    await marco.keyboard.press("ControlOrMeta+a")
    await marco.keyboard.type("5 min")
    await tab_to(marco, "Add a promise")
    await marco.keyboard.press("Enter")
    clock = marco.locator("[name='targets/2/clock']")
    await expect(clock).to_be_focused()
    await marco.keyboard.type("Regular")
    await marco.keyboard.press("Tab")
    await marco.keyboard.type("2 h")
    await marco.keyboard.press("Enter")
    changes = marco.locator("table.changes")
    await expect(changes).to_contain_text("5 min")
    await expect(changes).to_contain_text("Regular update")
    await look_in_both_themes(marco, "settings-review")
    await expect(marco.get_by_role("button", name="Save")).to_be_focused()
    await marco.keyboard.press("Enter")
    await marco.wait_for_url(f"**{GOLD}?done=saved")
    await expect(marco.locator("main")).to_contain_text("First reply within 5 min")
    await expect(marco.locator("main")).to_contain_text("Regular update within 2 h")
