"""Filters of Now are in the address: they outlast everything, and live rows obey them."""

import re

import pytest
from playwright.async_api import Page, expect

from browser.conftest import BrowserStage
from browser.escalations import WAIT_MS, escalate, expect_live, row_of

pytestmark = pytest.mark.xdist_group("browser")
ADDRESS = re.compile(r"/now\?.*channel=chat")


async def expect_filters(page: Page) -> None:
    await expect(page).to_have_url(ADDRESS)
    await expect(page.locator("#filter-channel")).to_have_value("chat")
    await expect(page.locator("#filter-sort")).to_have_value("newest")
    await expect(row_of(page, "Filtered chat")).to_be_visible(timeout=WAIT_MS)
    # At once: the page reads its rows again from time to time.
    assert await row_of(page, "Filtered email").count() == 0


async def test_filters_outlast_a_visit_elsewhere_and_a_reload(
    browser_stage: BrowserStage, sara: Page
) -> None:
    await expect_live(sara)
    await escalate(browser_stage, "Filtered email", channel="email")
    await expect(row_of(sara, "Filtered email")).to_be_visible(timeout=WAIT_MS)
    await sara.keyboard.press("/")
    await expect(sara.locator("#filter-severity")).to_be_focused()
    await sara.locator("#filter-channel").select_option("chat")
    await sara.locator("#filter-sort").select_option("newest")
    await sara.locator(".filters button").press("Enter")
    await expect_live(sara)
    # Both come by the stream, one after the other.
    await escalate(browser_stage, "Filtered email, the second", channel="email")
    await escalate(browser_stage, "Filtered chat")
    await expect_filters(sara)
    await row_of(sara, "Filtered chat").locator(".headline").press("Enter")
    await sara.wait_for_url("**/e/*")
    await sara.go_back()
    await expect_filters(sara)
    await sara.reload()
    await expect_filters(sara)
