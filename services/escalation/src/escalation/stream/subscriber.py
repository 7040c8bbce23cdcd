"""One client of the stream: what it is still to be given, and where it is."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence

from escalation.stream.offsets import Offsets, spell
from escalation.stream.records import Happened, News

# A screen that is this far behind what happens is of no use to anybody.
_MOST_WAITING = 5000


class Following:
    """What is new waits here, until what was missed before it has been brought.

    `begins` is where the fan-out hands things over. `after` is where the client is, which may be
    ahead of it in some partitions: another replica was quicker.
    """

    def __init__(self, begins: Offsets, after: Offsets, wants: Callable[[News], bool]) -> None:
        self.begins = begins
        self.over = asyncio.Event()
        self._seen = list(after)
        self._wants = wants
        self._given = spell(after)
        self._missed: deque[Happened] = deque()
        self._new: deque[Happened] = deque()
        self._caught_up = True
        self._woken = asyncio.Event()
        self._eaten = asyncio.Event()

    @property
    def position(self) -> str:
        """The id of what was given last: all until there has been given, and nothing after it."""
        return self._given

    def catch_up(self) -> None:
        """Hold back what is new until what was missed has been brought."""
        self._caught_up = False

    async def bring(self, missed: Sequence[Happened]) -> None:
        """Hand over a batch of what was missed, and wait until it is taken, or all is over."""
        if self.over.is_set():
            return
        self._missed.extend(missed)
        self._eaten.clear()
        self._woken.set()
        await self._eaten.wait()

    def caught_up(self) -> None:
        self._caught_up = True
        self._woken.set()

    def tell(self, new: Sequence[Happened]) -> None:
        self._new.extend(new)
        if len(self._new) > _MOST_WAITING:
            self.end()
        self._woken.set()

    def end(self) -> None:
        """Give nothing more: whoever comes again with the last id goes on from there."""
        self.over.set()
        self._woken.set()
        self._eaten.set()

    async def news(self) -> AsyncGenerator[tuple[str, News], None]:
        """Yield all that the client wants, with its ids, until it is over."""
        while (happened := await self._next()) is not None:
            if not self._pass(happened):
                continue
            position = spell(tuple(self._seen))
            if happened.news is not None and self._wants(happened.news):
                yield position, happened.news
            # Not before: a heartbeat meanwhile would say that it has been given.
            self._given = position

    async def _next(self) -> Happened | None:
        while not self.over.is_set():
            if self._missed:
                return self._missed.popleft()
            if self._caught_up and self._new:
                return self._new.popleft()
            self._eaten.set()
            self._woken.clear()
            await self._woken.wait()
        return None

    def _pass(self, happened: Happened) -> bool:
        """Go past it, unless the client is beyond it."""
        # A topic may get more partitions at any time.
        while happened.partition >= len(self._seen):
            self._seen.append(0)
        if happened.offset < self._seen[happened.partition]:
            return False
        self._seen[happened.partition] = happened.offset + 1
        return True
