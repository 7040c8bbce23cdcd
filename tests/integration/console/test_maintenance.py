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


async def test_supervisor_sees_a_maintenance_and_may_not_change_it(systems: Systems) -> None:
    await send(systems, **fields(scope="campaign", name="recall-7"))
    sara = await systems.console.enter("sara")
    page = (await sara.get(PAGE)).text
    assert "recall-7" in page
    assert "<form" not in page.partition("<main")[2]
    assert PAGE in (await sara.get("/settings")).text
    end = f"{PAGE}/campaign/recall-7/end"
    for address in (PAGE, end):
        answer = await sara.post(address, data=fields(), headers=SAME_ORIGIN)
        assert answer.status_code == 403
    answer = await send(systems, end)
    assert answer.headers["location"] == f"{PAGE}?done=ended"


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
