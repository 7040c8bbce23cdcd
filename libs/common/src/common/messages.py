"""Timers, and the changes to them that a decision asks for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from common.contracts.contract import Contract
from common.contracts.event import ContactId


class Timer(Contract):
    """Work to do later for one contact. A contact has one timer a slot; a new one replaces it."""

    type: ClassVar[str]

    contact_id: ContactId

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = cls.__name__

    @property
    def key(self) -> str:
        return self.contact_id

    @property
    def slot(self) -> str:
        return self.type


@dataclass(frozen=True, slots=True)
class Schedule:
    """Fire `timer` once when the database's clock reaches `due_at`; replaces the slot's timer."""

    timer: Timer
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Cancel:
    contact_id: ContactId
    slot: str


TimerChange = Schedule | Cancel
