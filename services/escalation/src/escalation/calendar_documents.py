"""Writes feeds of duty as iCalendar documents."""

from datetime import datetime, timedelta

from icalendar import Calendar, Event, vDuration

from common.core.ids import derived_id
from escalation.calendar_feeds import DutyFeed
from escalation.domain.duty.shifts import Shift

# How often calendar programs should read a feed again (RFC 7986, and the older property).
_REFRESH_INTERVAL = timedelta(hours=1)


def render(feed: DutyFeed, now: datetime) -> bytes:
    """Return the feed as an iCalendar document (RFC 5545), in UTC."""
    calendar = Calendar()
    calendar.add("prodid", "-//Upstairs//Duty schedules//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", feed.name)
    calendar.add("refresh-interval", vDuration(_REFRESH_INTERVAL), parameters={"value": "DURATION"})
    calendar.add("x-published-ttl", vDuration(_REFRESH_INTERVAL))
    for schedule_id, history in feed.schedules.items():
        for shift in feed.shifts_of(history, now):
            calendar.add_component(_event(schedule_id, shift, now))
    document: bytes = calendar.to_ical()
    return document


def _event(schedule_id: str, shift: Shift, now: datetime) -> Event:
    uid = derived_id("duty-schedule", schedule_id, shift.person_id, shift.start.isoformat())
    event = Event()
    event.add("uid", f"{uid}@upstairs")
    event.add("dtstamp", now)
    event.add("dtstart", shift.start)
    event.add("dtend", shift.end)
    event.add("summary", f"{shift.person_id} on duty: {schedule_id}")
    return event
