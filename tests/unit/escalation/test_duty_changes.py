"""Rotations that make no sense, who may change whose shifts, and gaps told ahead."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from common.contracts.escalations import PagedDutyGap
from common.contracts.event import PersonId
from escalation.domain.change_requests import DutyPlanner
from escalation.domain.duty.calendars import WEEKDAYS, Calendar, DayHours, Weekday
from escalation.domain.duty.changes import apply_change, consent_needed, validate
from escalation.domain.duty.schedules import (
    MAX_CHANGES,
    Absence,
    Absences,
    DutySchedule,
    Override,
    Rotation,
    Swap,
)
from escalation.domain.duty.shifts import Gap, shifts
from escalation.domain.duty_gaps import GapForecast, UpcomingGap, forecast_gaps
from escalation.domain.errors import InvalidChangeError, NotOwnShiftError
from escalation.domain.settings.people import Person, PersonAbsences
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.settings.validation import validate_setting

SAM, KIM, LEE, MIA = (PersonId(name) for name in ("sam", "kim", "lee", "mia"))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAILY = DutySchedule((Rotation("UTC", MONDAY, 86400, (SAM, KIM)),))


def rotation(opens: str, closes: str, zone: str = "UTC", *days: Weekday) -> Rotation:
    hours: dict[Weekday, DayHours] = dict.fromkeys(days or WEEKDAYS, ((opens, closes),))
    return Rotation(zone, MONDAY, 604800, (SAM, KIM), hours)


def test_rotations_that_meet_are_accepted() -> None:
    round_the_clock = DutySchedule((rotation("00:00", "09:30"), rotation("09:30", "24:00")))
    assert list(validate(round_the_clock)) == []
    assert list(validate(DAILY)) == []


def test_rotations_that_overlap_are_refused() -> None:
    schedule = DutySchedule((rotation("00:00", "10:00"), rotation("09:00", "24:00")))
    assert list(validate(schedule)) == [
        (
            "rotations/1/hours",
            "Overlaps rotations/0, first from Mon 2026-03-02 09:00 to 10:00 UTC.",
        )
    ]
    always = DutySchedule((DAILY.rotations[0], rotation("09:00", "10:00")))
    assert [place for place, _ in validate(always)] == ["rotations/1/hours"]


def test_rotations_that_leave_a_gap_are_refused() -> None:
    schedule = DutySchedule((rotation("00:00", "17:00"), rotation("18:00", "24:00")))
    assert list(validate(schedule)) == [
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
    assert list(validate(DutySchedule((office,), covers=Calendar("Europe/Berlin", longer)))) == [
        ("rotations", "Nobody from Tue 2026-03-03 19:00 to 20:00 UTC.")
    ]


def test_gap_between_zones_in_some_weeks_is_found() -> None:
    """From London's nine o'clock on New York has four: not in the weeks between their changes."""
    london, york = (
        rotation("09:00", "17:00", "Europe/London"),
        rotation("12:00", "20:00", "America/New_York"),
    )
    schedule = DutySchedule((london, york), covers=london.calendar)
    assert list(validate(schedule)) == [
        (
            "rotations/1/hours",
            "Overlaps rotations/0, first from Sun 2026-03-08 16:00 to 17:00 UTC.",
        )
    ]


def test_gap_before_last_rotation_starts_is_accepted() -> None:
    later = replace(rotation("12:00", "24:00"), starts_at=MONDAY + 30 * DAY)
    assert list(validate(DutySchedule((rotation("00:00", "12:00"), later)))) == []


def test_setting_validation_names_place_of_gap() -> None:
    schedule = DutySchedule((rotation("00:00", "17:00"),))
    staff = Configuration(people={name: Versioned(name, 1, Person()) for name in (SAM, KIM)})
    assert [place for place, _ in validate_setting(staff, "x", schedule)] == ["rotations"]


def test_person_who_has_left_is_on_duty_no_more() -> None:
    left = Configuration(people={SAM: Versioned(SAM, 2, Person(active=False))})
    assert shifts(DAILY, MONDAY, MONDAY + DAY, left.absences) == []


def override(person: PersonId, start: datetime = MONDAY) -> Override:
    return Override(person, start, start + HOUR)


def test_own_shift_goes_to_another_person_who_agrees() -> None:
    assert consent_needed(DAILY, override(LEE), SAM) == LEE
    changed = apply_change(DAILY, override(LEE))
    assert shifts(changed, MONDAY, MONDAY + HOUR)[0].person_id == LEE


def test_person_fills_a_gap_alone() -> None:
    before = MONDAY - DAY
    assert consent_needed(DAILY, override(LEE, before), LEE) is None
    filled = apply_change(DAILY, override(LEE, before))
    assert shifts(filled, before, before + HOUR)[0].person_id == LEE


def test_supervisor_may_take_back_own_turn() -> None:
    changed = apply_change(DAILY, override(PersonId("kmi")))
    whole_day = Override(SAM, MONDAY, MONDAY + DAY)
    assert consent_needed(changed, whole_day, SAM) is None
    assert shifts(apply_change(changed, whole_day), MONDAY, MONDAY + DAY)[0].person_id == SAM
    with pytest.raises(NotOwnShiftError, match="shifts of kmi"):
        consent_needed(changed, override(KIM), KIM)
    # It is no longer sam's to give away.
    with pytest.raises(NotOwnShiftError, match="kmi"):
        consent_needed(changed, override(LEE), SAM)


@pytest.mark.parametrize(
    ("change", "by"),
    [
        (override(KIM), KIM),
        (override(LEE), LEE),
        (Override(LEE, MONDAY, MONDAY + 2 * DAY), SAM),
        # A person may fill a gap, but nobody may put another person into it.
        (override(LEE, MONDAY - DAY), SAM),
    ],
)
def test_others_shifts_take_a_manager(change: Override, by: PersonId) -> None:
    with pytest.raises(NotOwnShiftError, match="takes the role manager"):
        consent_needed(DAILY, change, by)
    assert DutyPlanner(MIA, "manager").consent_needed(DAILY, change, {}) is None
    assert apply_change(DAILY, change).overrides == (change,)


def test_swap_takes_the_other_persons_consent_or_a_manager() -> None:
    swap = Swap(SAM, KIM, MONDAY, MONDAY + 2 * DAY)
    assert consent_needed(DAILY, swap, KIM) == SAM
    assert consent_needed(DAILY, swap, SAM) == KIM
    with pytest.raises(NotOwnShiftError, match="kim and sam"):
        consent_needed(DAILY, swap, LEE)


def test_supervisor_changes_shifts_of_people_who_report_to_them() -> None:
    swap = Swap(SAM, KIM, MONDAY, MONDAY + 2 * DAY)
    staff = {SAM: Person(reports_to=LEE), KIM: Person(reports_to=LEE), LEE: Person()}
    assert DutyPlanner(LEE, "supervisor").consent_needed(DAILY, swap, staff) is None
    of_sam_only = {**staff, KIM: Person()}
    with pytest.raises(NotOwnShiftError):
        DutyPlanner(LEE, "supervisor").consent_needed(DAILY, swap, of_sam_only)


def test_swap_takes_two_people_who_have_turns_in_that_time() -> None:
    for swap in (Swap(SAM, KIM, MONDAY, MONDAY + HOUR), Swap(SAM, LEE, MONDAY, MONDAY + 2 * DAY)):
        with pytest.raises(InvalidChangeError, match="has no turn in that time"):
            apply_change(DAILY, swap)


def test_change_without_effect_is_refused_but_repetition_is_not() -> None:
    with pytest.raises(InvalidChangeError):
        apply_change(DAILY, override(SAM))
    changed = apply_change(DAILY, override(LEE))
    assert apply_change(changed, override(LEE)) == changed


def test_number_of_changes_is_limited() -> None:
    past = tuple(override(LEE, MONDAY - n * HOUR) for n in range(1, MAX_CHANGES + 1))
    with pytest.raises(InvalidChangeError, match="without the past ones"):
        apply_change(replace(DAILY, overrides=past), override(LEE))


def forecast(schedule: DutySchedule, at: datetime, absences: Absences) -> GapForecast:
    return forecast_gaps(Versioned("sups", 1, schedule), absences, at)


def upcoming_gaps(
    schedule: DutySchedule, at: datetime, absences: Absences
) -> Sequence[UpcomingGap]:
    return forecast(schedule, at, absences).gaps


def test_gap_is_announced_a_week_and_a_day_ahead() -> None:
    start = MONDAY + 10 * DAY
    away: Absences = {SAM: (Absence(start, start + 6 * HOUR),)}
    assert upcoming_gaps(DAILY, MONDAY, away) == []
    looks = [upcoming_gaps(DAILY, MONDAY + n * HOUR, away) for n in range(73, 10 * 24 + 6)]
    assert all(len(look) == 1 for look in looks)
    different = {look[0].key: look[0] for look in looks}
    assert [(gap.ahead, gap.gap, gap.absent) for gap in different.values()] == [
        ("week", Gap(start, start + 6 * HOUR), (SAM,)),
        ("day", Gap(start, start + 6 * HOUR), (SAM,)),
    ]


def test_uncovered_time_counts_rest_of_week() -> None:
    start = MONDAY + 6 * DAY
    away: Absences = {SAM: (Absence(start, start + 9 * DAY),)}
    for at, expected in ((MONDAY, DAY), (start, 4 * DAY), (start + HOUR, 4 * DAY - HOUR)):
        assert forecast(DAILY, at, away).uncovered == expected


def test_forecast_is_valid_while_schedule_and_absences_stay() -> None:
    sick = (Absence(MONDAY, MONDAY + DAY),)
    schedule, sam = Versioned("sups", 1, DAILY), Versioned("sam", 1, PersonAbsences(sick))
    now = Configuration(schedules={"sups": schedule}, absences_by_person={"sam": sam})
    outlook = forecast(DAILY, MONDAY, {SAM: sick})
    assert outlook.still_valid(now)
    assert not outlook.still_valid(replace(now, absences_by_person={}))
    filled = Versioned("sups", 2, replace(DAILY, overrides=(override(LEE, MONDAY),)))
    assert not outlook.still_valid(replace(now, schedules={"sups": filled}))


def test_announced_or_past_gap_is_not_announced_again() -> None:
    outlook = forecast(DAILY, MONDAY, {SAM: (Absence(MONDAY, MONDAY + HOUR),)})
    (gap,) = outlook.gaps
    assert outlook.unannounced((), MONDAY) == [gap]
    assert outlook.unannounced({gap.key}, MONDAY) == []
    assert outlook.unannounced((), MONDAY + HOUR) == []


def test_page_of_gap_carries_schedule_times_and_absent_people() -> None:
    start = MONDAY + 4 * DAY
    (gap,) = upcoming_gaps(DAILY, start - HOUR, {SAM: (Absence(start, start + 6 * HOUR),)})
    page = gap.page(start - HOUR)
    assert (page.person_id, page.reason, page.respond_by) == ("operations", "duty_gap", start)
    assert page.duty_gap == PagedDutyGap(
        schedule_id="sups", starts_at=start, ends_at=start + 6 * HOUR, absent=(SAM,)
    )


def test_begun_gap_keeps_its_start() -> None:
    start = MONDAY + 4 * DAY
    away: Absences = {SAM: (Absence(start, start + 6 * HOUR),)}
    first, later = (upcoming_gaps(DAILY, start + n * HOUR, away)[0] for n in (1, 3))
    assert first == later
    assert first.page(start + HOUR).respond_by is None
    gap = first.page(start + HOUR).duty_gap
    assert gap is not None
    assert gap.starts_at == start


def test_endless_gap_is_the_same_all_year() -> None:
    away: Absences = {
        person: (Absence(MONDAY + DAY, MONDAY + 9000 * DAY),) for person in (SAM, KIM)
    }
    looks = [upcoming_gaps(DAILY, MONDAY + n * DAY, away) for n in (2, 30, 300)]
    assert [len(look) for look in looks] == [1, 1, 1]
    assert len({look[0].gap for look in looks}) == 1
    gap = looks[0][0].page(MONDAY).duty_gap
    assert gap is not None
    assert (gap.starts_at, gap.ends_at) == (MONDAY + DAY, None)
