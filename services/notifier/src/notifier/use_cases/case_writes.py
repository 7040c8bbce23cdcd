"""How writes to cases begin and what they end in: load, decide, record."""

from dataclasses import dataclass
from datetime import UTC

import structlog
from msgspec.structs import replace

from common.contracts.event import PageId, SystemName
from common.core.ids import derived_id
from notifier import rendering
from notifier.domain import own_messages
from notifier.domain.write_backs import settings, writes
from notifier.domain.write_backs.settings import WriteBack
from notifier.domain.write_backs.writes import (
    CaseChange,
    CaseWrite,
    CredentialsRefused,
    Delayed,
    WriteOutcome,
    WritePolicy,
    Written,
)
from notifier.handlers import notify_page
from notifier.links import Links
from notifier.store.unit_of_work import UnitOfWork

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ClaimedWrite:
    """An attempt that has begun, and how the connection was set then."""

    write: CaseWrite
    write_back: WriteBack


async def claim(
    system: SystemName, free: int, policy: WritePolicy, uow: UnitOfWork
) -> list[ClaimedWrite]:
    """Begin what is due for this system."""
    write_back = await uow.write_backs.get_to_claim(system)
    if write_back is None or write_back.state != "active":
        return []
    claimed = []
    for due in await uow.case_writes.claim_due(system, free, uow.now):
        begun = writes.begin(due, policy, uow.now)
        uow.case_writes.put(begun)
        claimed.append(ClaimedWrite(begun, write_back))
    return claimed


def change_of(claimed: ClaimedWrite, links: Links) -> CaseChange:
    """Return what to write, by the settings as they are now."""
    write, write_back = claimed.write, claimed.write_back
    step_writes = write_back.writes_at(write.step)
    return CaseChange(
        write_id=write.write_id,
        external_ref=write.external_ref,
        note=_note(claimed, links) if step_writes.note else None,
        writes=step_writes,
        may_be_written=write.ambiguous,
    )


def _note(claimed: ClaimedWrite, links: Links) -> str:
    write = claimed.write
    url = links.console(f"/e/{write.escalation_id}") if links.has_console else None
    return rendering.text(
        f"case_notes/{claimed.write_back.language}.j2",
        facts=write.facts,
        at=write.facts.at.astimezone(UTC),
        url=url,
        mark=writes.mark_of(write.write_id),
    )


async def record_attempt(
    claimed: ClaimedWrite,
    outcome: WriteOutcome,
    policy: WritePolicy,
    spread: float,
    uow: UnitOfWork,
) -> None:
    """Record how an attempt ended, and what it says about the system."""
    write = await uow.case_writes.lock(claimed.write.write_id)
    # The customer may have been erased meanwhile.
    if write is not None:
        attempt = claimed.write.attempts
        recorded = writes.record(write, attempt, outcome, policy, spread, uow.now)
        uow.case_writes.put(recorded)
        if recorded.state == "failed":
            log.error(
                "case_write_failed",
                system=write.system,
                write_id=write.write_id,
                contact_id=write.contact_id,
                reason=recorded.reason,
            )
    await _record_system(claimed.write_back, outcome, uow)


async def _record_system(used: WriteBack, outcome: WriteOutcome, uow: UnitOfWork) -> None:
    hold = outcome.hold if isinstance(outcome, Written) else None
    if isinstance(outcome, Delayed) and outcome.holds_system:
        hold = outcome.wait or settings.DEFAULT_HOLD
    is_refused = isinstance(outcome, CredentialsRefused)
    is_accepted_again = isinstance(outcome, Written) and used.refusals > 0
    if hold is None and not is_refused and not is_accepted_again:
        return
    write_back = await uow.write_backs.lock(used.system)
    if write_back is None or write_back.edition != used.edition or write_back.state != "active":
        return
    after = write_back
    if is_accepted_again:
        after = replace(after, refusals=0)
    if hold is not None:
        after = settings.hold(after, hold, uow.now)
    # Calls that were under way together are refused once.
    if isinstance(outcome, CredentialsRefused) and write_back.refusals == used.refusals:
        after = settings.count_refusal(after, outcome.reason, uow.now)
    uow.write_backs.put(after)
    if after.state == "halted":
        await _report_halt(after, uow)


async def _report_halt(halted: WriteBack, uow: UnitOfWork) -> None:
    """Tell operations, once for each time that it is halted."""
    reason = halted.halt_reason or ""
    log.error("write_back_halted", system=halted.system, reason=reason)
    page_id = PageId(derived_id("write-back", halted.system, *halted.edition))
    await notify_page(own_messages.halt_alarm(halted.system, reason, page_id), uow)
