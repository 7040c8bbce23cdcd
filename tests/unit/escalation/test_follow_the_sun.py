"""The customer's region says whose office hours a promise counts in."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from common.contracts.contacts import Customer
from common.contracts.event import CustomerId
from escalation.domain import reactions
from escalation.domain.duty.calendars import WEEKDAYS, Calendar, DayHours, HolidaysOf
from escalation.domain.settings.policies import SlaPolicy, Target
from escalation.domain.settings.registry import Configuration, Versioned
from unit.escalation.desk import SETTINGS, START, Desk, received

NINE_TO_FIVE: DayHours = (("09:00", "17:00"),)
OFFICE_HOURS = dict.fromkeys(WEEKDAYS[:5], NINE_TO_FIVE)
CALENDARS = {
    name: Versioned(name, version, Calendar(zone, OFFICE_HOURS))
    for name, version, zone in (
        ("berlin", 1, "Europe/Berlin"),
        ("tokyo", 4, "Asia/Tokyo"),
        ("new-york", 2, "America/New_York"),
    )
}
SUN = SlaPolicy(
    targets=(Target("first_response", 3600),),
    ladder_id="default",
    severity="medium",
    calendar_id="berlin",
    calendar_by_region={"APAC": "tokyo", "US": "new-york"},
)
FOLLOWING = replace(SETTINGS, policies={"sun": Versioned("sun", 1, SUN)}, calendars=CALENDARS)


@pytest.mark.parametrize(
    ("region", "calendar", "due"),
    [
        # A Monday, at nine in the morning of UTC.
        ("APAC", "tokyo v4", datetime(2026, 3, 3, 10, tzinfo=ZoneInfo("Asia/Tokyo"))),
        ("US", "new-york v2", datetime(2026, 3, 2, 10, tzinfo=ZoneInfo("America/New_York"))),
        ("EU", "berlin v1", datetime(2026, 3, 2, 11, tzinfo=ZoneInfo("Europe/Berlin"))),
        (None, "berlin v1", datetime(2026, 3, 2, 11, tzinfo=ZoneInfo("Europe/Berlin"))),
    ],
)
def test_a_promise_counts_in_the_office_hours_of_the_customers_region(
    region: str | None, calendar: str, due: datetime
) -> None:
    desk = Desk(FOLLOWING)
    customer = Customer(customer_id=CustomerId("c"), name="Ada", region=region)
    event = received(START).model_copy(update={"customer": customer})
    desk.do(partial(reactions.received, event=event))
    (clock,) = desk.watch.clocks
    assert str(clock.calendar) == calendar
    assert clock.due_at == due


def test_without_a_calendar_of_its_own_a_policy_is_for_the_regions_that_have_one() -> None:
    around_the_clock = replace(SUN, calendar_id=None)
    known = replace(FOLLOWING, policies={"sun": Versioned("sun", 1, around_the_clock)})
    desk = Desk(known)
    desk.receive()
    (clock,) = desk.watch.clocks
    assert clock.calendar is None
    assert clock.due_at == START + timedelta(hours=1)


def test_calendars_of_regions_must_exist() -> None:
    policy = replace(SUN, calendar_by_region={"APAC": "tokyo", "EMEA": "cairo"})
    assert list(FOLLOWING.undefined(policy)) == [("calendar_by_region/EMEA", "calendar cairo")]


def test_holidays_that_nobody_knows_are_refused_by_their_place() -> None:
    calendar = Calendar("UTC", OFFICE_HOURS, holidays=(HolidaysOf("DE"), HolidaysOf("DE", "XX")))
    assert list(Configuration().undefined(calendar)) == [
        ("holidays/1/region", "region XX in the holidays of DE")
    ]
