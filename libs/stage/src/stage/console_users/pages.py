"""A person who reads the console's pages without a browser, and sends its forms."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import httpx
from bs4 import BeautifulSoup, Tag

from common.core.clock import monotonic
from stage.console import open_client, sign_in
from stage.console_users.user import BUTTONS, WAIT_S, RowMissingError, Sight, on_one_line

_POLL_S: Final = 0.2


class PageUser:
    """The person loads Now again and again, as somebody whose browser runs no scripts."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def find_row(self, escalation_id: str, action: str) -> Sight:
        row = await self._await_row(
            escalation_id, lambda row: row is not None and row["data-primary"] == action
        )
        return _read(row)

    async def press(self, escalation_id: str, action: str, form: Mapping[str, str]) -> str:
        place = f"/e/{escalation_id}/{action.replace('_', '-')}"
        hidden = (await self._read(place)).select("form.form input[type=hidden]")
        fields = {str(field["name"]): str(field["value"]) for field in hidden}
        answer = await self._client.post(place, data={**fields, **form})
        confirmation = _parse(answer).select_one("[role=status] p")
        if not answer.is_success or confirmation is None:
            raise RowMissingError(f"{action} of {escalation_id} answered {answer.status_code}")
        return _text(confirmation)

    async def shows(self, text: str) -> bool:
        return text in (await self._read("/now")).get_text()

    async def wait_until_gone(self, escalation_id: str) -> None:
        await self._await_row(escalation_id, lambda row: row is None)

    async def _await_row(
        self, escalation_id: str, holds: Callable[[Tag | None], bool]
    ) -> Tag | None:
        """Load Now again until the row is as expected."""
        end_at = monotonic() + WAIT_S
        while monotonic() < end_at:
            row = (await self._read("/now")).select_one(f"#row-{escalation_id}")
            if holds(row):
                return row
            await asyncio.sleep(_POLL_S)
        raise RowMissingError(f"the console does not show what is expected of {escalation_id}")

    async def _read(self, path: str) -> BeautifulSoup:
        answer = await self._client.get(path)
        if not answer.is_success:
            raise RowMissingError(f"{path} answered {answer.status_code}")
        return _parse(answer)


@asynccontextmanager
async def open_page_user(url: str, person: str) -> AsyncIterator[PageUser]:
    """Sign in by the sign-in for development."""
    async with open_client(url, WAIT_S) as client:
        answer = await sign_in(client, person)
        if not answer.is_success:
            raise RowMissingError(f"the sign-in of {person} answered {answer.status_code}")
        yield PageUser(client)


def _parse(answer: httpx.Response) -> BeautifulSoup:
    return BeautifulSoup(answer.text, "html.parser")


def _read(row: Tag | None) -> Sight:
    if row is None:
        raise RowMissingError("there is no row")
    return Sight(
        band=str(row["data-band"]),
        headline=_text(row.select_one(".headline")),
        reasons=tuple(_text(reason) for reason in row.select(".reasons li")),
        time_left=_text(row.select_one("td")),
        who=_text(row.select_one(".who")),
        button=_text(row.select(BUTTONS)[0]),
    )


def _text(tag: Tag | None) -> str:
    return "" if tag is None else on_one_line(tag.get_text())
