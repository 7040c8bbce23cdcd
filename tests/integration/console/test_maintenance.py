"""A manager lets pages wait in a browser without scripts, in front of the real notifier."""

from typing import Any

import httpx
import pytest

from integration.console.harness import SAME_ORIGIN
from integration.console.systems_harness import Systems

PAGE = "/settings/maintenance"


async def send(systems: Systems, address: str = PAGE, **fields: str) -> httpx.Response:
    return await systems.mia.client.post(address, data=fields, headers=SAME_ORIGIN)


def fields(**changes: str) -> dict[str, str]:
    connection = {"scope": "connection", "name": "zendesk:acme"}
    return {**connection, "minutes": "90", "reason": "New <system>", **changes}


async def test_manager_sets_and_ends_a_maintenance(systems: Systems) -> None:
    answer = await send(systems, **fields())
    assert answer.headers["location"] == f"{PAGE}?done=set"
    page = (await systems.mia.client.get(PAGE)).text
    assert "zendesk:acme" in page
    assert "New &lt;system&gt;" in page
    end = f"{PAGE}/connection/zendesk:acme/end"
    assert f'action="{end}"' in page
    for _ in range(2):
        answer = await send(systems, end)
        assert answer.headers["location"] == f"{PAGE}?done=ended"
    assert end not in (await systems.mia.client.get(PAGE)).text


@pytest.mark.parametrize(
    "changes",
    [{"minutes": "soon"}, {"minutes": "0"}, {"minutes": "99999"}, {"name": ""}, {"scope": "all"}],
)
async def test_form_with_a_mistake_is_shown_again(
    systems: Systems, changes: dict[str, Any]
) -> None:
    answer = await send(systems, **fields(**changes))
    assert answer.status_code == 422
    assert "New &lt;system&gt;" in answer.text
    assert "/end" not in answer.text
