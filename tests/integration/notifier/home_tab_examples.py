"""How Slack says that somebody opens the home tab."""

import json
from typing import Any

import httpx

from integration.notifier.conftest import SLACK_CALLBACK, signed


def reported(user: str, **event: Any) -> bytes:
    """Write the body by which Slack's Events API reports that a user opens the home tab."""
    whole = {
        "token": "unused",
        "team_id": "T1",
        "api_app_id": "A1",
        "event": {
            "type": "app_home_opened",
            "user": user,
            "channel": "D1",
            "tab": "home",
            "event_ts": "1700000000.000001",
            **event,
        },
        "type": "event_callback",
        "event_id": "Ev1",
        "event_time": 1700000000,
    }
    return json.dumps(whole).encode()


async def send(api: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    as_json = {**signed(body), "Content-Type": "application/json", **headers}
    return await api.post(SLACK_CALLBACK, content=body, headers=as_json)


async def open_home(api: httpx.AsyncClient, user: str = "U-dana") -> None:
    assert (await send(api, reported(user))).status_code == 200
