"""Breakages of clocks, timers and answers, at escalation."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace as having
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select

from chaos.mutants.registry import control, die_once, mutant, replace
from chaos.mutants.scenarios import PLEAS, PROMISES
from common.contracts.escalations import EscalationAcknowledged, EscalationTakenOver
from common.contracts.event import PersonId
from common.messages import Cancel, Timer, TimerChange
from common.messaging.dispatcher import Dispatcher, Message
from common.storage.timers import DueTimer, Timers
from common.storage.uow import UnitOfWork
from escalation.domain.escalations import actions
from escalation.domain.model import SlaClock, Threshold
from escalation.domain.situation import Decision, Situation
from escalation.store.audit_trail import AuditTrail

# Beyond every short timer, so that a slow machine fires them early as well.
_AHEAD = timedelta(seconds=5)
# For two who press at once to have both read before either writes.
_LONG_ENOUGH_S = 0.1
_ANSWERS = (EscalationAcknowledged.type, EscalationTakenOver.type)


@control("escalation", PLEAS, dies=True)
def dies_with_timers_in_hand() -> None:
    work = Dispatcher.work

    async def dying(self: Dispatcher[Any], uow: UnitOfWork, messages: Sequence[Message]) -> None:
        if any(isinstance(message.body, Timer) for message in messages):
            die_once()
        await work(self, uow, messages)

    replace(Dispatcher, "work", dying)


@control("escalation", PROMISES)
def keeps_its_promises() -> None:
    """Nothing happens to it but its work."""


@mutant(dies_with_timers_in_hand, 6, "an open escalation has no live timer")
def timers_are_claimed_in_their_own_transaction() -> None:
    claim = Timers.claim

    async def hasty(self: Timers, *asked: Any) -> list[DueTimer]:
        async with self._connection.engine.begin() as own:
            return await claim(Timers(own), *asked)

    replace(Timers, "claim", hasty)


@mutant(keeps_its_promises, 2, "a timer fired early")
def timers_due_soon_are_taken_along() -> None:
    claim = Timers.claim

    async def hasty(self: Timers, now: datetime, *asked: Any) -> list[DueTimer]:
        return await claim(self, now + _AHEAD, *asked)

    replace(Timers, "claim", hasty)


@mutant(keeps_its_promises, 2, "fired without running")
def a_clock_that_was_met_runs_on() -> None:
    def deaf(self: SlaClock) -> Threshold | None:
        return next((one for one in self.thresholds if one.fired_at is None), None)

    replace(SlaClock, "next_threshold", property(deaf))


@mutant(keeps_its_promises, 6, "a timer that nothing waits for", brief=False)
def cancelled_timers_stay() -> None:
    keep = Timers.set

    def forgetful(self: Timers, changes: Iterable[TimerChange]) -> None:
        keep(self, [change for change in changes if not isinstance(change, Cancel)])

    replace(Timers, "set", forgetful)


@mutant(keeps_its_promises, 6, "an open escalation has no live timer", brief=False)
def an_acknowledgement_has_no_end() -> None:
    acknowledge = actions.acknowledge

    def for_ever(situation: Situation, by: PersonId) -> Decision:
        return having(acknowledge(situation, by), timers=())

    replace(actions, "acknowledge", for_ever)


@control("escalation", PROMISES, brief=False)
def takes_its_time_over_answers() -> None:
    flush = UnitOfWork.flush

    async def slow(self: UnitOfWork) -> None:
        if any(row["type"] in _ANSWERS for row in self.outbox._rows):
            await asyncio.sleep(_LONG_ENOUGH_S)
        await flush(self)

    replace(UnitOfWork, "flush", slow)


@mutant(takes_its_time_over_answers, 2, "two people hold one escalation", brief=False)
def rows_are_read_without_lock() -> None:
    async def untold(_self: AuditTrail) -> None:
        """Keep no trail: its key would refuse the second of two steps of the same number."""

    replace(Select, "with_for_update", lambda self, **_options: self)
    replace(AuditTrail, "flush", untold)
