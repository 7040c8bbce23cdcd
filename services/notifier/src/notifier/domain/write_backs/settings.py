"""What a manager sets for a connection: where to write, as whom, and what at each step."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.event import SystemName

CaseSystemKind = Literal["zendesk", "salesforce", "dynamics"]
Step = Literal["escalated", "acknowledged", "returned", "resolved", "withdrawn"]
NoteLanguage = Literal["en", "de"]
# A person pauses it: then nothing is recorded for it. Upstairs halts it: then writes wait.
WriteBackState = Literal["active", "paused", "halted"]
FieldValue = str | int | float | bool
CredentialsType = Literal["api_token", "oauth_token", "client_credentials"]

KINDS: Final[frozenset[str]] = frozenset(get_args(CaseSystemKind))
# So often in a row the system must refuse the credentials until it is called no more.
_REFUSALS_UNTIL_HALT: Final = 3
_WAIT_AFTER_REFUSAL: Final = timedelta(minutes=1)
# What `halt_reason` says where the row of a write-back can't be read.
UNREADABLE: Final = "its row can't be read"
# For a system that wants fewer calls and does not say when again.
DEFAULT_HOLD: Final = timedelta(seconds=30)


class StepWrites(Struct, frozen=True):
    """What is written at a step; `fields` are named as the system names them."""

    note: bool = False
    priority: str | None = None
    fields: Mapping[str, FieldValue] = {}
    tags: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self == StepWrites()


class WriteBack(Struct, frozen=True):
    """`credentials` are encrypted; `account` says whose they are, and is no secret.

    `refusals` counts how often the system refused them in a row. Nothing is called before
    `held_until`. `halt_reason` says why Upstairs halted it.
    """

    system: SystemName
    version: int
    state: WriteBackState
    base_url: str
    credentials_type: CredentialsType
    credentials: str
    account: str
    steps: Mapping[Step, StepWrites]
    language: NoteLanguage
    changed_at: datetime
    changed_by: str
    refusals: int = 0
    held_until: datetime | None = None
    halt_reason: str | None = None

    @property
    def edition(self) -> tuple[int, datetime]:
        """Return what tells these settings from others: one put again begins at version 1 again."""
        return self.version, self.changed_at

    @property
    def kind(self) -> str:
        return split_system(self.system)[0]

    @property
    def connection(self) -> str:
        return split_system(self.system)[1]

    def writes_at(self, step: Step) -> StepWrites:
        return self.steps.get(step, StepWrites())


def stand_in(system: SystemName, version: int, changed_at: datetime, changed_by: str) -> WriteBack:
    """Return what stands for one that can't be read: it is halted, and must be set again whole."""
    return WriteBack(
        system=system,
        version=version,
        state="halted",
        # No address is the same, so credentials are asked for.
        base_url="",
        credentials_type="client_credentials",
        credentials="",
        account="",
        steps={},
        language="en",
        changed_at=changed_at,
        changed_by=changed_by,
        halt_reason=UNREADABLE,
    )


def system_name(kind: str, connection: str) -> SystemName:
    """Return how contacts name the connection that they were received from."""
    return SystemName(f"{kind}:{connection}")


def split_system(system: SystemName) -> tuple[str, str]:
    kind, _, connection = system.partition(":")
    return kind, connection


def can_be_written(system: SystemName | None) -> bool:
    """Return whether a system of this kind can be told anything."""
    return system is not None and split_system(system)[0] in KINDS


def hold(write_back: WriteBack, wait: timedelta, at: datetime) -> WriteBack:
    """Call the system no more for a time, as it asked."""
    return replace(write_back, held_until=max(write_back.held_until or at, at + wait))


def count_refusal(write_back: WriteBack, reason: str, at: datetime) -> WriteBack:
    """Record that the system refused the credentials; after some in a row it is halted."""
    refused = replace(write_back, refusals=write_back.refusals + 1)
    if refused.refusals < _REFUSALS_UNTIL_HALT:
        return hold(refused, _WAIT_AFTER_REFUSAL, at)
    return replace(refused, state="halted", halt_reason=reason, held_until=None)
