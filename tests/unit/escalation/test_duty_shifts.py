"""Shifts, gaps and ends of duty agree with who is on duty at each instant, in every zone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from common.contracts.event import PersonId
from escalation.domain.duty.calendars import WEEKDAYS, Calendar, DayHours, Weekday
from escalation.domain.duty.rosters import Roster, on_duty
from escalation.domain.duty.schedules import Rotation
from escalation.domain.duty.shifts import Gap, Shift, format_period, gaps, shift_end, shifts
from escalation.domain.duty.windows import Absence, Override, Swap
from unit.escalation.duty_examples import roster_of

PEOPLE = [PersonId(name) for name in ("sam", "kim", "lee")]
SAM, KIM, LEE = PEOPLE
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Clocks that change by an hour, by half of one, at midnight, not at all; one that lost a day, and
# one whose summer is the other way round.
ZONES = (
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Europe/Dublin",
)
STARTS = datetime(2025, 9, 1, tzinfo=UTC)
# About the changes of clocks, and the day that Apia has never had.
ABOUT = tuple(
    datetime.fromisoformat(day).replace(tzinfo=UTC)
    for day in ("2026-03-28", "2026-03-29", "2026-04-04", "2025-10-25", "2026-10-24", "2011-12-29")
)
Absences = Mapping[PersonId, tuple[Absence, ...]]


@st.composite
def instants(draw: st.DrawFn) -> datetime:
    return draw(st.sampled_from(ABOUT)) + timedelta(minutes=draw(st.integers(-3000, 6000)))


def _moments(start: datetime, until: datetime) -> tuple[datetime, datetime]:
    return (start, until) if start < until else (until, start + timedelta(minutes=1))


windows = st.builds(_moments, instants(), instants())
people = st.sampled_from(PEOPLE)
zones = st.sampled_from(ZONES)


@st.composite
def weeks(draw: st.DrawFn) -> dict[Weekday, DayHours]:
    """Draw hours, up to two a day, at any minute."""
    hours: dict[Weekday, DayHours] = {}
    for weekday in draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True)):
        some = st.lists(st.integers(0, 1440), min_size=2, max_size=4, unique=True)
        times = sorted(draw(some))
        spans = zip(times[::2], times[1::2], strict=False)
        hours[weekday] = tuple((_clock(opens), _clock(closes)) for opens, closes in spans)
    return hours


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


rotations = st.builds(
    Rotation,
    zones,
    st.one_of(st.just(STARTS - timedelta(days=9000)), instants()),
    st.sampled_from((3600, 5400, 28800, 86400, 90000.5, 604800)),
    st.lists(people, min_size=1, max_size=4).map(tuple),
    st.none() | weeks(),
)
overrides = st.builds(
    lambda who, when, instead_of: Override(
        who, when[0], when[1], None if who == instead_of else instead_of
    ),
    people,
    windows,
    st.none() | people,
)
schedules = st.builds(
    lambda rotations, overrides, swaps, covers: roster_of(
        *rotations, overrides=overrides, swaps=swaps, covers=covers
    ),
    st.lists(rotations, min_size=1, max_size=2),
    st.lists(overrides, max_size=3),
    st.lists(
        st.builds(
            lambda pair, when: Swap(*pair, *when),
            st.permutations(PEOPLE).map(lambda three: three[:2]),
            windows,
        ),
        max_size=2,
    ),
    st.none() | st.builds(Calendar, zones, weeks()),
)
# Some name themselves, as no API takes it: nobody must be lost or searched for without end.
away_times = st.builds(
    lambda when, stand_in: Absence(when[0], when[1], stand_in), windows, st.none() | people
)
absences = st.dictionaries(people, st.lists(away_times, min_size=1, max_size=2).map(tuple))


def at_each(start: datetime, end: datetime, shown_shifts: list[Shift]) -> list[datetime]:
    """Return instants all over the time, and those just before, at and after each change."""
    step = (end - start) / 50
    about = [edge for shift in shown_shifts for edge in (shift.start, shift.end)]
    second = timedelta(seconds=1)
    instants = [start + n * step for n in range(50)]
    instants += [edge + delta for edge in about for delta in (-second, timedelta(0), second)]
    return sorted(at for at in instants if start <= at < end)


def holders(shown_shifts: list[Shift], at: datetime) -> set[PersonId]:
    return {shift.person_id for shift in shown_shifts if shift.start <= at < shift.end}


@given(schedules, absences, windows)
def test_shifts_agree_with_on_duty_at_each_instant(
    schedule: Roster, away: Absences, window: tuple[datetime, datetime]
) -> None:
    start, end = window[0], min(window[1], window[0] + 20 * DAY)
    all_shifts = shifts(schedule, start, end, away)
    for at in at_each(start, end, all_shifts):
        people = on_duty(schedule, at, away)
        assert holders(all_shifts, at) == set(people), at
        assert len(set(people)) == len(people)


@given(schedules, absences, windows)
def test_shifts_of_one_person_neither_overlap_nor_touch(
    schedule: Roster, away: Absences, window: tuple[datetime, datetime]
) -> None:
    start, end = window[0], min(window[1], window[0] + 20 * DAY)
    all_shifts = shifts(schedule, start, end, away)
    assert all(start <= shift.start < shift.end <= end for shift in all_shifts)
    assert all_shifts == sorted(all_shifts, key=lambda shift: shift.start)
    for person in PEOPLE:
        own = [shift for shift in all_shifts if shift.person_id == person]
        assert all(shift.end < following.start for shift, following in pairwise(own))


@given(schedules, absences, windows)
def test_gaps_are_covered_times_without_shift(
    schedule: Roster, away: Absences, window: tuple[datetime, datetime]
) -> None:
    start, end = window[0], min(window[1], window[0] + 20 * DAY)
    all_shifts, holes = shifts(schedule, start, end, away), gaps(schedule, start, end, away)
    as_shifts = [Shift(SAM, hole.start, hole.end) for hole in holes]
    for at in at_each(start, end, [*all_shifts, *as_shifts]):
        wanting = not holders(all_shifts, at) and schedule.should_have_somebody(at)
        assert bool(holders(as_shifts, at)) == wanting, at
    if schedule.versions[0].covers is None and len(schedule.versions[0].rotations) == 1:
        covered = sum((shift.end - shift.start for shift in [*all_shifts, *as_shifts]), timedelta())
        assert covered == end - start


@given(schedules, absences, instants())
def test_shift_end_agrees_with_shifts(schedule: Roster, away: Absences, at: datetime) -> None:
    all_shifts = shifts(schedule, at, at + timedelta(days=366), away)
    for person in PEOPLE:
        ends = shift_end(schedule, person, at, away)
        if person in on_duty(schedule, at, away):
            last = next(shift.end for shift in all_shifts if shift.person_id == person)
            assert ends == (last if last < at + timedelta(days=366) else None)
        else:
            assert ends is None


@given(rotations, windows, windows)
def test_swap_is_symmetric_and_undoes_itself(
    rotation: Rotation, swapped: tuple[datetime, datetime], window: tuple[datetime, datetime]
) -> None:
    start, end = window[0], min(window[1], window[0] + 20 * DAY)
    swap, other = Swap(SAM, KIM, *swapped), Swap(KIM, SAM, *swapped)

    def swapped_shifts(*swaps: Swap) -> list[Shift]:
        return shifts(roster_of(rotation, swaps=swaps), start, end)

    assert swapped_shifts(swap) == swapped_shifts(other)
    assert swapped_shifts(swap, other) == swapped_shifts()


def test_follow_the_sun_hands_over_round_the_globe() -> None:
    tokyo, berlin, york = (
        Rotation("UTC", STARTS, 604800, (who,), dict.fromkeys(WEEKDAYS, (hours,)))
        for who, hours in (
            (SAM, ("00:00", "08:00")),
            (KIM, ("08:00", "16:00")),
            (LEE, ("16:00", "24:00")),
        )
    )
    day = datetime(2026, 3, 29, tzinfo=UTC)
    schedule = roster_of(tokyo, berlin, york)
    assert shifts(schedule, day, day + DAY) == [
        Shift(SAM, day, day + 8 * HOUR),
        Shift(KIM, day + 8 * HOUR, day + 16 * HOUR),
        Shift(LEE, day + 16 * HOUR, day + DAY),
    ]
    assert gaps(schedule, day, day + 365 * DAY) == []


def test_shift_that_spans_the_night_of_the_change_is_an_hour_shorter() -> None:
    rotation = Rotation("Europe/Berlin", datetime(2026, 3, 27, 7, tzinfo=UTC), 86400, (SAM, KIM))
    start = datetime(2026, 3, 27, 7, tzinfo=UTC)
    lengths = [
        shift.end - shift.start for shift in shifts(roster_of(rotation), start, start + 3 * DAY)
    ]
    assert lengths == [DAY, 23 * HOUR, DAY, HOUR]


def test_absence_leaves_a_gap_and_ends_the_shift() -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    schedule = roster_of(Rotation("UTC", start, 86400, (SAM, KIM)))
    away = {SAM: (Absence(start + 6 * HOUR, start + 12 * HOUR),)}
    assert gaps(schedule, start, start + DAY, away) == [Gap(start + 6 * HOUR, start + 12 * HOUR)]
    assert shift_end(schedule, SAM, start, away) == start + 6 * HOUR
    assert shift_end(schedule, SAM, start) == start + DAY
    assert shift_end(schedule, KIM, start) is None


def test_permanent_duty_has_no_shift_end() -> None:
    schedule = roster_of(Rotation("UTC", STARTS, 86400, (SAM, SAM)))
    assert shift_end(schedule, SAM, STARTS + DAY) is None


def test_period_names_the_second_day_only_if_it_is_another() -> None:
    start = datetime(2026, 3, 2, 18, tzinfo=ZoneInfo("Europe/Berlin"))
    assert format_period(start, start + HOUR) == "Mon 2026-03-02 17:00 to 18:00 UTC"
    assert format_period(start, start + DAY) == "Mon 2026-03-02 17:00 to Tue 2026-03-03 17:00 UTC"
