"""Business time over every change of offset there is, and over holidays and special days."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate, pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from escalation.domain.duty.calendars import (
    WEEKDAYS,
    Calendar,
    DayHours,
    HolidaysOf,
    add_business_time,
    business_time_between,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NINE_TO_FIVE: DayHours = (("09:00", "17:00"),)
OFFICE_HOURS = dict.fromkeys(WEEKDAYS[:5], NINE_TO_FIVE)
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
WINDOW = timedelta(hours=36)
# With edges all around the hours at which clocks are changed.
AROUND_THE_CLOCK: DayHours = (
    ("00:00", "00:20"),
    ("00:50", "01:15"),
    ("01:30", "02:00"),
    ("02:10", "02:50"),
    ("02:55", "03:05"),
    ("04:00", "12:00"),
    ("12:00", "12:01"),
    ("23:30", "24:00"),
)
SHORT_DAY: DayHours = (("00:30", "02:30"), ("23:00", "23:59"))


class Change(NamedTuple):
    zone: str
    at: datetime


class Minutes(NamedTuple):
    """What the wall clock says from `start` on; `passed[n]` minutes are open before the nth."""

    start: datetime
    passed: list[int]

    def due(self, first: int, left: int) -> datetime:
        return self.start + bisect_left(self.passed, self.passed[first] + left) * MINUTE


def changes() -> Iterator[Change]:
    """Find each change of offset in ten years, of zones that change alike only once."""
    days = [FIRST + n * DAY for n in range((LAST - FIRST).days + 1)]
    signatures = set()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        offsets = [day.astimezone(zone).utcoffset() for day in days]
        for (day, next_day), (before, after) in zip(pairwise(days), pairwise(offsets), strict=True):
            if before != after and (day, before, after) not in signatures:
                signatures.add((day, before, after))
                yield Change(name, changed(zone, day, next_day))


def changed(zone: ZoneInfo, day: datetime, until: datetime) -> datetime:
    before = day.astimezone(zone).utcoffset()
    minutes = (day + n * MINUTE for n in range((until - day) // MINUTE + 1))
    return next(at for at in minutes if at.astimezone(zone).utcoffset() != before)


def calendar_of(change: Change) -> Calendar:
    """Make one with a day off, and a special one that wins over it, beside the change."""
    local = change.at.astimezone(ZoneInfo(change.zone)).date()
    return Calendar(
        zone=change.zone,
        hours=dict.fromkeys(WEEKDAYS, AROUND_THE_CLOCK) | {"mon": SHORT_DAY},
        special={local - DAY: SHORT_DAY} if local.day % 2 else {local: SHORT_DAY},
        closed=frozenset({local + DAY, local - DAY}),
    )


def by_the_minute(calendar: Calendar, start: datetime, end: datetime) -> Minutes:
    """Look at the wall clock each minute; nothing here knows of offsets, years or spans."""
    zone = ZoneInfo(calendar.zone)
    shown = []
    for n in range((end - start) // MINUTE):
        local = (start + n * MINUTE).astimezone(zone)
        today = opening_minutes(hours_on(calendar, local.date()))
        shown.append(today[local.hour * 60 + local.minute])
    return Minutes(start, list(accumulate(shown, initial=0)))


def hours_on(calendar: Calendar, day: date) -> DayHours:
    if day in calendar.special:
        return calendar.special[day]
    return () if day in calendar.closed else calendar.hours.get(WEEKDAYS[day.weekday()], ())


@cache
def opening_minutes(hours: DayHours) -> list[bool]:
    clock = (f"{minute // 60:02}:{minute % 60:02}" for minute in range(24 * 60))
    return [any(opens <= at < closes for opens, closes in hours) for at in clock]


def test_business_time_agrees_with_wall_clock_at_every_offset_change() -> None:
    all_changes = list(changes())
    assert len(all_changes) > 500
    for change in all_changes:
        calendar = calendar_of(change)
        shown = by_the_minute(calendar, change.at - WINDOW, change.at + WINDOW)
        agrees_in_difference(calendar, shown)
        agrees_in_addition(calendar, shown)


def agrees_in_difference(calendar: Calendar, shown: Minutes) -> None:
    middle = len(shown.passed) // 2
    for n in {*range(0, len(shown.passed), 37), *range(middle - 200, middle + 200, 4)}:
        passed = business_time_between(calendar, shown.start, shown.start + n * MINUTE)
        assert passed == shown.passed[n] * MINUTE, (calendar, n)


def agrees_in_addition(calendar: Calendar, shown: Minutes) -> None:
    middle = len(shown.passed) // 2
    for first in (0, middle - 125, middle - 61, middle - 1, middle, middle + 7):
        begun = shown.start + first * MINUTE
        for left in range(1, shown.passed[-1] - shown.passed[first], 47):
            due = add_business_time(calendar, begun, left * MINUTE)
            assert due == shown.due(first, left), (calendar, begun, left)


@st.composite
def days(draw: st.DrawFn) -> DayHours:
    times = draw(st.lists(st.integers(0, 24 * 60), max_size=6, unique=True).map(sorted))
    clock = [f"{minute // 60:02}:{minute % 60:02}" for minute in times]
    return tuple(zip(clock[::2], clock[1::2], strict=False))


YEARS = st.dates(date(2024, 1, 1), date(2028, 12, 31))
CALENDARS = st.builds(
    Calendar,
    zone=st.sampled_from(
        ("America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Europe/Berlin", "Asia/Gaza")
    ),
    hours=st.dictionaries(st.sampled_from(WEEKDAYS), days()).map(
        lambda hours: {**hours, "thu": (("00:00", "23:59"),)}
    ),
    holidays=st.sampled_from(((), (HolidaysOf("DE", "BY"),), (HolidaysOf("BR"), HolidaysOf("IN")))),
    special=st.dictionaries(YEARS, days(), max_size=3),
    closed=st.frozensets(YEARS, max_size=20),
)
MOMENTS = st.datetimes(datetime(2024, 6, 1), datetime(2028, 6, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis asks for bounds without a zone
DURATIONS = st.timedeltas(timedelta(0), timedelta(days=60))


@given(CALENDARS, MOMENTS, DURATIONS)
def test_difference_is_the_inverse_of_addition(
    calendar: Calendar, start: datetime, duration: timedelta
) -> None:
    due = add_business_time(calendar, start, duration)
    assert business_time_between(calendar, start, due) == duration
    assert business_time_between(calendar, due, start) == -duration
    if duration:
        # The first such instant: a microsecond before it, a microsecond was left.
        before = due - timedelta.resolution
        assert business_time_between(calendar, start, before) == duration - timedelta.resolution


@given(CALENDARS, MOMENTS, DURATIONS, DURATIONS)
def test_addition_is_additive_and_monotone(
    calendar: Calendar, start: datetime, duration: timedelta, other: timedelta
) -> None:
    due = add_business_time(calendar, start, duration)
    later = add_business_time(calendar, due, other)
    assert later == add_business_time(calendar, start, duration + other)
    assert start <= due <= later
    assert add_business_time(calendar, start + other, duration) >= due


@given(CALENDARS, st.lists(MOMENTS, min_size=3, max_size=3))
def test_differences_add_up_and_never_exceed_the_time_that_passed(
    calendar: Calendar, moments: list[datetime]
) -> None:
    first, second, third = sorted(moments)
    parts = [business_time_between(calendar, *two) for two in ((first, second), (second, third))]
    assert business_time_between(calendar, first, third) == sum(parts, timedelta(0))
    assert timedelta(0) <= parts[0] <= second - first


@pytest.mark.parametrize(
    ("zone", "night", "passed"),
    [
        ("Europe/Berlin", date(2026, 3, 29), timedelta(hours=3)),
        ("Europe/Berlin", date(2026, 10, 25), timedelta(hours=5)),
        ("Australia/Lord_Howe", date(2026, 10, 4), timedelta(hours=3, minutes=30)),
        ("Australia/Lord_Howe", date(2026, 4, 5), timedelta(hours=4, minutes=30)),
        ("Asia/Kolkata", date(2026, 3, 29), timedelta(hours=4)),
    ],
)
def test_night_hours_count_the_hour_that_daylight_saving_adds_or_takes(
    zone: str, night: date, passed: timedelta
) -> None:
    calendar = Calendar(zone=zone, hours=dict.fromkeys(WEEKDAYS, (("00:00", "04:00"),)))
    midnight = datetime.combine(night, datetime.min.time(), ZoneInfo(zone))
    assert business_time_between(calendar, midnight, midnight + 12 * HOUR) == passed


def test_repeated_hour_counts_each_second_once() -> None:
    calendar = Calendar(zone="Europe/Berlin", hours={"sun": (("02:30", "03:30"),)})
    start = datetime(2026, 10, 24, 12, tzinfo=UTC)
    # 02:30 to 03:00 comes twice, with the first half of the second hour between them closed.
    due = [add_business_time(calendar, start, timedelta(seconds=s)) for s in (1799, 1800, 1801)]
    assert due == [
        datetime(2026, 10, 25, 0, 59, 59, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 0, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, 1, tzinfo=UTC),
    ]


def test_date_skipped_by_zone_has_no_business_time() -> None:
    samoa = ZoneInfo("Pacific/Apia")
    calendar = Calendar(zone="Pacific/Apia", hours=dict.fromkeys(WEEKDAYS, NINE_TO_FIVE))
    thursday = datetime(2011, 12, 29, 16, tzinfo=samoa)
    saturday = datetime(2011, 12, 31, 10, tzinfo=samoa)
    assert add_business_time(calendar, thursday, 2 * HOUR) == saturday
    assert business_time_between(calendar, thursday, saturday) == 2 * HOUR


def test_regional_holiday_is_closed() -> None:
    wednesday = datetime(2026, 6, 3, 16, tzinfo=ZoneInfo("Europe/Berlin"))
    munich, berlin = (
        Calendar("Europe/Berlin", OFFICE_HOURS, holidays=(HolidaysOf("DE", region),))
        for region in ("BY", "BE")
    )
    # Corpus Christi.
    assert add_business_time(berlin, wednesday, 2 * HOUR) == wednesday + DAY - 6 * HOUR
    assert add_business_time(munich, wednesday, 2 * HOUR) == wednesday + 2 * DAY - 6 * HOUR


def test_new_year_follows_local_date() -> None:
    calendar = Calendar(
        zone="Pacific/Auckland",
        hours=dict.fromkeys(WEEKDAYS, (("00:00", "24:00"),)),
        holidays=(HolidaysOf("NZ"),),
    )
    # 2026 begins in Auckland at eleven in the morning, of UTC's 31 December; two days are off.
    begins = datetime(2025, 12, 31, 11, tzinfo=UTC)
    assert business_time_between(calendar, begins - DAY, begins) == DAY
    assert add_business_time(calendar, begins, HOUR) == begins + 2 * DAY + HOUR


def test_weekend_holiday_has_substitute_day() -> None:
    london = Calendar("Europe/London", OFFICE_HOURS, holidays=(HolidaysOf("GB", "ENG"),))
    # In 2027 Christmas is on a Saturday: Monday and Tuesday are off.
    friday = datetime(2027, 12, 24, 16, tzinfo=UTC)
    assert add_business_time(london, friday, 2 * HOUR) == datetime(2027, 12, 29, 10, tzinfo=UTC)


def test_special_hours_override_holidays_and_closed_dates() -> None:
    calendar = Calendar(
        zone="Europe/Berlin",
        hours=OFFICE_HOURS,
        holidays=(HolidaysOf("DE"),),
        special={
            date(2026, 12, 24): (("09:00", "12:00"),),
            date(2026, 12, 25): (("10:00", "11:00"),),
            date(2026, 12, 27): (("10:00", "14:00"),),
            date(2026, 12, 28): (),
        },
        closed=frozenset({date(2026, 12, 24)}),
    )
    first = datetime(2026, 12, 24, tzinfo=UTC)
    open_on = [
        business_time_between(calendar, first + n * DAY, first + (n + 1) * DAY) / HOUR
        for n in range(6)
    ]
    assert open_on == [3, 1, 0, 4, 0, 8]


def test_equal_calendars_share_cached_openings() -> None:
    first, other = (
        TypeAdapter(Calendar).validate_json(
            b'{"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]},'
            b' "holidays": [{"country": "DE"}], "special": {"2026-12-24": []}}'
        )
        for _ in range(2)
    )
    assert (first, hash(first)) == (other, hash(other))
    assert TypeAdapter(Calendar).validate_python(TypeAdapter(Calendar).dump_python(first)) == first


def every_monday(years: int) -> list[str]:
    return [str(date(2026, 1, 5) + n * timedelta(weeks=1)) for n in range(52 * years + 2)]


MONDAYS: dict[str, Any] = {"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"hours": {"mon": [["09:00", "09:59"]]}}, ("hours",)),
        ({"special": {"2026-12-24": [["12:00", "09:00"]]}}, ("special", "2026-12-24")),
        ({"special": {"2026-12-24": [["12", "13:00"]]}}, ("special", "2026-12-24", 0, 0)),
        ({"special": {"2026-02-30": []}}, ("special", "2026-02-30", "[key]")),
        ({"closed": ["yesterday"]}, ("closed", 0)),
        ({"closed": every_monday(1)}, ("closed",)),
        ({"special": dict.fromkeys(every_monday(1), ())}, ("closed",)),
        ({"holidays": [{"country": "Germany"}]}, ("holidays", 0, "country")),
        ({"holidays": [{"country": "DE", "state": "BY"}]}, ("holidays", 0, "state")),
    ],
)
def test_invalid_calendar_is_refused(changes: dict[str, Any], place: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Calendar).validate_python({**MONDAYS, **changes})
    assert refused.value.errors()[0]["loc"] == place


@pytest.mark.parametrize(
    "changes",
    [
        {"closed": every_monday(1)[:52]},
        {"closed": every_monday(1)[:30] + every_monday(1)[31:]},
        {"closed": every_monday(2), "hours": {**MONDAYS["hours"], "fri": [["09:00", "17:00"]]}},
        {"closed": every_monday(1), "special": {every_monday(1)[20]: [["09:00", "10:00"]]}},
        {"closed": every_monday(1), "special": {"2026-07-01": [["09:00", "10:00"]]}},
    ],
)
def test_calendar_may_be_closed_for_less_than_a_year(
    changes: dict[str, Any],
) -> None:
    TypeAdapter(Calendar).validate_python({**MONDAYS, **changes})


def test_countries_and_regions_without_a_list_of_holidays_are_named_by_their_place() -> None:
    calendar = TypeAdapter(Calendar).validate_python(
        {
            **MONDAYS,
            "holidays": [
                {"country": "DE", "region": "BY"},
                {"country": "DE", "region": "Atlantis"},
                {"country": "ZZ", "region": "BY"},
            ],
        }
    )
    assert list(calendar.unknown_holidays()) == [
        ("holidays/1/region", "region Atlantis in the holidays of DE", "Atlantis"),
        ("holidays/2/country", "list of the holidays of ZZ", "ZZ"),
    ]
