"""When a connection has been silent for too long, by the clock of its office."""

from datetime import UTC, datetime, time, timedelta

import pytest

from intake.domain.silence import Expectation, OfficeHours, Weekday, overlapping, silent_at

WORKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday")
OFFICE = OfficeHours(WORKDAYS, time(9), time(17))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def in_madrid(minutes: int, *hours: OfficeHours) -> Expectation:
    return Expectation(minutes, "Europe/Madrid", hours)


@pytest.mark.parametrize(
    ("heard_at", "silent"),
    [
        # Madrid is two hours ahead in summer. 2026-07-06 is a Monday.
        ("2026-07-06 08:00", "2026-07-06 10:00"),
        ("2026-07-06 14:00", "2026-07-07 08:00"),
        ("2026-07-06 03:00", "2026-07-06 09:00"),
        ("2026-07-10 14:30", "2026-07-13 08:30"),
        ("2026-07-11 12:00", "2026-07-13 09:00"),
        # On 2026-10-25 the clocks go back: then it is one hour ahead.
        ("2026-10-23 14:00", "2026-10-26 09:00"),
    ],
)
def test_only_office_hours_count(heard_at: str, silent: str) -> None:
    assert silent_at(in_madrid(120, OFFICE), utc(heard_at)) == utc(silent)


def test_without_hours_every_minute_counts() -> None:
    heard_at = utc("2026-07-11 23:50")
    assert silent_at(in_madrid(30), heard_at) == heard_at + timedelta(minutes=30)


def test_night_of_changed_clocks_has_the_minutes_that_pass() -> None:
    night = OfficeHours(("sunday",), time(0), time(6))
    # On 2026-03-29 these six hours last five.
    assert silent_at(in_madrid(300, night), utc("2026-03-28 20:00")) == utc("2026-03-29 04:00")
    assert silent_at(in_madrid(301, night), utc("2026-03-28 20:00")) == utc("2026-04-04 22:01")


def test_hours_until_midnight_join_those_of_the_next_day() -> None:
    late = OfficeHours(("monday",), time(22), time(0))
    early = OfficeHours(("tuesday",), time(0), time(2))
    expected = Expectation(180, "UTC", (early, late))
    assert silent_at(expected, utc("2026-07-06 12:00")) == utc("2026-07-07 01:00")
    assert expected.weekly_minutes == 240


def test_a_week_of_office_time_is_found() -> None:
    expected = in_madrid(5 * 8 * 60, OFFICE)
    assert silent_at(expected, utc("2026-07-06 08:00")) == utc("2026-07-13 08:00")


def test_overlapping_hours_are_found_on_shared_days_only() -> None:
    afternoon = OfficeHours(("friday", "saturday"), time(12), time(20))
    assert overlapping([OFFICE, afternoon]) == 1
    assert overlapping([OFFICE, OfficeHours(("saturday",), time(9), time(17))]) is None
    assert overlapping([OFFICE, OfficeHours(WORKDAYS, time(17), time(0))]) is None
