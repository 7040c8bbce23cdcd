"""Business time: when a clock runs, to the microsecond and correct across daylight saving.

A calendar is about the local wall clock. UTC is converted to local time, never the other way, so
hours that a change of offset skips or repeats need no special rule: time counts whenever the wall
clock shows an opening hour.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import accumulate, chain, pairwise
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from annotated_types import Len
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    with_config,
)

from common.contracts.validation_messages import InvalidValueError
from common.core.time_zones import TimeZone
from escalation.domain.types import Label

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_DAY = 24 * 60 * _MINUTE
_MIN_OPEN_PER_WEEK = 60 * _MINUTE
_MAX_CLOSED = timedelta(days=365)

Span = tuple[int, int]


TimeOfDay = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
OpeningHours = tuple[TimeOfDay, TimeOfDay]


_SPAN = re.compile(r"\s*(\d\d:\d\d)\s*[-\u2013]\s*(\d\d:\d\d)\s*")


def _require_pairs(day: Any) -> Any:
    """Say how to write opening hours that are texts, or a pair that is not in a list."""
    for hours in day if isinstance(day, list | tuple) else [day]:
        if not isinstance(hours, str):
            continue
        spans = [span.groups() for span in _SPAN.finditer(hours)]
        raise ValueError(_advice(spans or [("09:00", "17:00")]))
    return day


def _advice(spans: Iterable[Sequence[str]]) -> str:
    day, next_day = [], []
    for opens, closes in spans:
        is_over_midnight = closes <= opens
        day.append([opens, "24:00" if is_over_midnight else closes])
        if is_over_midnight and closes != "00:00":
            next_day.append(["00:00", closes])
    written = f"write opening hours as a list of pairs, {_quoted(day)}"
    return f"{written} on this day and {_quoted(next_day)} on the next day" if next_day else written


def _quoted(day: Sequence[Sequence[str]]) -> str:
    return str([list(pair) for pair in day]).replace("'", '"')


def _in_order(day: tuple[OpeningHours, ...]) -> tuple[OpeningHours, ...]:
    for opens, closes in day:
        if closes < opens:
            detail = f"{closes} is on the next day: {_advice([(opens, closes)])}"
            raise InvalidValueError(detail, "hours-over-midnight", closes=closes)
    times = [time for hours in day for time in hours]
    for index, (earlier, later) in enumerate(pairwise(times)):
        opening = index % 2 == 0
        # The next opening may begin in the minute in which the last one ended.
        if earlier > later or (opening and earlier == later):
            raise InvalidValueError(
                f"{later} does not come after {earlier}",
                "hours-not-in-order",
                earlier=earlier,
                later=later,
            )
    return day


DayHours = Annotated[
    tuple[OpeningHours, ...],
    Len(max_length=24),
    AfterValidator(_in_order),
    BeforeValidator(_require_pairs),
]


def _require_open_hours(hours: dict[Weekday, DayHours]) -> dict[Weekday, DayHours]:
    """Refuse a week so short that a deadline would be due centuries from now."""
    if not any(hours.values()):
        raise InvalidValueError("a calendar must be open at some time of the week", "hours-too-few")
    opened = sum(closes - opens for day in hours.values() for opens, closes in _of_day(day))
    if opened < _MIN_OPEN_PER_WEEK:
        raise InvalidValueError("a calendar must be open for an hour a week", "hours-too-few")
    return hours


WeeklyHours = Annotated[dict[Weekday, DayHours], AfterValidator(_require_open_hours)]


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class HolidaysOf:
    """The public holidays of a country, or of one of its regions, both by their ISO 3166 codes."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    """The ISO 3166 code of the country."""
    region: Label | None = None
    """The ISO 3166 code of the region, without the country."""

    @property
    def is_known(self) -> bool:
        try:
            self.within(())
        except NotImplementedError:
            return False
        return True

    def within(self, years: Iterable[int]) -> Iterable[date]:
        """Return the dates, including substitutes for holidays on a weekend."""
        # It takes memory and time to load, so only a process that needs holidays loads it.
        import holidays  # noqa: PLC0415 - takes much memory; see the README

        return holidays.country_holidays(self.country, self.region, years, expand=False)


def _require_open_within_a_year(closed: frozenset[date], info: ValidationInfo) -> frozenset[date]:
    """Refuse dates that delay the next opening by more than a year."""
    hours, special = info.data.get("hours", {}), info.data.get("special", {})

    def usually_open(day: date) -> bool:
        return bool(hours.get(WEEKDAYS[day.weekday()]))

    def is_open(day: date) -> bool:
        return bool(special.get(day, day not in closed and usually_open(day)))

    lost = sorted(day for day in {*closed, *special} if usually_open(day) and not is_open(day))
    closed_since = previous = date.min
    for day in lost:
        # Within a week after such a date some day is open as usual.
        between = range(1, min(8, (day - previous).days))
        if any(is_open(previous + timedelta(days)) for days in between):
            closed_since = day
        if day - closed_since > _MAX_CLOSED:
            raise InvalidValueError(
                f"with these dates it is closed for more than a year from {closed_since}",
                "closed-too-long",
                since=closed_since.isoformat(),
            )
        previous = day
    return closed


@with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
@dataclass(frozen=True)
class Calendar:
    """Weekly opening hours on the wall clock of a zone, without holidays and closed dates.

    A date in `special` has the hours given there instead of its usual ones.
    """

    zone: TimeZone
    """The IANA time zone of its wall clock."""
    hours: WeeklyHours
    """The opening hours by weekday."""
    holidays: Annotated[tuple[HolidaysOf, ...], Len(max_length=20)] = ()
    """The public holidays on which it is closed."""
    special: dict[date, DayHours] = field(default_factory=dict)
    """The hours of single dates, whatever the rest says."""
    closed: Annotated[
        frozenset[date], AfterValidator(_require_open_within_a_year), Field(validate_default=True)
    ] = frozenset()
    """Further dates on which it is closed."""

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Cached, since openings are looked up by it for every deadline.
        weekly, special = frozenset(self.hours.items()), frozenset(self.special.items())
        return hash((self.zone, weekly, self.holidays, special, self.closed))

    def unknown_holidays(self) -> Iterator[tuple[str, str, str]]:
        """Yield (place, name, id) for each country or region without a list of holidays."""
        for n, source in enumerate(self.holidays):
            country, region = source.country, source.region
            if not HolidaysOf(country).is_known:
                yield f"holidays/{n}/country", f"list of the holidays of {country}", country
            elif region is not None and not source.is_known:
                name = f"region {region} in the holidays of {country}"
                yield f"holidays/{n}/region", name, region


def add_business_time(calendar: Calendar | None, start: datetime, duration: timedelta) -> datetime:
    """Return the first instant by which `duration` of business time has passed; None is 24x7.

    Time that runs out at a closing is due then, not at the next opening.
    """
    if calendar is None or not duration:
        return start + duration
    moment = (start - _EPOCH) // _MICROSECOND
    left = duration // _MICROSECOND
    year = start.astimezone(UTC).year
    opened = _openings(calendar, year)
    left += opened.before(moment)
    while left > opened.total:
        left -= opened.total
        year += 1
        opened = _openings(calendar, year)
    return _EPOCH + timedelta(microseconds=opened.instant(left))


def business_time_between(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """Return the business time from `start` to `end`: the inverse of the addition."""
    if calendar is None:
        return end - start
    if end < start:
        return -business_time_between(calendar, end, start)
    first, last = start.astimezone(UTC).year, end.astimezone(UTC).year
    passed = _openings(calendar, last).before((end - _EPOCH) // _MICROSECOND)
    passed -= _openings(calendar, first).before((start - _EPOCH) // _MICROSECOND)
    passed += sum(_openings(calendar, year).total for year in range(first, last))
    return timedelta(microseconds=passed)


def open_at(calendar: Calendar, at: datetime) -> bool:
    return _openings(calendar, at.astimezone(UTC).year).contains((at - _EPOCH) // _MICROSECOND)


def edges(calendar: Calendar, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield each instant from `start` to `end` at which business opens or closes."""
    first, last = (start - _EPOCH) // _MICROSECOND, (end - _EPOCH) // _MICROSECOND
    for year in range(start.astimezone(UTC).year, end.astimezone(UTC).year + 1):
        opened = _openings(calendar, year)
        for moments in (opened.starts, opened.ends):
            between = moments[bisect_left(moments, first) : bisect_right(moments, last)]
            yield from (_EPOCH + timedelta(microseconds=moment) for moment in between)


