"""Rotations that overlap or leave a gap: always, or in some weeks of the year."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.contracts.event import PersonId
from escalation.domain.duty.calendars import WEEKDAYS, Calendar, DayHours, Weekday
from escalation.domain.duty.coverage import seasonal_mismatches, validate
from escalation.domain.duty.schedules import DutySchedule, Rotation
from escalation.domain.settings.people import Person
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.settings.validation import validate_setting

SAM, KIM = PersonId("sam"), PersonId("kim")
DAY = timedelta(days=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAILY = Rotation("UTC", MONDAY, 86400, (SAM, KIM))


def rotation(opens: str, closes: str, zone: str = "UTC", *days: Weekday) -> Rotation:
    hours: dict[Weekday, DayHours] = dict.fromkeys(days or WEEKDAYS, ((opens, closes),))
    return Rotation(zone, MONDAY, 604800, (SAM, KIM), hours)


def test_rotations_that_meet_are_accepted() -> None:
    round_the_clock = DutySchedule((rotation("00:00", "09:30"), rotation("09:30", "24:00")))
    assert list(validate(round_the_clock)) == []
    assert list(validate(DutySchedule((DAILY,)))) == []


def test_rotations_that_overlap_are_refused() -> None:
    schedule = DutySchedule((rotation("00:00", "10:00"), rotation("09:00", "24:00")))
    assert [error[:2] for error in validate(schedule)] == [
        (
            "rotations/1/hours",
            "Overlaps rotations/0, first from Mon 2026-03-02 09:00 to 10:00 UTC.",
        )
    ]
    always = DutySchedule((DAILY, rotation("09:00", "10:00")))
    assert [error.place for error in validate(always)] == ["rotations/1/hours"]


def test_rotations_that_leave_a_gap_are_refused() -> None:
    schedule = DutySchedule((rotation("00:00", "17:00"), rotation("18:00", "24:00")))
    assert [error[:2] for error in validate(schedule)] == [
        ("rotations", "Nobody from Mon 2026-03-02 17:00 to 18:00 UTC.")
    ]


def test_uncovered_time_outside_coverage_is_no_gap() -> None:
    office = rotation("08:00", "20:00", "Europe/Berlin", "mon", "tue")
    assert office.hours is not None
    assert list(validate(DutySchedule((office,))))
    assert (
        list(validate(DutySchedule((office,), covers=Calendar("Europe/Berlin", office.hours))))
        == []
    )
    longer: dict[Weekday, DayHours] = {"tue": (("08:00", "21:00"),)}
    shortened = DutySchedule((office,), covers=Calendar("Europe/Berlin", longer))
    assert [error[:2] for error in validate(shortened)] == [
        ("rotations", "Nobody from Tue 2026-03-03 19:00 to 20:00 UTC.")
    ]


def test_zones_that_do_not_fit_in_some_weeks_are_accepted_with_a_warning() -> None:
    """From London's nine o'clock on New York has four: not in the weeks between their changes."""
    london, york = (
        rotation("09:00", "17:00", "Europe/London"),
        rotation("12:00", "20:00", "America/New_York"),
    )
    schedule = DutySchedule((london, york), covers=london.calendar)
    assert [error[:2] for error in validate(schedule)] == []
    assert [
        (mismatch.code, mismatch.place, mismatch.detail)
        for mismatch in seasonal_mismatches(schedule)
    ] == [
        (
            "duty-overlap",
            "rotations/1/hours",
            (
                "Overlaps rotations/0 in parts of 6 weeks of the year, first from Sun 2026-03-08 "
                "16:00 to 17:00 UTC. Both are on duty then; rotations/0 is asked first."
            ),
        )
    ]


@pytest.mark.parametrize(
    ("first", "second", "needed", "codes"),
    [
        # Berlin until four, New York from ten: an hour of both in the weeks between.
        (
            ("08:00", "16:00", "Europe/Berlin"),
            ("10:00", "18:00", "America/New_York"),
            ("14:00", "15:00"),
            ["duty-overlap"],
        ),
        # The other way round it is an hour of nobody.
        (
            ("10:00", "18:00", "America/New_York"),
            ("00:00", "08:00", "Europe/Berlin"),
            ("22:00", "23:00"),
            ["duty-gap"],
        ),
        # Half of the year, as one of the zones has no summer time.
        (
            ("08:00", "16:00", "Europe/Berlin"),
            ("15:00", "23:00", "UTC"),
            ("14:00", "15:00"),
            ["duty-gap"],
        ),
        (
            ("08:00", "16:00", "Europe/Berlin"),
            ("08:00", "16:00", "Europe/Paris"),
            ("10:00", "11:00"),
            None,
        ),
        (
            ("08:00", "16:00", "Europe/Berlin"),
            ("09:00", "17:00", "America/New_York"),
            ("15:00", "16:00"),
            None,
        ),
    ],
)
def test_mismatch_of_zones_is_a_warning_in_some_weeks_and_an_error_in_most(
    first: tuple[str, str, str],
    second: tuple[str, str, str],
    needed: tuple[str, str],
    codes: list[str] | None,
) -> None:
    covers = Calendar("UTC", dict.fromkeys(WEEKDAYS, (needed,)))
    schedule = DutySchedule((rotation(*first), rotation(*second)), covers)
    assert bool(list(validate(schedule))) == (codes is None)
    assert [mismatch.code for mismatch in seasonal_mismatches(schedule)] == (codes or [])


def test_gap_before_last_rotation_starts_is_accepted() -> None:
    later = replace(rotation("12:00", "24:00"), starts_at=MONDAY + 30 * DAY)
    assert list(validate(DutySchedule((rotation("00:00", "12:00"), later)))) == []


def test_setting_validation_names_place_of_gap() -> None:
    schedule = DutySchedule((rotation("00:00", "17:00"),))
    staff = Configuration(people={name: Versioned(name, 1, Person()) for name in (SAM, KIM)})
    assert [error.place for error in validate_setting(staff, "x", schedule)] == ["rotations"]
