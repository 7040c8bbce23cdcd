"""What managers have set, as it is in force: policies, calendars, ladders, duty schedules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar, assert_never

from common.contracts.event import PersonId
from escalation.domain.calendars import Calendar
from escalation.domain.duty import DutySchedule, on_duty
from escalation.domain.ladders import Ladder, Level, Named, OnDuty
from escalation.domain.policies import Contact, SlaPolicy

Setting = SlaPolicy | Calendar | Ladder | DutySchedule
T = TypeVar("T", bound=Setting)

DEFAULT_LADDER = "default"


@dataclass(frozen=True, slots=True)
class Ref:
    """One version of a setting: it never changes again."""

    id: str
    version: int

    def __str__(self) -> str:
        return f"{self.id} v{self.version}"


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    id: str
    version: int
    body: T

    @property
    def ref(self) -> Ref:
        return Ref(self.id, self.version)


@dataclass(frozen=True)
class Configuration:
    """The newest version of each setting, by its id."""

    policies: Mapping[str, Versioned[SlaPolicy]] = field(default_factory=dict)
    calendars: Mapping[str, Versioned[Calendar]] = field(default_factory=dict)
    ladders: Mapping[str, Versioned[Ladder]] = field(default_factory=dict)
    schedules: Mapping[str, Versioned[DutySchedule]] = field(default_factory=dict)

    def find(self, kind: type[T], setting_id: str) -> Versioned[T] | None:
        return self._of(kind).get(setting_id)

    def all_of(self, kind: type[T]) -> list[Versioned[T]]:
        return sorted(self._of(kind).values(), key=lambda setting: setting.id)

    def _of(self, kind: type[Any]) -> Mapping[str, Versioned[Any]]:
        settings: dict[type[Any], Mapping[str, Versioned[Any]]] = {
            SlaPolicy: self.policies,
            Calendar: self.calendars,
            Ladder: self.ladders,
            DutySchedule: self.schedules,
        }
        return settings[kind]

    @cached_property
    def _most_specific_first(self) -> list[Versioned[SlaPolicy]]:
        return sorted(
            self.policies.values(), key=lambda policy: (-policy.body.match.specificity, policy.id)
        )

    def policy_for(self, contact: Contact) -> Versioned[SlaPolicy] | None:
        covering = (each for each in self._most_specific_first if each.body.match.covers(contact))
        return next(covering, None)

    def calendar_of(self, policy: SlaPolicy) -> Versioned[Calendar] | None:
        return None if policy.calendar_id is None else self.calendars[policy.calendar_id]

    def ladder(self, ladder_id: str | None) -> Versioned[Ladder] | None:
        return self.ladders.get(ladder_id or DEFAULT_LADDER)

    def people(self, level: Level, at: datetime) -> tuple[PersonId, ...]:
        """Return whom a level means at that moment, each once."""
        found: dict[PersonId, None] = {}
        for who in level.who:
            match who:
                case OnDuty(schedule_id=schedule_id):
                    found |= dict.fromkeys(on_duty(self.schedules[schedule_id].body, at))
                case Named(person_id=person_id):
                    found[person_id] = None
                case _:
                    assert_never(who)
        return tuple(found)

    def undefined(self, setting: Setting) -> Iterator[tuple[str, str]]:
        """Yield (place, what it names) for each setting that is named but does not exist."""
        match setting:
            case SlaPolicy(ladder_id=ladder_id, calendar_id=calendar_id):
                if ladder_id not in self.ladders:
                    yield "ladder_id", f"ladder {ladder_id}"
                if calendar_id is not None and calendar_id not in self.calendars:
                    yield "calendar_id", f"calendar {calendar_id}"
            case Ladder():
                for place, who in setting.asked():
                    if isinstance(who, OnDuty) and who.schedule_id not in self.schedules:
                        yield f"{place}/schedule_id", f"duty schedule {who.schedule_id}"
            case Calendar() | DutySchedule():
                return
            case _:
                assert_never(setting)
