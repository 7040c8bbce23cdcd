"""How people of the simulated centre react, also when a service refuses or is down."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping
from typing import Any

import httpx
import pytest

from stage.actors import Actors, RefusedError
from stage.centre.calls import Calls, Reaction, Reactions
from support.waiting import until

REQUEST = httpx.Request("POST", "http://127.0.0.1/v1/contacts")


def answer(status: int) -> httpx.Response:
    return httpx.Response(status, json={"state": "done"}, request=REQUEST)


async def refuse(status: int) -> None:
    raise RefusedError(answer(status))


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def reactions(reports: list[str]) -> Reactions:
    return Reactions(reports.append)


async def finish(reactions: Reactions) -> None:
    """Wait until all reactions have ended by themselves."""
    await until(lambda: not reactions.running)


async def test_broken_reaction_is_reported_and_others_go_on(
    reactions: Reactions, reports: list[str]
) -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    async def fail() -> None:
        raise KeyError("state")

    reactions.start(fail)
    reactions.start(work)
    await finish(reactions)
    assert done.is_set()
    assert reports == ["KeyError: 'state'"]


@pytest.mark.parametrize(("status", "reported"), [(409, False), (403, False), (422, True)])
async def test_only_what_nobody_expects_is_reported(
    reactions: Reactions, reports: list[str], status: int, *, reported: bool
) -> None:
    reactions.start(lambda: refuse(status))
    await finish(reactions)
    assert bool(reports) is reported


async def test_situation_is_reacted_to_once_until_it_comes_again(reactions: Reactions) -> None:
    done: list[str] = []

    async def react() -> None:
        done.append("reacted")

    situations: dict[Hashable, Reaction] = {"offered": react}
    looks = 0

    async def look() -> Mapping[Hashable, Reaction]:
        nonlocal looks
        looks += 1
        return dict(situations)

    async def look_three_times() -> None:
        last = looks + 3
        await until(lambda: looks >= last)

    reactions.follow(look, lambda: asyncio.sleep(0))
    await look_three_times()
    assert len(done) == 1
    situations.clear()
    await look_three_times()
    situations["offered"] = react
    await look_three_times()
    assert len(done) == 2
    await reactions.stop()


async def test_look_is_repeated_after_a_refusal(reactions: Reactions, reports: list[str]) -> None:
    looks = 0
    seen_twice = asyncio.Event()

    async def look() -> Mapping[Hashable, Reaction]:
        nonlocal looks
        looks += 1
        if looks > 1:
            seen_twice.set()
        await refuse(401)
        return {}

    reactions.follow(look, lambda: asyncio.sleep(0))
    await seen_twice.wait()
    await reactions.stop()
    assert "answered 401" in reports[0]


class Service:
    """Answers with the next of these; a `None` is a connection that breaks."""

    def __init__(self, *answers: int | None) -> None:
        self._answers: Iterator[int | None] = iter(answers)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        status = next(self._answers)
        if status is None:
            raise httpx.ConnectError("refused", request=request)
        return answer(status)


@pytest.fixture
def calls_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[Service], Awaitable[Any]]:
    async def call(service: Service) -> Any:
        actors = Actors()
        transport = httpx.MockTransport(service.handle)
        client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        monkeypatch.setitem(actors.clients, "intake", client)
        async with client:
            return await Calls(actors)("shop", "intake", "POST", "/contacts")

    return call


@pytest.mark.parametrize("trouble", [None, 500, 503, 429])
async def test_service_that_does_not_answer_is_waited_for(
    calls_to: Callable[[Service], Awaitable[Any]], trouble: int | None
) -> None:
    assert await calls_to(Service(trouble, trouble, 201)) == {"state": "done"}


async def test_refusal_is_final(calls_to: Callable[[Service], Awaitable[Any]]) -> None:
    with pytest.raises(RefusedError, match="answered 409"):
        await calls_to(Service(409, 201))
