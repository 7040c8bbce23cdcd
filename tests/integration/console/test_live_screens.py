"""Floor and Duty while somebody looks: what changes there is read once for all, and told."""

from typing import Any

import httpx

from common.contracts.services import EventService
from console.live.boards import Board
from integration.console.harness import KEYS
from integration.console.live_harness import Live, next_of, read_all
from integration.escalation.duty_examples import ROTATION
from support.waiting import until

FLOOR = "screen=floor"
DUTY = "screen=duty"


class Shown:
    """Puts the pieces of Floor together, as a browser does."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._pieces: dict[int, str] = {}
        self.last: dict[str, Any] = {}

    async def next(self) -> str:
        self.last = await next_of(self._board, "screen")
        self._pieces |= dict(self.last["pieces"])
        return "".join(self._pieces[place] for place in range(self.last["size"]))

    async def next_with(self, text: str) -> str:
        while text not in (html := await self.next()):
            pass
        return html


def count_calls(live: Live, service: EventService) -> list[str]:
    calls: list[str] = []

    async def note(request: httpx.Request) -> None:
        calls.append(request.url.path)

    live.screens.console.clients[service].event_hooks["request"].append(note)
    return calls


async def set_presence(live: Live, presence: str) -> None:
    path = "/v1/representatives/rita/presence"
    answer = await live.screens.console.router.put(
        path, json={"presence": presence}, headers=KEYS("ops")
    )
    assert answer.is_success, answer.text


async def test_floor_shows_a_changed_presence(live: Live) -> None:
    shown = Shown(await live.open("sara", "supervisor", view=FLOOR))
    html = await shown.next()
    assert "Rita" in html
    assert "Can take more" not in html
    await set_presence(live, "available")
    assert "Rita" in await shown.next_with("Can take more")


async def test_floor_sends_only_what_differs(live: Live) -> None:
    shown = Shown(await live.open("sara", "supervisor", view=FLOOR))
    await shown.next()
    await set_presence(live, "available")
    await shown.next_with("Can take more")
    answer = await live.screens.console.router.put(
        "/v1/representatives/rita", json={"capacity": 9}, headers=KEYS("ops")
    )
    assert answer.is_success, answer.text
    html = await shown.next_with("0 of 9")
    assert len(shown.last["pieces"]) < shown.last["size"]
    assert html.count("<table") == html.count("</table>")


async def test_floor_is_read_once_for_all_who_look(live: Live) -> None:
    boards = [await live.open(person, "manager", view=FLOOR) for person in ("mia", "mia", "mia")]
    team = await live.open("sara", "supervisor", view=f"{FLOOR}&team=other")
    calls = count_calls(live, "router")
    for board in boards:
        assert "Rita" in await Shown(board).next()
    assert "Rita" not in await Shown(team).next()
    assert calls.count("/v1/queues") <= 2


async def test_representative_gets_no_floor(live: Live) -> None:
    rita = await live.open("rita", "representative", view=FLOOR)
    await Shown(await live.open("mia", "manager", view=FLOOR)).next()
    assert not [got for got in await read_all(rita) if got.event == "screen"]


async def test_floor_says_how_old_it_is_while_router_does_not_answer(live: Live) -> None:
    board = await live.open("mia", "manager", view=FLOOR)
    await Shown(board).next()
    await until(lambda: live.hub.screen_ages()["floor"] < 1)
    router = live.screens.console.clients["router"]
    live.screens.break_off("router")
    await until(lambda: live.hub.screen_ages()["floor"] > 2)
    live.screens.console.clients["router"] = router
    await until(lambda: live.hub.screen_ages()["floor"] < 1)
    live.hub.close(board)
    await until(lambda: "floor" not in live.hub.screen_ages())


async def test_floor_comes_in_the_name_of_somebody_whom_router_admits(live: Live) -> None:
    gone = await live.open("mia", "manager", view=FLOOR)
    sara = await live.open("sara", "supervisor", view=FLOOR)
    live.screens.console.tokens_of_router.admit({"sara"})
    assert "Rita" in await Shown(sara).next()
    assert gone.views_of("floor")


async def test_duty_tells_that_it_has_changed(live: Live) -> None:
    board = await live.open("sara", "supervisor", view=DUTY)
    await until(lambda: "duty" in live.hub.screen_ages())
    answer = await live.screens.api.put(
        "/v1/duty-schedules/days", json={"rotations": [{**ROTATION, "members": ["sara"]}]}
    )
    assert answer.is_success, answer.text
    assert await next_of(board, "stale") == {"view": DUTY}
    await read_all(board)
    await until(lambda: live.hub.screen_ages()["duty"] < 0.5)
    assert not [got for got in await read_all(board) if got.event == "stale"]
