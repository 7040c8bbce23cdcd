"""Gaps in duty schedules that are announced while there is time to fill them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import NAMESPACE_OID, uuid5

from common.contracts.escalations import PageRequested
from common.contracts.event import ContactId, PageId, PersonId
from escalation.domain import wording
from escalation.domain.duty.schedules import Absences, DutySchedule
from escalation.domain.duty.shifts import Gap, gaps, shifts
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.types import OPERATIONS

Ahead = Literal["week", "day"]
GapKey = tuple[datetime, datetime, Ahead]

LOOK_AHEAD = timedelta(days=7)
_SOON = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GapAhead:
    """A gap that begins within a week or within a day; `absent` are those whose turn it would be.

    `endless` is one that goes on for more than a year.
    """

    schedule_id: str
    gap: Gap
    ahead: Ahead
    absent: tuple[PersonId, ...]
    endless: bool

    @property
    def key(self) -> GapKey:
        return self.gap.start, self.gap.end, self.ahead

    def page(self, at: datetime) -> PageRequested:
        start, end = self.gap.start, self.gap.end
        name = f"duty-schedule/{self.schedule_id}"
        page = f"{name}/gap/{start.isoformat()}/{end.isoformat()}/{at.isoformat()}"
        return PageRequested(
            contact_id=ContactId(str(uuid5(NAMESPACE_OID, name))),
            occurred_at=at,
            page_id=PageId(str(uuid5(NAMESPACE_OID, page))),
            person_id=OPERATIONS,
            reason="duty_gap",
            headline=wording.gap_headline(self.schedule_id, start, None if self.endless else end),
            why=wording.gap(self.schedule_id, self.absent, start - at),
            respond_by=start if start > at else None,
        )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is ahead from `at` on, by the settings as they were then."""

    setting: Versioned[DutySchedule]
    absences: Absences
    at: datetime
    ahead: Sequence[GapAhead]

    def holds_by(self, configuration: Configuration) -> bool:
        """Tell whether the settings are what they were."""
        setting = configuration.schedules[self.setting.id]
        return (setting, configuration.absences) == (self.setting, self.absences)

    def news(self, told: Collection[GapKey], now: datetime) -> list[GapAhead]:
        return [one for one in self.ahead if one.key not in told and one.gap.end > now]

    @property
    def uncovered(self) -> timedelta:
        """For how long in the week from `at` nobody will be on duty."""
        until = self.at + LOOK_AHEAD
        spans = (min(one.gap.end, until) - max(one.gap.start, self.at) for one in self.ahead)
        return sum(spans, timedelta())


def look_ahead(setting: Versioned[DutySchedule], absences: Absences, at: datetime) -> Outlook:
    """Return the gaps of the week from `at`, each as long as it is and not what we see of it.

    It takes seconds where many shifts of years have to be looked at.
    """
    schedule = setting.body
    ahead = [
        _ahead(setting, _whole(schedule, absences, at, gap), at)
        for gap in gaps(schedule, at, at + LOOK_AHEAD, absences)
    ]
    return Outlook(setting, absences, at, ahead)


def _ahead(setting: Versioned[DutySchedule], gap: Gap, at: datetime) -> GapAhead:
    # Whose turn it would be if nobody were absent.
    planned = shifts(setting.body, max(gap.start, at), gap.end)
    return GapAhead(
        schedule_id=setting.id,
        gap=gap,
        ahead="day" if gap.start - at <= _SOON else "week",
        absent=tuple(sorted({shift.person_id for shift in planned})),
        endless=gap.end == _years_from(at)[1],
    )


def _whole(schedule: DutySchedule, absences: Absences, at: datetime, gap: Gap) -> Gap:
    earliest, latest = _years_from(at)
    before = gaps(schedule, earliest, gap.start, absences) if gap.start == at else []
    after = gaps(schedule, gap.end, latest, absences) if gap.end == at + LOOK_AHEAD else []
    return Gap(
        before[-1].start if before and before[-1].end == gap.start else gap.start,
        after[0].end if after and after[0].start == gap.end else gap.end,
    )


def _years_from(at: datetime) -> tuple[datetime, datetime]:
    """Return how far we look: to whole years, so that what has no end is the same at each look."""
    return datetime(at.year - 1, 1, 1, tzinfo=UTC), datetime(at.year + 2, 1, 1, tzinfo=UTC)
