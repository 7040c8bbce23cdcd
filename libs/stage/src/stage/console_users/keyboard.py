"""A person in front of a browser, with the keyboard only."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, Error, Locator, Page, ViewportSize, expect

from stage.console_users.user import BUTTONS, WAIT_S, RowMissingError, Sight, on_one_line

_ANY_TEXT: Final = re.compile(r"\S")
_WAIT_MS: Final = 1000 * WAIT_S
# More than there are rows and buttons in a story.
_MAX_PRESSES: Final = 100
_VIEWPORT: Final[ViewportSize] = {"width": 1280, "height": 900}
_POLL_S: Final = 0.1
_IS_ABOVE_FOCUS: Final = """row => document.activeElement.closest(".row") !== null
    && !!(row.compareDocumentPosition(document.activeElement) & Node.DOCUMENT_POSITION_FOLLOWING)"""


class Keyboard:
    """The keys of one page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, key: str) -> None:
        await self.page.keyboard.press(key)

    async def press_until_focused(self, key: str, target: str) -> None:
        """Press until the focus is in the target; raises RowMissingError if that never happens."""
        for _ in range(_MAX_PRESSES):
            if await self.page.evaluate("t => !!document.activeElement.closest(t)", target):
                return
            await self.press(key)
        raise RowMissingError(f"{key} does not lead to {target}")

    async def fill(self, form: Mapping[str, str]) -> None:
        """Go from field to field, and type; then send the form that is open."""
        for name, value in form.items():
            await self.press_until_focused("Tab", f"#field-{name}")
            # A list takes the choice that begins with what is typed.
            await self.page.keyboard.type(value)
        await self.press_until_focused("Tab", "form.form button.primary")
        await self.press("Enter")


class KeyboardUser:
    """The person looks at Now, which is live, and loads nothing again."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._keyboard = Keyboard(page)

    async def find_row(self, escalation_id: str, action: str) -> Sight:
        row = self._row(escalation_id, f"[data-primary={action}]")
        try:
            async with asyncio.timeout(WAIT_S):
                while not await row.is_visible():
                    await self._apply_changes()
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            message = f"the console does not show {action} for {escalation_id}"
            raise RowMissingError(message) from None
        # Rows out of sight have no text that anybody could read, until they are painted.
        await row.scroll_into_view_if_needed()
        await expect(row).to_have_text(_ANY_TEXT, use_inner_text=True, timeout=_WAIT_MS)
        reasons = await row.locator(".reasons li").all_inner_texts()
        return Sight(
            band=await row.get_attribute("data-band") or "",
            headline=await row.locator(".headline").inner_text(),
            reasons=tuple(map(on_one_line, reasons)),
            time_left=on_one_line(await row.locator("td").first.inner_text()),
            who=on_one_line(await row.locator(".who").inner_text()),
            button=on_one_line(await row.locator(BUTTONS).first.inner_text()),
        )

    async def press(self, escalation_id: str, action: str, form: Mapping[str, str]) -> str:
        outcome = self.page.locator("#outcome p")
        before = await outcome.text_content()
        row = self._row(escalation_id)
        is_above = await row.evaluate(_IS_ABOVE_FOCUS)
        key = "k" if is_above else "j"
        await self._keyboard.press_until_focused(key, f"#row-{escalation_id}")
        button = row.locator(f"[data-action={action}][data-key]").first
        if await button.count():
            await self._keyboard.press(await button.get_attribute("data-key") or "")
        else:
            target = f"#row-{escalation_id} [data-action={action}]"
            await self._keyboard.press_until_focused("Tab", target)
            await self._keyboard.press("Enter")
        # An action without a form has no dialog.
        if form or await row.locator(f"a[data-action={action}]").count():
            await self._expect(self.page.locator("dialog[open] form.form"), f"a form for {action}")
            await self._keyboard.fill(form)
        try:
            await expect(outcome).not_to_have_text(before or "", timeout=_WAIT_MS)
        except AssertionError as error:
            raise RowMissingError(f"nothing confirms {action} of {escalation_id}") from error
        return on_one_line(await outcome.inner_text())

    async def shows(self, text: str) -> bool:
        return text in await self.page.locator("main").inner_text()

    async def wait_until_gone(self, escalation_id: str) -> None:
        # A row stays, greyed, while the focus is in it.
        row = self._row(escalation_id, ":not(.gone)")
        try:
            await expect(row).to_have_count(0, timeout=_WAIT_MS)
        except AssertionError as error:
            raise RowMissingError(f"{escalation_id} is still in the list") from error

    async def _apply_changes(self) -> None:
        """Let rows move that wait, since the focus is in one."""
        if await self.page.locator("#held").is_visible():
            await self._keyboard.press(".")

    def _row(self, escalation_id: str, state: str = "") -> Locator:
        return self.page.locator(f"#row-{escalation_id}{state}")

    async def _expect(self, place: Locator, description: str) -> None:
        try:
            await place.wait_for(timeout=_WAIT_MS)
        except Error as error:
            raise RowMissingError(f"the console does not show {description}") from error


@asynccontextmanager
async def open_keyboard_user(
    browser: Browser, url: str, person: str
) -> AsyncIterator[KeyboardUser]:
    """Sign in by the sign-in for development, and wait until Now is live."""
    context = await browser.new_context(base_url=url, locale="en", viewport=_VIEWPORT)
    try:
        page = await context.new_page()
        await page.goto("/sign-in?next=/now")
        await page.locator(f"form:has(input[value={person}]) button").press("Enter")
        live = re.compile("live")
        await expect(page.locator("#freshness")).to_have_text(live, timeout=_WAIT_MS)
        yield KeyboardUser(page)
    finally:
        await context.close()
