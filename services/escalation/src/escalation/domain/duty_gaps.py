"""Gaps in duty schedules, forecast so that they are announced while there is time to fill them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from common.contracts.escalations import PagedDutyGap, PageRequested
from common.contracts.event import OPERATIONS, ContactId, PageId, PersonId
from common.core.ids import derived_id
from escalation.domain.duty.schedules import Absences, DutySchedule
from escalation.domain.duty.shifts import Gap, gaps, shifts
from escalation.domain.settings.registry import Configuration, Versioned

Notice = Literal["week", "day"]
GapKey = tuple[datetime, datetime, Notice]

FORECAST_PERIOD = timedelta(days=7)
_SOON = timedelta(days=1)
# So that its page has a bound.
_MOST_ABSENT = 20


@dataclass(frozen=True, slots=True)
class UpcomingGap:
    """A gap that begins within a week or a day; the people who are `absent` would have the turn.

    An `endless` gap lasts for more than a year.
    """

    schedule_id: str
    gap: Gap
    ahead: Notice
    absent: tuple[PersonId, ...]
    endless: bool

    @property
    def key(self) -> GapKey:
        return self.gap.start, self.gap.end, self.ahead

    def page(self, at: datetime) -> PageRequested:
        start, end = self.gap.start, self.gap.end
        schedule = "duty-schedule", self.schedule_id
        times = start.isoformat(), end.isoformat(), at.isoformat()
        return PageRequested(
            contact_id=ContactId(derived_id(*schedule)),
            occurred_at=at,
            page_id=PageId(derived_id(*schedule, "gap", *times)),
            person_id=OPERATIONS,
            reason="duty_gap",
            respond_by=start if start > at else None,
            duty_gap=PagedDutyGap(
                schedule_id=self.schedule_id,
                starts_at=start,
                ends_at=None if self.endless else end,
                absent=self.absent,
            ),
        )


@dataclass(frozen=True, slots=True)
class GapForecast:
    """The gaps of the week from `at` on, by the settings at that time."""

    setting: Versioned[DutySchedule]
    absences: Absences
    at: datetime
    gaps: Sequence[UpcomingGap]

    def still_valid(self, configuration: Configuration) -> bool:
        """Tell whether the settings are still those of the forecast."""
        setting = configuration.schedules.get(self.setting.id)
        return (setting, configuration.absences) == (self.setting, self.absences)

    def unannounced(self, announced: Collection[GapKey], now: datetime) -> list[UpcomingGap]:
        return [
            upcoming
            for upcoming in self.gaps
            if upcoming.key not in announced and upcoming.gap.end > now
        ]

    @property
    def uncovered(self) -> timedelta:
        """How much of the week from `at` has nobody on duty."""
        until = self.at + FORECAST_PERIOD
        durations = (
            min(upcoming.gap.end, until) - max(upcoming.gap.start, self.at)
            for upcoming in self.gaps
        )
        return sum(durations, timedelta())


def forecast_gaps(
    setting: Versioned[DutySchedule], absences: Absences, at: datetime
) -> GapForecast:
    """Return the gaps of the week from `at`, each in its whole length.

    It takes seconds if years have many shifts.
    """
    schedule = setting.body
    upcoming = [
        _upcoming(setting, _whole_gap(schedule, absences, at, gap), at)
        for gap in gaps(schedule, at, at + FORECAST_PERIOD, absences)
    ]
    return GapForecast(setting, absences, at, upcoming)


def _upcoming(setting: Versioned[DutySchedule], gap: Gap, at: datetime) -> UpcomingGap:
    # The people who would have the turn if nobody were absent.
    planned = shifts(setting.body, max(gap.start, at), gap.end)
    return UpcomingGap(
        schedule_id=setting.id,
        gap=gap,
        ahead="day" if gap.start - at <= _SOON else "week",
        absent=tuple(sorted({shift.person_id for shift in planned})[:_MOST_ABSENT]),
        endless=gap.end == _search_limits(at)[1],
    )


def _whole_gap(schedule: DutySchedule, absences: Absences, at: datetime, gap: Gap) -> Gap:
    """Extend a gap that reaches beyond the forecast period."""
    earliest, latest = _search_limits(at)
    before = gaps(schedule, earliest, gap.start, absences) if gap.start == at else []
    after = gaps(schedule, gap.end, latest, absences) if gap.end == at + FORECAST_PERIOD else []
    return Gap(
        before[-1].start if before and before[-1].end == gap.start else gap.start,
        after[0].end if after and after[0].start == gap.end else gap.end,
    )


def _search_limits(at: datetime) -> tuple[datetime, datetime]:
    """Return limits at whole years, so that an endless gap is the same at each forecast."""
    return datetime(at.year - 1, 1, 1, tzinfo=UTC), datetime(at.year + 2, 1, 1, tzinfo=UTC)
