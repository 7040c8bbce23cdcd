"""How a write-back is set, read and removed, and how a write that failed is tried again."""

from dataclasses import dataclass

from common.contracts.event import ContactId, SystemName
from common.core.preconditions import Precondition
from notifier.domain.errors import (
    CaseWriteNotFailedError,
    CaseWriteNotFoundError,
    CaseWriteOutdatedError,
    CredentialsMissingError,
    StaleWriteBackError,
    WriteBackNotFoundError,
)
from notifier.domain.write_backs import writes
from notifier.domain.write_backs.settings import (
    CredentialsType,
    NoteLanguage,
    Step,
    StepWrites,
    WriteBack,
    WriteBackState,
)
from notifier.domain.write_backs.writes import (
    CaseWrite,
    CaseWriteId,
    CaseWriteState,
    WritePolicy,
)
from notifier.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class SealedCredentials:
    type: CredentialsType
    account: str
    content: str


@dataclass(frozen=True, slots=True)
class WriteBackSettings:
    """What a manager sets; without `credentials` those that are stored stay."""

    state: WriteBackState
    base_url: str
    credentials: SealedCredentials | None
    steps: dict[Step, StepWrites]
    language: NoteLanguage


async def save_write_back(
    system: SystemName,
    settings: WriteBackSettings,
    by: str,
    precondition: Precondition,
    uow: UnitOfWork,
) -> WriteBack:
    """Set it; a halt ends. Raises StaleWriteBackError or CredentialsMissingError."""
    before = await uow.write_backs.lock_name(system)
    _require(precondition, before)
    credentials = settings.credentials
    if credentials is None:
        # Stored credentials must not get to another address.
        if before is None or before.base_url != settings.base_url:
            raise CredentialsMissingError
        credentials = SealedCredentials(before.credentials_type, before.account, before.credentials)
    saved = WriteBack(
        system=system,
        version=before.version + 1 if before else 1,
        state=settings.state,
        base_url=settings.base_url,
        credentials_type=credentials.type,
        credentials=credentials.content,
        account=credentials.account,
        steps=settings.steps,
        language=settings.language,
        changed_at=uow.now,
        changed_by=by,
    )
    uow.write_backs.put(saved)
    return saved


async def read_write_back(system: SystemName, uow: UnitOfWork) -> WriteBack:
    """Raises WriteBackNotFoundError."""
    write_back = await uow.write_backs.get(system)
    if write_back is None:
        raise WriteBackNotFoundError
    return write_back


async def remove_write_back(
    system: SystemName, precondition: Precondition, uow: UnitOfWork
) -> None:
    """Raises WriteBackNotFoundError or StaleWriteBackError."""
    before = await uow.write_backs.lock(system)
    if before is None:
        raise WriteBackNotFoundError
    _require(precondition, before)
    await uow.write_backs.remove(system)


async def read_writes(
    system: SystemName,
    state: CaseWriteState | None,
    contact_id: ContactId | None,
    before: CaseWriteId | None,
    limit: int,
    uow: UnitOfWork,
) -> list[CaseWrite]:
    """Return the writes of a connection, the latest first; raises WriteBackNotFoundError."""
    await read_write_back(system, uow)
    return await uow.case_writes.latest(system, state, contact_id, before, limit)


async def retry_write(system: SystemName, write_id: CaseWriteId, uow: UnitOfWork) -> CaseWrite:
    """Try a write again that failed.

    Raises CaseWriteNotFoundError, CaseWriteNotFailedError or CaseWriteOutdatedError.
    """
    write = await uow.case_writes.lock(write_id)
    if write is None or write.system != system:
        raise CaseWriteNotFoundError
    if write.state != "failed":
        raise CaseWriteNotFailedError
    if await uow.case_writes.has_later(write):
        raise CaseWriteOutdatedError
    retried = writes.retry(write, WritePolicy(), uow.now)
    uow.case_writes.put(retried)
    uow.case_writes.has_pending = True
    return retried


def _require(precondition: Precondition, before: WriteBack | None) -> None:
    if not precondition.holds(before.version if before else None):
        raise StaleWriteBackError
