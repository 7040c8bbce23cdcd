"""Who is on duty when."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter, ValidationError

from common.contracts.event import PersonId
from escalation.domain.duty.schedules import (
    Absence,
    DutySchedule,
    Override,
    Rotation,
    Swap,
    on_duty,
)

SAM, KIM, LEE = PersonId("sam"), PersonId("kim"), PersonId("lee")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = Rotation(
    zone="Europe/Berlin",
    starts_at=datetime(2026, 3, 27, 8, tzinfo=BERLIN),
    shift_s=24 * 3600,
    members=(SAM, KIM),
)
SCHEDULE = DutySchedule((DAILY,))
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
    weekly = DutySchedule(
        (Rotation("America/New_York", datetime(2026, 1, 5, 14, tzinfo=UTC), 604800, (SAM, KIM)),)
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
        assert on_duty(DutySchedule((rotation,)), instant) == (
            (KIM,) if instant >= changed else (SAM,)
        )


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
    schedule = DutySchedule((europe, america))
    friday = datetime(2026, 3, 27, tzinfo=UTC)
    duty = [on_duty(schedule, friday + hour * HOUR) for hour in (6, 7, 14, 15, 20, 21)]
    assert duty == [(), (SAM,), (SAM,), (LEE,), (LEE,), ()]


def test_override_counts_in_its_time_only() -> None:
    override = Override(person_id=LEE, from_=NOON, until=NOON + HOUR)
    schedule = DutySchedule((DAILY,), (override,))
    assert on_duty(schedule, NOON) == (LEE,)
    assert on_duty(schedule, NOON + HOUR) == (SAM,)


def test_of_two_overrides_the_last_one_counts() -> None:
    first, second = (Override(person, NOON, NOON + HOUR) for person in (LEE, KIM))
    assert on_duty(DutySchedule((DAILY,), (first, second)), NOON) == (KIM,)


def test_swap_changes_both_turns_in_its_time_only() -> None:
    schedule = DutySchedule((DAILY,), swaps=(Swap(SAM, KIM, NOON, NOON + 2 * DAY),))
    duty = [on_duty(schedule, NOON + n * DAY - HOUR) for n in range(5)]
    assert duty == [(SAM,), (SAM,), (KIM,), (KIM,), (SAM,)]


def test_override_is_not_swapped() -> None:
    override = Override(LEE, NOON, NOON + HOUR)
    schedule = DutySchedule((DAILY,), (override,), (Swap(LEE, KIM, NOON, NOON + HOUR),))
    assert on_duty(schedule, NOON) == (LEE,)


def test_absent_person_is_not_on_duty_and_not_replaced() -> None:
    away = (Absence(NOON, NOON + HOUR),)
    override = Override(LEE, NOON, NOON + HOUR)
    assert on_duty(SCHEDULE, NOON, {SAM: away}) == ()
    assert on_duty(SCHEDULE, NOON + HOUR, {SAM: away}) == (SAM,)
    assert on_duty(SCHEDULE, NOON, {KIM: away}) == (SAM,)
    assert on_duty(DutySchedule((DAILY,), (override,)), NOON, {LEE: away}) == ()


ROTATION = {
    "zone": "UTC",
    "starts_at": "2026-01-01T00:00:00Z",
    "shift_s": 86400,
    "members": ["sam", "kim"],
}
REVERSED = {"from": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"rotations": []}, ("rotations",)),
        ({"rotations": [{**ROTATION, "members": []}]}, ("rotations", 0, "members")),
        ({"rotations": [{**ROTATION, "zone": "Mars/Phobos"}]}, ("rotations", 0, "zone")),
        ({"rotations": [{**ROTATION, "shift_s": 60}]}, ("rotations", 0, "shift_s")),
        ({"rotations": [{**ROTATION, "hours": {}}]}, ("rotations", 0, "hours")),
        ({"rotations": [ROTATION], "covers": {"zone": "UTC", "hours": {}}}, ("covers", "hours")),
        (
            {"rotations": [ROTATION], "overrides": [{"person_id": "lee", **REVERSED}]},
            ("overrides", 0),
        ),
        (
            {"rotations": [ROTATION], "swaps": [{"first": "a", "second": "b", **REVERSED}]},
            ("swaps", 0),
        ),
        (
            {
                "rotations": [ROTATION],
                "swaps": [
                    {
                        "first": "sam",
                        "second": "sam",
                        "from": "2026-03-01T00:00:00Z",
                        "until": "2026-03-02T00:00:00Z",
                    }
                ],
            },
            ("swaps", 0),
        ),
    ],
)
def test_invalid_values_are_refused_with_their_place(
    body: dict[str, Any], place: tuple[str | int, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        ADAPTER.validate_python(body)
    assert refused.value.errors()[0]["loc"] == place
