"""Who is on duty when."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from common.contracts.event import PersonId
from escalation.domain.duty import DutySchedule, Override, Rotation, on_duty

SAM, KIM, LEE = PersonId("sam"), PersonId("kim"), PersonId("lee")
BERLIN = ZoneInfo("Europe/Berlin")
DAILY = Rotation(
    zone="Europe/Berlin",
    starts_at=datetime(2026, 3, 27, 8, tzinfo=BERLIN),
    shift_s=24 * 3600,
    members=(SAM, KIM),
)


def test_members_take_turns() -> None:
    schedule = DutySchedule(DAILY)
    assert on_duty(schedule, datetime(2026, 3, 27, 8, tzinfo=BERLIN)) == (SAM,)
    assert on_duty(schedule, datetime(2026, 3, 28, 7, 59, tzinfo=BERLIN)) == (SAM,)
    assert on_duty(schedule, datetime(2026, 3, 28, 8, tzinfo=BERLIN)) == (KIM,)


def test_the_hand_over_stays_at_eight_when_the_clocks_change() -> None:
    schedule = DutySchedule(DAILY)
    eight = datetime(2026, 3, 29, 8, tzinfo=BERLIN)
    assert eight.astimezone(UTC).hour == 6
    assert on_duty(schedule, eight - timedelta(seconds=1)) == (KIM,)
    assert on_duty(schedule, eight) == (SAM,)


def test_nobody_is_on_duty_before_the_rotation_starts() -> None:
    assert on_duty(DutySchedule(DAILY), datetime(2026, 3, 27, 7, tzinfo=BERLIN)) == ()


def test_an_override_stands_in_for_its_time_only() -> None:
    start = datetime(2026, 3, 27, 12, tzinfo=BERLIN)
    override = Override(person_id=LEE, from_=start, until=start + timedelta(hours=1))
    schedule = DutySchedule(DAILY, (override,))
    assert on_duty(schedule, start) == (LEE,)
    assert on_duty(schedule, start + timedelta(hours=1)) == (SAM,)
