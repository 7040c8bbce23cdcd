"""By which medium a person is notified after how long, and when it is quiet."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from msgspec.structs import replace
from pydantic import TypeAdapter, ValidationError

from common.contracts.escalations import Severity
from common.contracts.notifications import Medium
from notifier.domain import quiet_hours
from notifier.domain.delivery_rules import (
    PersonRules,
    PlannedMedium,
    QuietHours,
    QuietPeriod,
    Step,
    Steps,
    end_of_quiet,
    plan,
    quiet_until,
    steps_for,
)
from unit.notifier.examples import notification

STEPS = (Step(0, ("slack",)), Step(2, ("sms",)), Step(5, ("email",)))
ALL: tuple[Medium, ...] = ("slack", "sms", "email")
NIGHTS = QuietPeriod(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "22:00", "07:00")
NIGHT = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


def planned(*steps: Step, media: tuple[Medium, ...], requested: tuple[Medium, ...] = ()) -> Any:
    return {
        each.medium: (each.step, each.after.total_seconds() / 60)
        for each in plan(steps, media, requested)
    }


def test_without_steps_all_media_are_used_at_once() -> None:
    expected = tuple(PlannedMedium(medium, 1, timedelta(0)) for medium in ALL)
    assert plan((), ALL) == expected


@pytest.mark.parametrize(
    ("media", "requested", "expected"),
    [
        (ALL, (), {"slack": (1, 0), "sms": (2, 2), "email": (3, 5)}),
        # The person has no Slack any more: what follows does not wait for nothing.
        (("sms", "email"), (), {"sms": (1, 0), "email": (2, 3)}),
        # The person has chosen not to be called.
        ((*ALL, "teams"), (), {"slack": (1, 0), "sms": (2, 2), "email": (3, 5)}),
        # No medium of a step is there: better all than none.
        (("teams", "web_push"), (), {"teams": (1, 0), "web_push": (1, 0)}),
        # The ladder asks for it: its author is not overruled.
        (("teams", "email"), ("teams", "email"), {"teams": (1, 0), "email": (1, 0)}),
    ],
)
def test_page_goes_out_by_steps(
    media: tuple[Medium, ...], requested: tuple[Medium, ...], expected: Mapping[str, object]
) -> None:
    assert planned(*STEPS, media=media, requested=requested) == expected


def test_nobody_waits_for_a_step_that_may_not_arrive() -> None:
    minutes = {each.medium: each.after for each in plan(STEPS, ALL, (), {"sms"})}
    assert minutes == {
        "slack": timedelta(0),
        "sms": timedelta(0),
        "email": timedelta(minutes=3),
    }


def test_own_steps_come_before_the_default() -> None:
    default: dict[Severity, Steps] = {"critical": STEPS, "high": STEPS}
    own: dict[Severity, Steps] = {"high": (), "low": STEPS}
    chosen = {severity: steps_for(severity, own, default) for severity in get_args(Severity)}
    assert chosen == {"low": STEPS, "medium": (), "high": (), "critical": STEPS}
    assert steps_for(None, own, default) == ()


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([(5, ["slack"])], "first-step-waits"),
        ([(0, ["slack"]), (5, ["sms"]), (5, ["email"])], "steps-out-of-order"),
        ([(0, ["slack"]), (5, ["slack"])], "medium-twice"),
        ([(0, [])], None),
        ([(0, ["pigeon"])], None),
        ([(0, ["slack"]), (1441, ["sms"])], None),
        ([(minute, ["slack"]) for minute in range(6)], None),
    ],
)
def test_impossible_steps_are_refused(steps: list[tuple[int, list[str]]], code: str | None) -> None:
    written = [{"after_minutes": minutes, "media": media} for minutes, media in steps]
    with pytest.raises(ValidationError) as refusal:
        TypeAdapter(Steps).validate_python(written)
    if code:
        assert refusal.value.errors()[0]["ctx"]["error"].code == code


@pytest.mark.parametrize(
    ("at", "zone", "end"),
    [
        ("2026-03-02T23:30Z", "UTC", "2026-03-03T07:00Z"),
        ("2026-03-03T06:59Z", "UTC", "2026-03-03T07:00Z"),
        ("2026-03-03T07:00Z", "UTC", None),
        ("2026-03-02T21:59Z", "UTC", None),
        # 22:30 in Berlin, 3:30 in Kolkata, and afternoon in New York.
        ("2026-03-02T21:30Z", "Europe/Berlin", "2026-03-03T06:00Z"),
        ("2026-03-02T22:00Z", "Asia/Kolkata", "2026-03-03T01:30Z"),
        ("2026-03-02T20:00Z", "America/New_York", None),
        # The clock goes forward in this night, and back in that one: 7:00 is 7:00.
        ("2026-03-28T22:00Z", "Europe/Berlin", "2026-03-29T05:00Z"),
        ("2026-10-24T21:00Z", "Europe/Berlin", "2026-10-25T06:00Z"),
    ],
)
def test_quiet_night_ends_by_the_clock_of_the_person(at: str, zone: str, end: str | None) -> None:
    expected = datetime.fromisoformat(end) if end else None
    assert end_of_quiet(QuietHours((NIGHTS,)), zone, datetime.fromisoformat(at)) == expected


def test_times_that_a_clock_change_skips_or_repeats_make_it_quiet_for_the_shorter() -> None:
    skipped = QuietPeriod(("sun",), "00:00", "02:30")
    forward = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    # 02:30 does not exist: 01:30 is the last that surely was meant.
    assert end_of_quiet(QuietHours((skipped,)), "Europe/Berlin", forward) == datetime(
        2026, 3, 29, 0, 30, tzinfo=UTC
    )
    back = datetime(2026, 10, 24, 23, 0, tzinfo=UTC)
    assert end_of_quiet(QuietHours((skipped,)), "Europe/Berlin", back) == datetime(
        2026, 10, 25, 0, 30, tzinfo=UTC
    )


def test_periods_that_touch_are_one() -> None:
    weekend = QuietPeriod(("sat", "sun"), "07:00", "07:00")
    friday_night = datetime(2026, 3, 6, 23, 0, tzinfo=UTC)
    assert end_of_quiet(QuietHours((NIGHTS, weekend)), "UTC", friday_night) == datetime(
        2026, 3, 9, 7, 0, tzinfo=UTC
    )


def test_whole_days_are_quiet_in_the_zone_of_the_person() -> None:
    holidays = (date(2026, 12, 24), date(2026, 12, 25))
    quiet = QuietHours((NIGHTS,), dates=holidays)
    # The night before, both days, and the night after are one.
    evening = datetime(2026, 12, 23, 22, 30, tzinfo=UTC)
    back = datetime(2026, 12, 26, 7, 0, tzinfo=UTC)
    assert end_of_quiet(quiet, "UTC", evening) == back
    only_days = QuietHours(dates=holidays)
    assert end_of_quiet(only_days, "UTC", evening) is None
    # In Auckland the day begins thirteen hours before.
    begins = datetime(2026, 12, 23, 11, 0, tzinfo=UTC)
    assert end_of_quiet(only_days, "Pacific/Auckland", begins - timedelta(seconds=1)) is None
    assert end_of_quiet(only_days, "Pacific/Auckland", begins) == begins + timedelta(days=2)


def test_many_quiet_days_in_a_row_have_one_end() -> None:
    first = date(2026, 7, 1)
    quiet = QuietHours((NIGHTS,), dates=tuple(first + timedelta(days=n) for n in range(60)))
    at = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert end_of_quiet(quiet, "UTC", at) == datetime(2026, 8, 30, 7, 0, tzinfo=UTC)


def test_only_the_named_days_are_quiet() -> None:
    fridays = QuietHours((QuietPeriod(("fri",), "22:00", "07:00"),))
    assert end_of_quiet(fridays, "UTC", datetime(2026, 3, 6, 23, 0, tzinfo=UTC)) is not None
    # The night of Friday ends on Saturday; that of Thursday is no quiet one.
    assert end_of_quiet(fridays, "UTC", datetime(2026, 3, 7, 6, 0, tzinfo=UTC)) is not None
    assert end_of_quiet(fridays, "UTC", datetime(2026, 3, 6, 6, 0, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("severity", "reason", "on_duty", "waits"),
    [
        ("low", "raised", False, True),
        ("high", "raised", False, True),
        ("critical", "raised", False, False),
        ("low", "raised", True, False),
        # Who holds it is told about it.
        ("low", "lease_ending", False, False),
        ("low", "updated", False, True),
        (None, "coaching", False, True),
    ],
)
def test_quiet_hours_are_overridden_by_what_is_urgent(
    severity: Severity | None, reason: Any, *, on_duty: bool, waits: bool
) -> None:
    rules = PersonRules(quiet_hours=QuietHours((NIGHTS,)))
    until = quiet_until(rules, "UTC", severity, reason, NIGHT, on_duty=on_duty)
    assert (until is not None) == waits


def test_person_chooses_from_which_severity_on() -> None:
    rules = PersonRules(quiet_hours=QuietHours((NIGHTS,), "high"))
    high = quiet_until(rules, "UTC", "high", "raised", NIGHT, on_duty=False)
    medium = quiet_until(rules, "UTC", "medium", "raised", NIGHT, on_duty=False)
    assert (high, medium is None) == (None, False)


@pytest.mark.parametrize(
    "periods",
    [
        [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "begins": a, "ends": b}]
        for a, b in (("00:00", "00:00"), ("08:00", "07:30"), ("8:00", "9:00"), ("08:00", "24:00"))
    ]
    + [[], [{"days": [], "begins": "22:00", "ends": "07:00"}]],
)
def test_quiet_hours_without_end_are_refused(periods: list[object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(QuietHours).validate_python({"periods": periods})


def test_rules_are_stored_and_read_as_they_are() -> None:
    quiet = QuietHours((NIGHTS,), dates=(date(2026, 12, 24),))
    rules = PersonRules({"critical": STEPS, "low": ()}, quiet)
    stored = msgspec.json.decode(msgspec.json.encode(rules))
    assert msgspec.convert(stored, PersonRules) == rules


def test_later_step_that_waits_for_two_quiet_periods_keeps_its_delay() -> None:
    ten_minutes, hour = timedelta(minutes=10), timedelta(hours=1)
    page = notification()
    step = replace(page, step=2, due_at=page.requested_at + ten_minutes)
    for until in (page.requested_at + 9 * hour, page.requested_at + 11 * hour):
        step = quiet_hours.postpone(step, until)
        assert step.due_at == until + ten_minutes
