"""What the API takes and shows of write-backs."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.contracts.event import ContactId, EscalationId, SystemName
from common.http.app import RequestModel, Slug
from common.http.examples import (
    CONTACT_ID,
    ESCALATION_ID,
    EVENT_ID,
    MANAGER,
    RAISED_AT,
    with_examples,
)
from common.http.problems import invalid
from notifier.case_systems.base import Credentials
from notifier.case_systems.dynamics import AppRegistration
from notifier.case_systems.registry import CASE_SYSTEMS, CaseSystemFactory
from notifier.case_systems.salesforce import ConnectedApp
from notifier.case_systems.zendesk import ApiToken, OAuthToken
from notifier.domain.errors import AddressNotAllowedError
from notifier.domain.write_backs.settings import (
    CredentialsType,
    NoteLanguage,
    Step,
    StepWrites,
    WriteBack,
    WriteBackState,
    split_system,
)
from notifier.domain.write_backs.writes import CaseWrite, CaseWriteState
from notifier.store.write_backs import WriteCounts
from notifier.use_cases.write_backs import SealedCredentials, WriteBackSettings

_MAX_FIELDS: Final = 20
_MAX_TAGS: Final = 20

# What JSON carries everywhere; others could be stored, and not read or written again.
_LARGEST_NUMBER: Final = 2**63 - 1
FieldText = Annotated[str, StringConstraints(max_length=1000)]
FieldInteger = Annotated[int, Field(ge=-_LARGEST_NUMBER, le=_LARGEST_NUMBER)]
FieldNumber = Annotated[float, Field(ge=-_LARGEST_NUMBER, le=_LARGEST_NUMBER, allow_inf_nan=False)]
_STEPS: Final[Mapping[str, dict[str, Any]]] = {
    "escalated": {"note": True, "priority": "urgent", "tags": ["escalated"]},
    "acknowledged": {"note": True},
    "resolved": {"note": True, "priority": "normal"},
}

_WRITE_BACK: Final[dict[str, Any]] = {
    "kind": "zendesk",
    "connection": "acme",
    "state": "active",
    "base_url": "https://acme.zendesk.com",
    "credentials_type": "api_token",
    "account": "upstairs@acme.example",
    "steps": {
        name: {"priority": None, "fields": {}, "tags": [], **step} for name, step in _STEPS.items()
    },
    "language": "en",
    "version": 1,
    "changed_at": RAISED_AT,
    "changed_by": MANAGER,
    "halt_reason": None,
    "held_until": None,
}


class StepIn(RequestModel):
    note: bool = Field(False, description="Add an internal note, which customers do not see.")
    priority: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        None, description="Set this priority, as the system names it; null: it stays."
    )
    fields: Annotated[
        dict[Slug, FieldText | bool | FieldInteger | FieldNumber], Field(max_length=_MAX_FIELDS)
    ] = Field(
        {},
        description="Set these: custom fields of Zendesk by their ids, fields of Salesforce "
        "and columns of Dynamics by their names.",
    )
    tags: Annotated[tuple[Slug, ...], Field(max_length=_MAX_TAGS)] = Field(
        (), description="Add these tags; only Zendesk has tags."
    )

    @property
    def writes(self) -> StepWrites:
        return StepWrites(self.note, self.priority, self.fields, self.tags)


class WriteBackIn(RequestModel):
    model_config = with_examples(
        {
            "state": "active",
            "base_url": "https://acme.zendesk.com",
            "credentials": {
                "type": "api_token",
                "email": "upstairs@acme.example",
                "token": "6wiIBWbGkBMo1mRDMuVwkw1EPsNkeUj95PIz2akv",
            },
            "steps": dict(_STEPS),
            "language": "en",
        }
    )

    state: Literal["active", "paused"] = Field(
        description="`paused`: nothing is written, and nothing is written later."
    )
    base_url: Annotated[str, StringConstraints(max_length=300, pattern=r"^https?://[!-~]+$")] = (
        Field(description="The address of your account, without a path.")
    )
    credentials: ApiToken | OAuthToken | ConnectedApp | AppRegistration | None = Field(
        None, description="As whom Upstairs writes; null: as before. They are never shown."
    )
    steps: dict[Step, StepIn] = Field(description="What is written at which step.")
    language: NoteLanguage = Field("en", description="The language of notes.")


class WriteBackOut(BaseModel):
    model_config = with_examples(_WRITE_BACK)

    kind: str = Field(description="The kind of system.")
    connection: str = Field(description="The name of the connection, the same as in intake.")
    state: WriteBackState = Field(
        description="`halted`: the system refused the credentials several times, or the settings "
        "can't be read; writes wait."
    )
    base_url: str = Field(description="The address of the account.")
    credentials_type: CredentialsType = Field(description="How Upstairs signs in.")
    account: str = Field(description="Whose credentials they are.")
    steps: dict[Step, StepIn] = Field(description="What is written at which step.")
    language: NoteLanguage = Field(description="The language of notes.")
    version: int = Field(description="Counts the changes; it is the ETag.")
    changed_at: datetime = Field(description="When it was last changed.")
    changed_by: str = Field(description="Who changed it.")
    halt_reason: str | None = Field(
        description="Why it is halted, for example what the system answered."
    )
    held_until: datetime | None = Field(
        description="Until then the system wants no further calls; null if it did not say so."
    )


class WriteBackDetailOut(WriteBackOut):
    model_config = with_examples({**_WRITE_BACK, "waiting": 0, "failed": 0})

    waiting: int = Field(description="How many writes wait.")
    failed: int = Field(description="How many of those that are kept have failed.")


class AccountOut(BaseModel):
    model_config = with_examples(
        {"works": True, "user_id": "39261885", "name": "Upstairs", "reason": None}
    )

    works: bool = Field(description="The system accepts the credentials.")
    user_id: str | None = Field(
        description="Who writes, by the system's id: put it into `own_users` of the connection."
    )
    name: str | None = Field(description="The name of that user, if the system says it.")
    reason: str | None = Field(description="Why it does not work.")


class CaseWriteOut(BaseModel):
    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "write_id": EVENT_ID,
                    "external_ref": "5158",
                    "contact_id": CONTACT_ID,
                    "escalation_id": ESCALATION_ID,
                    "step": "escalated",
                    "state": "written",
                    "requested_at": RAISED_AT,
                    "due_at": None,
                    "attempts": 1,
                    "ambiguous": False,
                    "reason": None,
                    "written_at": RAISED_AT,
                }
            ]
        },
    )

    write_id: str = Field(description="Newer writes have greater ids. The note has it too.")
    external_ref: str = Field(description="The ticket or case.")
    contact_id: ContactId = Field(description="The contact.")
    escalation_id: EscalationId = Field(description="The escalation that took the step.")
    step: Step = Field(description="What happened.")
    state: CaseWriteState = Field(
        description="`writing`: calls are in progress. `superseded`: it is no longer wanted."
    )
    requested_at: datetime = Field(description="When the step was taken.")
    due_at: datetime | None = Field(description="The next attempt.")
    attempts: int = Field(description="The attempts until now.")
    ambiguous: bool = Field(description="An attempt without a known outcome may have written it.")
    reason: str | None = Field(description="Why the last attempt did not succeed.")
    written_at: datetime | None = Field(description="When the system had it.")


def read_settings(
    system: SystemName, body: WriteBackIn, factory: CaseSystemFactory
) -> WriteBackSettings:
    """Raises ProblemError, AddressNotAllowedError or WriteBacksOffError."""
    factory.require_box()
    base_url = body.base_url.rstrip("/")
    has_path = urlsplit(base_url).path or "?" in base_url or "#" in base_url
    if has_path or not factory.allowed.admits(base_url):
        raise AddressNotAllowedError
    if faults := [*_faults(split_system(system)[0], body)]:
        raise invalid(*faults)
    return WriteBackSettings(
        state=body.state,
        base_url=base_url,
        credentials=_sealed(body.credentials, factory) if body.credentials else None,
        steps={step: each.writes for step, each in body.steps.items()},
        language=body.language,
    )


def _sealed(credentials: Credentials, factory: CaseSystemFactory) -> SealedCredentials:
    return SealedCredentials(credentials.type, credentials.account, factory.seal(credentials))


def _faults(kind: str, body: WriteBackIn) -> Iterator[tuple[str, str]]:
    """Yield what this kind of system can't do, by the place in the body."""
    system = CASE_SYSTEMS[kind]
    if body.credentials is not None and not isinstance(body.credentials, system.credentials):
        yield "body/credentials", f"These are not credentials for {kind}."
    for step, each in body.steps.items():
        place = f"body/steps/{step}"
        if system.priorities and each.priority not in (None, *system.priorities):
            listed = ", ".join(sorted(system.priorities))
            yield f"{place}/priority", f"The priorities of {kind} are: {listed}."
        for name in each.fields:
            if not system.field_name.fullmatch(name):
                yield f"{place}/fields/{name}", f"This is not how fields of {kind} are named."
        if each.tags and not system.has_tags:
            yield f"{place}/tags", f"There are no tags in {kind}."


def shown(write_back: WriteBack) -> WriteBackOut:
    return WriteBackOut.model_validate(write_back, from_attributes=True)


def shown_detail(write_back: WriteBack, counts: WriteCounts) -> WriteBackDetailOut:
    return WriteBackDetailOut(**shown(write_back).model_dump(), **counts._asdict())


def shown_write(write: CaseWrite) -> CaseWriteOut:
    return CaseWriteOut.model_validate(write)
