"""When a connection from which something is expected has been silent for too long."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

# What of intake listens: the API to webhooks, the workers to records and mailboxes.
Listener = Literal["webhooks", "workers"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
# A week of office time is over after a week, or after two if the clocks are changed in between.
_SEARCH_DAYS: Final = 16
_MIDNIGHT: Final = time(0)


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """The same hours on some days of the week; `ends` at midnight is the end of the day."""

    days: tuple[Weekday, ...]
    starts: time
    ends: time

    @property
    def minutes(self) -> int:
        """Minutes of one day; negative if they end before they begin."""
        end = 24 * 60 if self.ends == _MIDNIGHT else _minutes(self.ends)
        return end - _minutes(self.starts)


@dataclass(frozen=True, slots=True)
class Expectation:
    """Something is expected each `every_minutes` of office time; without `hours`, of any time.

    The hours of a day do not overlap, and a week has at least `every_minutes` of them.
    """

    every_minutes: int
    time_zone: str
    hours: tuple[OfficeHours, ...] = ()

    @property
    def weekly_minutes(self) -> int:
        return sum(hours.minutes * len(hours.days) for hours in self.hours)


def listeners_of(kind: str) -> tuple[Listener, ...]:
    """Return what has to run for something of such a connection to be heard."""
    match kind:
        case "imap":
            return ("workers",)
        case "cloudevents":
            return ("webhooks", "workers")
        case _:
            return ("webhooks",)


def overlapping(hours: Sequence[OfficeHours]) -> int | None:
    """Return the place of the first hours that overlap others before them."""
    for place, later in enumerate(hours):
        if any(_overlap(earlier, later) for earlier in hours[:place]):
            return place
    return None


def silent_at(expected: Expectation, heard_at: datetime) -> datetime:
    """Return when it has been silent for too long if nothing comes after `heard_at`."""
    left = timedelta(minutes=expected.every_minutes)
    if not expected.hours:
        return heard_at + left
    end = heard_at
    for start, end in _periods(expected, heard_at):
        if left <= end - start:
            return start + left
        left -= end - start
    return end + left


def _periods(expected: Expectation, since: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the office hours from `since` on, each by its beginning and end."""
    zone = ZoneInfo(expected.time_zone)
    first = since.astimezone(zone).date()
    for number in range(_SEARCH_DAYS):
        day = first + timedelta(days=number)
        today = [hours for hours in expected.hours if WEEKDAYS[day.weekday()] in hours.days]
        for hours in sorted(today, key=lambda each: each.starts):
            end_day = day + timedelta(days=1) if hours.ends == _MIDNIGHT else day
            start = datetime.combine(day, hours.starts, zone).astimezone(UTC)
            end = datetime.combine(end_day, hours.ends, zone).astimezone(UTC)
            if max(start, since) < end:
                yield max(start, since), end


def _overlap(first: OfficeHours, second: OfficeHours) -> bool:
    starts = _minutes(first.starts), _minutes(second.starts)
    ends = starts[0] + first.minutes, starts[1] + second.minutes
    return bool(set(first.days) & set(second.days)) and max(starts) < min(ends)


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute
