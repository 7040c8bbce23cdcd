"""Calls of people who wait for a service, and what they do once each."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import httpx

from common.core.backoff import Backoff
from stage.actors import Actors, RefusedError, read_answer

Reaction = Callable[[], Coroutine[Any, Any, None]]
Look = Callable[[], Awaitable[Mapping[Hashable, Reaction]]]
Report = Callable[[str], None]

# Somebody else was faster, or took the contact: a person shrugs.
_TOO_LATE: Final = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


class Calls:
    """Calls the services as a person; one that is down or overloaded is waited for."""

    def __init__(self, actors: Actors) -> None:
        self._actors = actors

    async def __call__(
        self,
        person: str,
        service: str,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Return the answer; raise RefusedError if the service answers and refuses."""
        send = partial(self._actors.send, person, service, method, path, body, headers=headers)
        backoff = Backoff()
        while True:
            try:
                answer = await send()
            except httpx.TransportError:
                pass
            else:
                if not _is_passing(answer.status_code):
                    return read_answer(answer)
            await backoff.wait(asyncio.Event())


def _is_passing(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


class Reactions:
    """Runs reactions of people; what goes wrong in one is reported and ends no other."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        return len(self._tasks)

    def start(self, reaction: Reaction) -> None:
        task = asyncio.ensure_future(reaction())
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def follow(self, look: Look, pause: Callable[[], Awaitable[None]]) -> None:
        """Look without end, also after a refusal; react to each situation that is new."""
        self.start(partial(self._follow, look, pause))

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, look: Look, pause: Callable[[], Awaitable[None]]) -> None:
        earlier_situations: set[Hashable] = set()
        while True:
            try:
                situations = await look()
            except RefusedError as error:
                self._report(str(error))
            else:
                for situation, reaction in situations.items():
                    if situation not in earlier_situations:
                        self.start(reaction)
                earlier_situations = set(situations)
            await pause()

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, RefusedError) and error.status in _TOO_LATE:
            return
        if error is not None:
            self._report(f"{type(error).__name__}: {error}")
