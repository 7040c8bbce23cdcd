"""Publishes home tabs: claims with a lease and commits, calls the channel, records.

It has calls of its own, so that a tab that can't be published delays no message.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from common.contracts.event import PersonId
from common.core.backoff import pause
from common.core.clock import monotonic
from common.core.health import Health
from common.storage.database import Database
from notifier.channels.base import Channel
from notifier.domain.content_levels import ContentLevels
from notifier.domain.delivery import Outcome, Postponed, Sent, Unknown
from notifier.domain.home_tabs import CALL_LIMIT
from notifier.metrics import HomeTabMetrics
from notifier.store.home_tabs import time_until_due
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import home_tabs
from notifier.use_cases.home_tabs import ClaimedTab
from notifier.workers.calls import Calls
from notifier.workers.lease import record_within
from notifier.workers.steps import repeat

# A process without workers may have taken what a user has opened.
_MAX_POLL: Final = timedelta(milliseconds=500)
# Changes of so long are looked at together.
_LINGER_S: Final = 0.1
_SLOTS: Final = 4

log = structlog.get_logger()


class HomeTabWorker:
    name = "home_tabs"

    def __init__(
        self,
        channels: Sequence[Channel],
        database: Database[UnitOfWork],
        content: ContentLevels,
        metrics: HomeTabMetrics,
        health: Health,
    ) -> None:
        self._channels = {channel.medium: channel for channel in channels if channel.has_home}
        self._database = database
        self._content = content
        self._metrics = metrics
        self._health = health
        self._woken = asyncio.Event()
        self._changed: set[PersonId] = set()
        # Without one, changes need not be looked at: they wake nobody.
        self._has_tabs = False
        self._calls = Calls()
        # The outside system asked for a pause until then.
        self._paused_until = float("-inf")
        database.after_commit(self._notice)

    def _notice(self, uow: UnitOfWork) -> None:
        people = uow.people_concerned()
        self._changed |= people
        if uow.home_tabs.has_opened or (people and self._has_tabs):
            self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        async with self._calls.open():
            await repeat(self._step, self.name, self._health, stopping)

    async def _step(self) -> None:
        self._woken.clear()
        left = await time_until_due(self._database)
        self._has_tabs = left is not None
        if left is None:
            self._changed.clear()
            await pause(_MAX_POLL.total_seconds(), self._woken)
            return
        if self._changed:
            await asyncio.sleep(_LINGER_S)
            people, self._changed = self._changed, set()
            async with self._database.transaction() as uow:
                await home_tabs.change_tabs(people, uow)
        elif (wait := self._wait(left)) > timedelta(0):
            await pause(wait.total_seconds(), self._woken)
            return
        due = await self._claim()
        for claimed in due:
            self._calls.start(self._publish_and_record(claimed))
        if not due:
            # Another replica may have locked what is due.
            await pause(_LINGER_S, self._woken)

    def _wait(self, left: timedelta) -> timedelta:
        if len(self._calls) >= _SLOTS:
            return _MAX_POLL
        paused = timedelta(seconds=max(0.0, self._paused_until - monotonic()))
        return min(max(left - self._database.clock.offset, paused), _MAX_POLL)

    async def _claim(self) -> list[ClaimedTab]:
        free = _SLOTS - len(self._calls)
        if free <= 0 or self._paused_until > monotonic():
            return []
        async with self._database.transaction() as uow:
            return await home_tabs.claim_due(self._channels, free, uow)

    async def _publish_and_record(self, claimed: ClaimedTab) -> None:
        try:
            outcome = await self._publish(claimed)
            record = partial(self._record, claimed, outcome)
            await record_within(2 * CALL_LIMIT, self.name, record)
        except Exception:
            # It counts as lost when its lease has ended, and is repeated.
            log.exception("home_tab_crashed", medium=claimed.tab.medium)
        finally:
            self._woken.set()

    async def _publish(self, claimed: ClaimedTab) -> Outcome:
        tab = claimed.tab
        channel = self._channels[tab.medium]
        outcome: Outcome
        try:
            async with asyncio.timeout(CALL_LIMIT.total_seconds()):
                at = self._database.clock.utc_now()
                view = self._content.shown_at_home(claimed.view, tab.medium)
                outcome = await channel.publish_home(tab.user_id, view, at)
        except TimeoutError:
            outcome = Unknown(f"no answer within {CALL_LIMIT.total_seconds():g} s")
        if isinstance(outcome, Postponed) and outcome.wait:
            self._paused_until = monotonic() + outcome.wait.total_seconds()
        label = type(outcome).__name__.lower()
        self._metrics.published.labels(tab.medium, label).inc()
        if not isinstance(outcome, Sent):
            log.warning("home_tab_not_published", medium=tab.medium, outcome=outcome)
        return outcome

    async def _record(self, claimed: ClaimedTab, outcome: Outcome) -> None:
        async with self._database.transaction() as uow:
            await home_tabs.record_outcome(claimed, outcome, uow)