@dataclass(frozen=True, slots=True)
class _Openings:
    """The spans of one UTC year in which business is open, with the time open before each."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    opened: tuple[int, ...]

    @property
    def total(self) -> int:
        return self.opened[-1]

    def contains(self, moment: int) -> bool:
        span = bisect_right(self.starts, moment) - 1
        return span >= 0 and moment < self.ends[span]

    def before(self, moment: int) -> int:
        """Return the business time from the start of the year to `moment`."""
        span = bisect_right(self.starts, moment) - 1
        if span < 0:
            return 0
        return self.opened[span] + min(moment, self.ends[span]) - self.starts[span]

    def instant(self, passed: int) -> int:
        """Return the first moment of the year by which `passed`, above 0, has passed."""
        span = bisect_left(self.opened, passed) - 1
        return self.starts[span] + passed - self.opened[span]


@lru_cache(maxsize=1024)
def _openings(calendar: Calendar, year: int) -> _Openings:
    spans = list(_joined(_spans(calendar, year)))
    return _Openings(
        tuple(start for start, _ in spans),
        tuple(end for _, end in spans),
        tuple(accumulate((end - start for start, end in spans), initial=0)),
    )


def _spans(calendar: Calendar, year: int) -> Iterator[Span]:
    """Yield the open spans of one UTC year, in order."""
    weekly = [_of_day(calendar.hours.get(weekday, ())) for weekday in WEEKDAYS]
    dated = _dated(calendar, year)
    first, until = (_day_of(date(number, 1, 1)) * _DAY for number in (year, year + 1))
    for start, end, offset in _offset_intervals(ZoneInfo(calendar.zone), first, until):
        for day in range((start + offset) // _DAY, (end + offset - 1) // _DAY + 1):
            midnight = day * _DAY - offset
            for opens, closes in dated.get(day, weekly[(day + _EPOCH_ORDINAL - 1) % 7]):
                span = max(start, midnight + opens), min(end, midnight + closes)
                if span[0] < span[1]:
                    yield span


def _dated(calendar: Calendar, year: int) -> dict[int, list[Span]]:
    """Return the hours of the days that differ from their weekday."""
    # On the wall clock the year reaches into the years before and after it.
    holidays = chain.from_iterable(
        source.within((year - 1, year, year + 1)) for source in calendar.holidays
    )
    shut: dict[int, list[Span]] = {_day_of(day): [] for day in chain(holidays, calendar.closed)}
    return shut | {_day_of(day): _of_day(hours) for day, hours in calendar.special.items()}


def _offset_intervals(zone: ZoneInfo, first: int, until: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, offset) for each interval in which the zone's offset stays the same."""
    start = first
    for day in range(first + _DAY, until + _DAY, _DAY):
        offset, later = _offset(zone, start), _offset(zone, day)
        if later != offset:
            change = _change(zone, day - _DAY, day)
            yield start, change, offset
            start = change
    if start < until:
        yield start, until, _offset(zone, start)


