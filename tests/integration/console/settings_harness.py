"""A manager who changes settings in a browser without scripts, in front of the real services."""

import re
from html import unescape
from typing import Any

import httpx

from integration.console.harness import SAME_ORIGIN
from integration.console.screens_harness import Screens

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

# What a manager tries on the past.
SHORTER_TIMES = {
    "target-assignment": "1 min",
    "target-first_response": "6 s",
    "target-resolution": "16 min 40 s",
    "ladder_id": "default",
    "days": "7",
    "contacts": "500",
    "answer": "2",
}


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


async def settings_of(screens: Screens, path: str) -> Any:
    return (await screens.api.get(f"/v1/{path}")).json()


async def put_by_ops(screens: Screens, path: str, body: Any) -> None:
    assert (await screens.api.put(f"/v1/{path}", json=body)).is_success
