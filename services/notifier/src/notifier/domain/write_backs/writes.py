"""One write to a case of a helpdesk or a CRM: how it begins, and what follows from its outcome."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NewType, assert_never

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.escalations import Cause, Severity
from common.contracts.event import ContactId, EscalationId, SystemName
from common.contracts.page_subjects import Outcome as ResolutionOutcome
from notifier.domain.delivery import RetryPolicy, retry_delay
from notifier.domain.write_backs.settings import Step, StepWrites

CaseWriteId = NewType("CaseWriteId", str)
# It is `superseded` if a later step was written to the case, or the write-back was removed.
CaseWriteState = Literal["pending", "writing", "written", "failed", "superseded"]


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """`expiry`: a write that did not succeed for so long fails. `timeout` is of one attempt."""

    timeout: timedelta = timedelta(seconds=30)
    expiry: timedelta = timedelta(hours=24)
    retry: RetryPolicy = field(
        default_factory=lambda: RetryPolicy(
            first_delay=timedelta(seconds=2), longest_delay=timedelta(minutes=10)
        )
    )

    @property
    def lease(self) -> timedelta:
        return 2 * self.timeout


class StepFacts(Struct, frozen=True):
    """What happened at a step. `by` is a name. Nothing in it is of the customer."""

    step: Step
    at: datetime
    by: str | None = None
    severity: Severity | None = None
    level_name: str | None = None
    cause: Cause | None = None
    outcome: ResolutionOutcome | None = None
    reopened: bool = False


class CaseWrite(Struct, frozen=True):
    """`external_ref` is how the system names the case.

    `due_at`: while pending the next attempt, while writing when the attempt counts as lost.
    `ambiguous`: an attempt without a known outcome may have written it.
    """

    write_id: CaseWriteId
    system: SystemName
    external_ref: str
    contact_id: ContactId
    escalation_id: EscalationId
    state: CaseWriteState
    facts: StepFacts
    requested_at: datetime
    due_at: datetime | None
    expires_at: datetime
    attempts: int = 0
    ambiguous: bool = False
    reason: str | None = None
    written_at: datetime | None = None
    traceparent: str | None = None

    @property
    def step(self) -> Step:
        return self.facts.step


@dataclass(frozen=True, slots=True)
class CaseChange:
    """What to write to a case; the note has the `mark`, by which it is found again.

    `may_be_written`: look for the note first.
    """

    write_id: CaseWriteId
    external_ref: str
    note: str | None
    writes: StepWrites
    may_be_written: bool = False

    @property
    def mark(self) -> str:
        return mark_of(self.write_id)


@dataclass(frozen=True, slots=True)
class Written:
    """The system has it; it asks for no further call within `hold`."""

    hold: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Delayed:
    """It was not written, but may be later; with `holds_system` that is so of all writes to it."""

    reason: str
    wait: timedelta | None = None
    holds_system: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """It was not written and never will be, unless somebody corrects a setting."""

    reason: str


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It may have been written."""

    reason: str


@dataclass(frozen=True, slots=True)
class CredentialsRefused:
    """The system does not accept our credentials: no write to it can succeed."""

    reason: str


WriteOutcome = Written | Delayed | Rejected | Uncertain | CredentialsRefused


def mark_of(write_id: CaseWriteId) -> str:
    """Return what tells our own note from those of people; intake knows this form."""
    return f"[upstairs:{write_id}]"


def begin(write: CaseWrite, policy: WritePolicy, at: datetime) -> CaseWrite:
    """Begin an attempt. One that is still writing was lost with its process."""
    return replace(
        write,
        state="writing",
        due_at=at + policy.lease,
        attempts=write.attempts + 1,
        ambiguous=write.ambiguous or write.state == "writing",
    )


def record(
    write: CaseWrite,
    attempt: int,
    outcome: WriteOutcome,
    policy: WritePolicy,
    spread: float,
    at: datetime,
) -> CaseWrite:
    """Record how an attempt ended; `spread` is as in `retry_delay`."""
    if write.state not in ("pending", "writing"):
        return write
    if isinstance(outcome, Written):
        return replace(write, state="written", due_at=None, written_at=at, reason=None)
    if write.attempts != attempt:
        # Our lease ran out and another attempt has begun: the other one decides.
        return write
    match outcome:
        case Rejected(reason):
            return fail(write, reason)
        case Uncertain(reason):
            write = replace(write, ambiguous=True)
            wait = None
        case CredentialsRefused(reason):
            wait = None
        case Delayed(reason, wait, _):
            pass
        case _:
            assert_never(outcome)
    delay = retry_delay(write.attempts, policy.retry, spread, wait)
    return replace(write, state="pending", due_at=at + delay, reason=reason)


def fail(write: CaseWrite, reason: str) -> CaseWrite:
    return replace(write, state="failed", due_at=None, reason=reason)


def retry(write: CaseWrite, policy: WritePolicy, at: datetime) -> CaseWrite:
    """Try a write again that failed, as long as a new one."""
    return replace(write, state="pending", due_at=at, expires_at=at + policy.expiry)
