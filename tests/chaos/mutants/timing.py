"""Breakages of clocks, timers and acknowledgements, at escalation."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs
from sqlalchemy import Select, text

from chaos.mutants.registry import control, die_once, mutant, replace
from chaos.mutants.scenarios import SHORT_CLOCKS, SUPERVISOR_REQUESTS
from common.contracts.escalations import EscalationAcknowledged, EscalationTakenOver
from common.contracts.event import PersonId
from common.messages import Cancel, Timer, TimerChange
from common.messaging.dispatcher import Dispatcher, Message
from common.storage.timers import DueTimer, Timers
from common.storage.uow import UnitOfWork
from common.storage.writes import Write
from escalation.domain.escalations import actions
from escalation.domain.model import SlaClock, Threshold
from escalation.domain.situation import Decision, Situation
from escalation.store import contacts
from escalation.store.audit_trail import AuditTrail

# More than any short timer, so that a slow machine too fires them early.
_CLAIM_AHEAD = timedelta(seconds=5)
# Long enough for two people to read the row before either writes it.
_COMMIT_DELAY_S = 0.1
_ANSWERS = (EscalationAcknowledged.type, EscalationTakenOver.type)


@control("escalation", SUPERVISOR_REQUESTS, dies=True)
def dies_after_claiming_timers() -> None:
    work = Dispatcher.work

    async def work_or_die(
        self: Dispatcher[Any], uow: UnitOfWork, messages: Sequence[Message]
    ) -> None:
        if any(isinstance(message.body, Timer) for message in messages):
            die_once()
        await work(self, uow, messages)

    replace(Dispatcher, "work", work_or_die)


@control("escalation", SHORT_CLOCKS)
def escalation_runs_undisturbed() -> None:
    """Escalation does only its usual work."""


@mutant(dies_after_claiming_timers, 6, "an open escalation has no live timer")
def timers_are_claimed_in_their_own_transaction() -> None:
    claim = Timers.claim

    async def claim_separately(self: Timers, *arguments: Any) -> list[DueTimer]:
        claimed = await claim(self, *arguments)
        await self._connection.driver.execute("COMMIT; BEGIN")
        return claimed

    replace(Timers, "claim", claim_separately)


@mutant(escalation_runs_undisturbed, 2, "a timer fired early")
def timers_fire_before_they_are_due() -> None:
    claim = Timers.claim

    async def claim_early(self: Timers, now: datetime, *arguments: Any) -> list[DueTimer]:
        return await claim(self, now + _CLAIM_AHEAD, *arguments)

    replace(Timers, "claim", claim_early)


@mutant(escalation_runs_undisturbed, 2, "fired without running")
def met_clock_runs_on() -> None:
    def first_unfired(self: SlaClock) -> Threshold | None:
        return next((item for item in self.thresholds if item.fired_at is None), None)

    replace(SlaClock, "next_threshold", property(first_unfired))


@mutant(escalation_runs_undisturbed, 6, "a timer that nothing waits for", brief=False)
def cancelled_timers_stay() -> None:
    set_timers = Timers.set

    def set_without_cancelling(self: Timers, changes: Iterable[TimerChange]) -> None:
        set_timers(self, [change for change in changes if not isinstance(change, Cancel)])

    replace(Timers, "set", set_without_cancelling)


@mutant(escalation_runs_undisturbed, 6, "an open escalation has no live timer", brief=False)
def acknowledgement_has_no_deadline() -> None:
    acknowledge = actions.acknowledge

    def acknowledge_without_timers(situation: Situation, by: PersonId) -> Decision:
        return structs.replace(acknowledge(situation, by), timers=())

    replace(actions, "acknowledge", acknowledge_without_timers)


@control("escalation", SHORT_CLOCKS, brief=False)
def commits_answers_slowly() -> None:
    flush = UnitOfWork.flush

    async def flush_slowly(self: UnitOfWork) -> None:
        if any(row.type in _ANSWERS for row in self.outbox._rows):
            await asyncio.sleep(_COMMIT_DELAY_S)
        await flush(self)

    replace(UnitOfWork, "flush", flush_slowly)


@mutant(commits_answers_slowly, 2, "two people hold one escalation", brief=False)
def rows_are_read_without_lock() -> None:
    def write_nothing(_self: AuditTrail) -> tuple[Write, ...]:
        """Write no audit trail: its key would refuse a second entry with the same number."""
        return ()

    replace(Select, "with_for_update", lambda self, **_options: self)
    replace(contacts, "_LOCK", text(contacts._LOCK.text.replace("FOR UPDATE", "")))
    replace(AuditTrail, "writes", write_nothing)
