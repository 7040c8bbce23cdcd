"""Business time against an oracle that looks at the wall clock minute by minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from escalation.domain.duty.calendars import (
    WEEKDAYS,
    Calendar,
    add_business_time,
    business_time_between,
)

MINUTE = timedelta(minutes=1)
OFFICE = Calendar(
    zone="Europe/Berlin",
    hours=dict.fromkeys(WEEKDAYS[:5], (("09:00", "12:30"), ("13:00", "17:00"))),
    closed=frozenset({date(2026, 4, 6)}),
)
# Each with a week in which the clocks change; Lord Howe by half an hour, Santiago at midnight.
CHANGES = (
    ("Europe/Berlin", datetime(2026, 3, 27, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 23, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 6, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 3, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 2, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 4, 3, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 4, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 12, 30, tzinfo=UTC)),
)


def shows_opening_hour(calendar: Calendar, at: datetime) -> bool:
    local = at.astimezone(ZoneInfo(calendar.zone))
    if local.date() in calendar.closed:
        return False
    opening = calendar.hours.get(WEEKDAYS[local.weekday()], ())
    return any(opens <= f"{local:%H:%M}" < closes for opens, closes in opening)


def by_the_minute(calendar: Calendar, start: datetime, minutes: int) -> datetime:
    at = start
    while minutes:
        minutes -= shows_opening_hour(calendar, at)
        at += MINUTE
    return at


@st.composite
def hours(draw: st.DrawFn) -> tuple[tuple[str, str], ...]:
    times = draw(st.lists(st.integers(0, 24 * 4), max_size=6, unique=True).map(sorted))
    clock = [f"{quarter // 4:02}:{quarter % 4 * 15:02}" for quarter in times]
    return tuple(zip(clock[::2], clock[1::2], strict=False))


@st.composite
def calendars_and_starts(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    zone, week = draw(st.sampled_from(CHANGES))
    weekly = {weekday: draw(hours()) for weekday in WEEKDAYS}
    # So that the oracle comes to an end soon.
    weekly["mon"] = weekly["mon"] or (("00:00", "24:00"),)
    closed = draw(st.frozensets(st.integers(0, 9).map(lambda n: week.date() + timedelta(n))))
    start = week + MINUTE * draw(st.integers(0, 4 * 24 * 60))
    return Calendar(zone=zone, hours=weekly, closed=closed), start


@given(calendars_and_starts(), st.integers(1, 3000))
def test_addition_agrees_with_the_wall_clock(
    example: tuple[Calendar, datetime], minutes: int
) -> None:
    calendar, start = example
    due = add_business_time(calendar, start, minutes * MINUTE)
    assert due == by_the_minute(calendar, start, minutes)


@given(
    calendars_and_starts(),
    st.timedeltas(timedelta(0), timedelta(days=90)),
    st.timedeltas(timedelta(0), timedelta(days=90)),
)
def test_difference_is_the_inverse_and_addition_is_monotone(
    example: tuple[Calendar, datetime], duration: timedelta, other: timedelta
) -> None:
    calendar, start = example
    due = add_business_time(calendar, start, duration)
    assert business_time_between(calendar, start, due) == duration
    assert business_time_between(calendar, due, start) == -duration
    later = add_business_time(calendar, due, other)
    assert later == add_business_time(calendar, start, duration + other)
    assert later >= due


def test_friday_afternoon_continues_after_easter_monday() -> None:
    friday = datetime(2026, 4, 3, 16, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    due = add_business_time(OFFICE, friday, timedelta(hours=1))
    assert due == datetime(2026, 4, 7, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))


def test_time_that_runs_out_at_closing_is_due_then() -> None:
    thursday = datetime(2026, 4, 2, 16, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    due = add_business_time(OFFICE, thursday, timedelta(hours=1))
    assert due == datetime(2026, 4, 2, 17, 0, tzinfo=ZoneInfo("Europe/Berlin"))


def test_without_a_calendar_every_hour_counts() -> None:
    start = datetime(2026, 3, 29, tzinfo=UTC)
    assert add_business_time(None, start, timedelta(days=1)) == start + timedelta(days=1)


def test_business_time_is_continuous_over_new_year() -> None:
    calendar = Calendar(zone="Pacific/Auckland", hours={"fri": (("00:00", "24:00"),)})
    start = datetime(2026, 12, 31, 0, 0, tzinfo=UTC)
    assert add_business_time(calendar, start, timedelta(hours=30)) == datetime(
        2027, 1, 7, 17, 0, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"zone": "Mars/Phobos", "hours": {"mon": [["09:00", "17:00"]]}}, ("zone",)),
        ({"zone": "Europe", "hours": {"mon": [["09:00", "17:00"]]}}, ("zone",)),
        ({"zone": "../../etc/passwd", "hours": {"mon": [["09:00", "17:00"]]}}, ("zone",)),
        ({"zone": "UTC", "hours": {}}, ("hours",)),
        ({"zone": "UTC", "hours": {"mon": [], "tue": []}}, ("hours",)),
        ({"zone": "UTC", "hours": {"mon": [["17:00", "09:00"]]}}, ("hours", "mon")),
        (
            {"zone": "UTC", "hours": {"mon": [["09:00", "12:00"], ["11:00", "17:00"]]}},
            ("hours", "mon"),
        ),
        ({"zone": "UTC", "hours": {"mon": [["9", "17:00"]]}}, ("hours", "mon", 0, 0)),
        ({"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}, "tides": []}, ("tides",)),
    ],
)
def test_invalid_values_are_refused_with_their_place(
    body: dict[str, object], place: tuple[object]
) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Calendar).validate_python(body)
    assert refused.value.errors()[0]["loc"] == place
