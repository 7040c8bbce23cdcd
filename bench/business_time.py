"""Business-time deadlines per second, compared with a walk minute by minute."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bench.isolated import run_isolated
from bench.summary import Figures
from common.core.clock import monotonic
from escalation.domain.duty.calendars import (
    WEEKDAYS,
    Calendar,
    DayHours,
    HolidaysOf,
    Weekday,
    add_business_time,
)

MINUTE = timedelta(minutes=1)
WALKED_JOBS = 50
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
TWO_YEARS = 2 * 365 * 24 * 60
TEN_DAYS = 10 * 8 * 60

OFFICE: DayHours = (("09:00", "17:00"),)
SHIFTS: DayHours = (("08:00", "12:30"), ("13:15", "18:00"))
SATURDAY: DayHours = (("10:00", "14:00"),)
NIGHTS: DayHours = (("00:00", "06:00"), ("22:00", "24:00"))
PLACES = (
    ("Europe/Berlin", HolidaysOf("DE", "BE")),
    ("Europe/London", HolidaysOf("GB", "ENG")),
    ("America/New_York", HolidaysOf("US", "NY")),
    ("America/Sao_Paulo", HolidaysOf("BR", "SP")),
    ("Asia/Kolkata", HolidaysOf("IN", "KA")),
    ("Asia/Tokyo", HolidaysOf("JP")),
    ("Australia/Lord_Howe", HolidaysOf("AU", "NSW")),
    ("Pacific/Auckland", HolidaysOf("NZ")),
)


class Job(NamedTuple):
    calendar: Calendar
    start: datetime
    duration: timedelta


Add = Callable[[Calendar, datetime, timedelta], datetime]


class DisagreementError(Exception):
    """The minute-by-minute walk gives another deadline."""


async def additions(count: int) -> Figures:
    return (await run_isolated(_additions, count)).figures


async def _additions(count: int) -> Figures:
    random = Random(2031)
    all_calendars = calendars()
    jobs = [_job(random, all_calendars) for _ in range(count)]
    walked = jobs[:WALKED_JOBS]
    # The first pass fills the cache of each calendar and year.
    ours, _ = _timed(add_business_time, jobs)
    if ours[:WALKED_JOBS] != (theirs := _timed(walk_minutes, walked))[0]:
        raise DisagreementError
    _, seconds = _timed(add_business_time, jobs)
    _, seconds_walked = _timed(add_business_time, walked)
    return {
        "business_time_additions": count,
        "business_time_additions_per_s": count / seconds,
        "business_time_walk_per_s": WALKED_JOBS / theirs[1],
        "business_time_over_walk": theirs[1] / seconds_walked,
    }


def calendars() -> list[Calendar]:
    """Return calendars for offices, split shifts and nights in each place, with its holidays."""
    workdays = WEEKDAYS[:5]
    weeks: tuple[dict[Weekday, DayHours], ...] = (
        dict.fromkeys(workdays, OFFICE),
        {**dict.fromkeys(workdays, SHIFTS), "sat": SATURDAY},
        dict.fromkeys(WEEKDAYS, NIGHTS),
    )
    special = {date(2026, 12, 24): SATURDAY, date(2027, 12, 24): SATURDAY}
    return [
        Calendar(zone, hours, (holidays,), special) for zone, holidays in PLACES for hours in weeks
    ]


def _job(random: Random, all_calendars: list[Calendar]) -> Job:
    return Job(
        random.choice(all_calendars),
        FIRST + random.randrange(TWO_YEARS) * MINUTE,
        random.randrange(1, TEN_DAYS) * MINUTE,
    )


def _timed(add: Add, jobs: list[Job]) -> tuple[list[datetime], float]:
    begun = monotonic()
    return [add(*job) for job in jobs], monotonic() - begun


def walk_minutes(calendar: Calendar, start: datetime, duration: timedelta) -> datetime:
    """Add business time by checking every minute of the wall clock: correct and slow."""
    zone, at, left = ZoneInfo(calendar.zone), start, duration // MINUTE
    holidays = {
        day for of in calendar.holidays for day in of.within((2025, 2026, 2027, 2028, 2029))
    }
    while left:
        local = at.astimezone(zone)
        day = local.date()
        usual = () if day in holidays else calendar.hours.get(WEEKDAYS[local.weekday()], ())
        hours = calendar.special.get(day, usual)
        clock = f"{local.hour:02}:{local.minute:02}"
        left -= any(opens <= clock < closes for opens, closes in hours)
        at += MINUTE
    return at