def _change(zone: ZoneInfo, start: int, end: int) -> int:
    """Return the second at which the offset changes between two moments that differ in it."""
    before = _offset(zone, start)
    seconds = range(start, end + 1, _SECOND)
    return seconds[bisect_left(seconds, 1, key=lambda at: int(_offset(zone, at) != before))]


def _offset(zone: ZoneInfo, moment: int) -> int:
    local = (_EPOCH + timedelta(microseconds=moment)).astimezone(zone)
    return (local.utcoffset() or timedelta()) // _MICROSECOND


def _joined(spans: Iterator[Span]) -> Iterator[Span]:
    """Join spans that touch, so that each instant of business time has one place."""
    current: Span | None = None
    for span in spans:
        if current is None:
            current = span
        elif span[0] == current[1]:
            current = current[0], span[1]
        else:
            yield current
            current = span
    if current is not None:
        yield current


def _day_of(day: date) -> int:
    return day.toordinal() - _EPOCH_ORDINAL


def _of_day(hours: DayHours) -> list[Span]:
    return [(_since_midnight(opens), _since_midnight(closes)) for opens, closes in hours]


def _since_midnight(time: TimeOfDay) -> int:
    hour, minute = time.split(":")
    return (int(hour) * 60 + int(minute)) * _MINUTE
