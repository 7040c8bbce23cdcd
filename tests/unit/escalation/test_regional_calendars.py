"""The customer's region says whose office hours a promise counts in."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from common.contracts.contacts import Customer
from common.contracts.event import CustomerId
from escalation.domain.duty.calendars import WEEKDAYS, Calendar, DayHours, HolidaysOf
from escalation.domain.settings.policies import SlaPolicy, Target
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.settings.validation import undefined_references
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import SETTINGS, START, contact_received

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
def test_clock_counts_in_office_hours_of_customers_region(
    region: str | None, calendar: str, due: datetime
) -> None:
    harness = ContactHarness(FOLLOWING)
    customer = Customer(customer_id=CustomerId("c"), name="Ada", region=region)
    event = structs.replace(contact_received(START), customer=customer)
    harness.send(event)
    (clock,) = harness.contact.clocks
    assert str(clock.calendar) == calendar
    assert clock.due_at == due


def test_policy_without_calendar_runs_24x7_in_other_regions() -> None:
    around_the_clock = replace(SUN, calendar_id=None)
    settings = replace(FOLLOWING, policies={"sun": Versioned("sun", 1, around_the_clock)})
    harness = ContactHarness(settings)
    harness.receive()
    (clock,) = harness.contact.clocks
    assert clock.calendar is None
    assert clock.due_at == START + timedelta(hours=1)


def test_calendars_of_regions_must_exist() -> None:
    policy = replace(SUN, calendar_by_region={"APAC": "tokyo", "EMEA": "cairo"})
    assert list(undefined_references(FOLLOWING, policy)) == [
        ("calendar_by_region/EMEA", "calendar cairo", "cairo")
    ]


def test_unknown_holidays_are_refused_with_their_place() -> None:
    calendar = Calendar("UTC", OFFICE_HOURS, holidays=(HolidaysOf("DE"), HolidaysOf("DE", "XX")))
    assert list(undefined_references(Configuration(), calendar)) == [
        ("holidays/1/region", "region XX in the holidays of DE", "XX")
    ]
