"""Who is on duty when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from common.contracts.event import PersonId
from escalation.domain.duty.calendars import WEEKDAYS
from escalation.domain.duty.rosters import Roster, on_duty
from escalation.domain.duty.schedules import DutySchedule, Rotation
from escalation.domain.duty.shifts import shifts
from escalation.domain.duty.windows import Absence, Override, Swap
from unit.escalation.duty_examples import roster_of

SAM, KIM, LEE = PersonId("sam"), PersonId("kim"), PersonId("lee")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = Rotation(
    zone="Europe/Berlin",
    starts_at=datetime(2026, 3, 27, 8, tzinfo=BERLIN),
    shift_s=24 * 3600,
    members=(SAM, KIM),
)
SCHEDULE = roster_of(DAILY)
NOON = datetime(2026, 3, 27, 12, tzinfo=BERLIN)
ADAPTER = TypeAdapter(DutySchedule)


def test_members_take_turns() -> None:
    assert on_duty(SCHEDULE, datetime(2026, 3, 27, 8, tzinfo=BERLIN)) == (SAM,)
    assert on_duty(SCHEDULE, datetime(2026, 3, 28, 7, 59, tzinfo=BERLIN)) == (SAM,)
    assert on_duty(SCHEDULE, datetime(2026, 3, 28, 8, tzinfo=BERLIN)) == (KIM,)


def test_hand_over_stays_at_eight_when_the_clocks_change() -> None:
    eight = datetime(2026, 3, 29, 8, tzinfo=BERLIN)
    assert eight.astimezone(UTC).hour == 6
    assert on_duty(SCHEDULE, eight.astimezone(UTC) - timedelta(seconds=1)) == (KIM,)
    assert on_duty(SCHEDULE, eight) == (SAM,)


def test_weekly_hand_over_stays_at_its_hour_all_year() -> None:
    weekly = roster_of(
        Rotation("America/New_York", datetime(2026, 1, 5, 14, tzinfo=UTC), 604800, (SAM, KIM))
    )
    for week in range(60):
        monday_at_nine = datetime(2026, 1, 5, 9, tzinfo=ZoneInfo("America/New_York"))
        hand_over = (monday_at_nine + week * 7 * DAY).astimezone(UTC)
        before, after = (KIM, SAM) if week % 2 == 0 else (SAM, KIM)
        assert on_duty(weekly, hand_over) == (after,)
        if week:
            assert on_duty(weekly, hand_over - timedelta(seconds=1)) == (before,)


@pytest.mark.parametrize(
    ("starts_at", "night", "hand_over"),
    [
        # Half past two is shown twice: it is handed over the first time, and not back.
        ("2026-10-24T02:30:00+02:00", "2026-10-25", "2026-10-25T00:30:00+00:00"),
        # It is skipped: what the clock would have shown counts.
        ("2026-03-28T02:30:00+01:00", "2026-03-29", "2026-03-29T01:30:00+00:00"),
    ],
)
def test_hand_over_in_repeated_hour_happens_once(
    starts_at: str, night: str, hand_over: str
) -> None:
    rotation = Rotation("Europe/Berlin", datetime.fromisoformat(starts_at), 86400, (SAM, KIM))
    at = datetime.fromisoformat(f"{night}T00:00:00+00:00") - HOUR
    changed = datetime.fromisoformat(hand_over)
    for minute in range(300):
        instant = at + timedelta(minutes=minute)
        assert on_duty(roster_of(rotation), instant) == ((KIM,) if instant >= changed else (SAM,))


def test_nobody_is_on_duty_before_the_rotation_starts() -> None:
    assert on_duty(SCHEDULE, datetime(2026, 3, 27, 7, tzinfo=BERLIN)) == ()


def test_rotation_is_on_duty_in_its_hours_only() -> None:
    europe = Rotation(
        "Europe/Berlin",
        datetime(2026, 1, 1, tzinfo=UTC),
        86400,
        (SAM,),
        {"fri": (("08:00", "16:00"),)},
    )
    america = Rotation(
        "America/New_York",
        datetime(2026, 1, 1, tzinfo=UTC),
        86400,
        (LEE,),
        {"fri": (("11:00", "17:00"),)},
    )
    schedule = roster_of(europe, america)
    friday = datetime(2026, 3, 27, tzinfo=UTC)
    duty = [on_duty(schedule, friday + hour * HOUR) for hour in (6, 7, 14, 15, 20, 21)]
    assert duty == [(), (SAM,), (SAM,), (LEE,), (LEE,), ()]


def test_override_counts_in_its_time_only() -> None:
    override = Override(person_id=LEE, from_=NOON, until=NOON + HOUR)
    schedule = roster_of(DAILY, overrides=(override,))
    assert on_duty(schedule, NOON) == (LEE,)
    assert on_duty(schedule, NOON + HOUR) == (SAM,)


def test_of_two_overrides_the_last_one_counts() -> None:
    first, second = (Override(person, NOON, NOON + HOUR) for person in (LEE, KIM))
    assert on_duty(roster_of(DAILY, overrides=(first, second)), NOON) == (KIM,)


def test_swap_changes_both_turns_in_its_time_only() -> None:
    schedule = roster_of(DAILY, swaps=(Swap(SAM, KIM, NOON, NOON + 2 * DAY),))
    duty = [on_duty(schedule, NOON + n * DAY - HOUR) for n in range(5)]
    assert duty == [(SAM,), (SAM,), (KIM,), (KIM,), (SAM,)]


def test_override_is_not_swapped() -> None:
    override = Override(LEE, NOON, NOON + HOUR)
    schedule = roster_of(DAILY, overrides=(override,), swaps=(Swap(LEE, KIM, NOON, NOON + HOUR),))
    assert on_duty(schedule, NOON) == (LEE,)


def test_absent_person_is_not_on_duty_and_not_replaced() -> None:
    away = (Absence(NOON, NOON + HOUR),)
    assert on_duty(SCHEDULE, NOON, {SAM: away}) == ()
    assert on_duty(SCHEDULE, NOON + HOUR, {SAM: away}) == (SAM,)
    assert on_duty(SCHEDULE, NOON, {KIM: away}) == (SAM,)


ROTATION = {
    "zone": "UTC",
    "starts_at": "2026-01-01T00:00:00Z",
    "shift_s": 86400,
    "members": ["sam", "kim"],
}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"rotations": []}, ("rotations",)),
        ({"rotations": [{**ROTATION, "members": []}]}, ("rotations", 0, "members")),
        ({"rotations": [{**ROTATION, "zone": "Mars/Phobos"}]}, ("rotations", 0, "zone")),
        ({"rotations": [{**ROTATION, "shift_s": 60}]}, ("rotations", 0, "shift_s")),
        ({"rotations": [{**ROTATION, "hours": {}}]}, ("rotations", 0, "hours")),
        ({"rotations": [ROTATION], "covers": {"zone": "UTC", "hours": {}}}, ("covers", "hours")),
    ],
)
def test_invalid_values_are_refused_with_their_place(
    body: dict[str, Any], place: tuple[str | int, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        ADAPTER.validate_python(body)
    assert refused.value.errors()[0]["loc"] == place


FROM_NOON = {"from": "2026-03-01T12:00:00Z"}
REVERSED = {**FROM_NOON, "until": "2026-03-01T11:00:00Z"}
LATER = {**FROM_NOON, "until": "2026-03-02T11:00:00Z"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Override, {"person_id": "lee", **REVERSED}),
        (Override, {"person_id": "lee", "instead_of": "lee", **LATER}),
        (Swap, {"first": "sam", "second": "kim", **REVERSED}),
        (Swap, {"first": "sam", "second": "sam", **LATER}),
    ],
)
def test_invalid_change_is_refused(kind: type[Any], body: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(body)


def test_change_for_absent_person_leaves_whose_turn_it_is() -> None:
    away = {LEE: (Absence(NOON, NOON + HOUR),)}
    override = Override(LEE, NOON - HOUR, NOON + 2 * HOUR)
    earlier = Override(KIM, NOON, NOON + HOUR)
    duty = [
        on_duty(roster_of(DAILY, overrides=overrides), NOON + n * HOUR, away)
        for overrides in ((override,), (earlier, override))
        for n in (-1, 0, 1)
    ]
    assert duty == [(LEE,), (SAM,), (LEE,), (LEE,), (KIM,), (LEE,)]
    swapped = roster_of(DAILY, swaps=(Swap(SAM, LEE, NOON, NOON + 2 * HOUR),))
    assert on_duty(swapped, NOON, away) == (SAM,)
    assert on_duty(swapped, NOON + HOUR, away) == (LEE,)


def test_cover_takes_the_shifts_of_one_person_only() -> None:
    """Neither the nights between them nor the shifts of others, also while she is absent."""
    office = replace(DAILY, hours=dict.fromkeys(WEEKDAYS, (("08:00", "16:00"),)))
    start = datetime(2026, 3, 27, tzinfo=BERLIN)
    cover = Override(LEE, start, start + 4 * DAY, instead_of=SAM)
    away = {SAM: (Absence(start, start + 4 * DAY),)}
    for absences in ({}, away):
        shown = shifts(roster_of(office, overrides=(cover,)), start, start + 4 * DAY, absences)
        assert [(shift.person_id, shift.start) for shift in shown] == [
            (person, datetime(2026, 3, day, 8, tzinfo=BERLIN))
            for person, day in ((LEE, 27), (KIM, 28), (LEE, 29), (KIM, 30))
        ]


def test_both_are_on_duty_where_rotations_overlap_and_the_first_listed_is_first() -> None:
    early, late = (
        replace(DAILY, members=(person,), hours=dict.fromkeys(WEEKDAYS, (hours,)))
        for person, hours in ((SAM, ("08:00", "13:00")), (KIM, ("12:00", "20:00")))
    )
    assert on_duty(roster_of(early, late), NOON) == (SAM, KIM)
    assert on_duty(roster_of(late, early), NOON) == (KIM, SAM)
    assert on_duty(roster_of(early, late), NOON + HOUR) == (KIM,)
    day = datetime(2026, 3, 27, tzinfo=BERLIN)
    assert [
        (shift.person_id, shift.end) for shift in shifts(roster_of(early, late), day, day + DAY)
    ] == [
        (SAM, NOON + HOUR),
        (KIM, NOON + 8 * HOUR),
    ]
    cover = Override(LEE, NOON - HOUR, NOON + HOUR, instead_of=SAM)
    assert on_duty(roster_of(early, late, overrides=(cover,)), NOON) == (LEE, KIM)


def test_version_counts_from_its_moment() -> None:
    first = DutySchedule((replace(DAILY, members=(SAM,)),), from_=NOON)
    second = DutySchedule((replace(DAILY, members=(KIM,)),), from_=NOON + 2 * HOUR)
    third = DutySchedule((replace(DAILY, members=(LEE,)),), from_=NOON + HOUR)
    duty = [on_duty(Roster((first, second)), NOON + n * HOUR) for n in (-1, 0, 1, 2)]
    assert duty == [(), (SAM,), (SAM,), (KIM,)]
    # The last one put counts, whatever was planned before.
    duty = [on_duty(Roster((first, second, third)), NOON + n * HOUR) for n in (0, 1, 2)]
    assert duty == [(SAM,), (LEE,), (LEE,)]
