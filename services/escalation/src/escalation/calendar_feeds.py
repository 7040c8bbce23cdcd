"""Calendar feeds: what is in them, and the links by which calendar programs read them.

Such a program can't send a key as a header, and a key in a link would give everything away. So a
link holds a signature of its own path: it opens that feed, to read, and nothing else. It does not
expire, for it is subscribed to once; with another secret all links are void.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

from icalendar import Calendar, Event

from common.contracts.event import PersonId
from escalation.domain.duty.schedules import Absences, DutySchedule
from escalation.domain.duty.shifts import Shift, shifts
from escalation.domain.settings.registry import Versioned

_PAST = timedelta(days=30)
_AHEAD = timedelta(days=90)
_ENDS_WITHIN = timedelta(days=31)


class Feeds:
    """Without a secret there are no links."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def token(self, path: str) -> str | None:
        if not self._secret:
            return None
        signature = hmac.digest(self._secret, f"feed:{path}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()

    def opens(self, path: str, token: str) -> bool:
        expected = self.token(path)
        return expected is not None and hmac.compare_digest(expected.encode(), token.encode())


@dataclass(frozen=True, slots=True)
class Duties:
    """What a feed shows: the shifts of some schedules, of one person alone if there is one."""

    name: str
    schedules: Sequence[Versioned[DutySchedule]]
    absences: Absences
    person: PersonId | None = None

    def of(self, schedule: DutySchedule, now: datetime) -> list[Shift]:
        past, ahead = now - _PAST, now + _AHEAD
        # A shift is known by its beginning: one that outlasts a year is cut where a year begins.
        earliest = datetime(past.year - 1, 1, 1, tzinfo=UTC)
        return [
            shift
            for shift in shifts(schedule, earliest, ahead + _ENDS_WITHIN, self.absences)
            if shift.end > past and shift.start < ahead and self._shows(shift.person_id)
        ]

    def _shows(self, person: PersonId) -> bool:
        return self.person in (None, person)


def calendar(duties: Duties, now: datetime) -> bytes:
    """Write it as RFC 5545 has it, in UTC."""
    feed = Calendar()
    feed.add("prodid", "-//Upstairs//Duty schedules//EN")
    feed.add("version", "2.0")
    feed.add("x-wr-calname", duties.name)
    for schedule in duties.schedules:
        for shift in duties.of(schedule.body, now):
            feed.add_component(_event(schedule.id, shift, now))
    written: bytes = feed.to_ical()
    return written


def _event(schedule_id: str, shift: Shift, now: datetime) -> Event:
    known_by = f"duty-schedule/{schedule_id}/{shift.person_id}/{shift.start.isoformat()}"
    event = Event()
    event.add("uid", f"{uuid5(NAMESPACE_OID, known_by)}@upstairs")
    event.add("dtstamp", now)
    event.add("dtstart", shift.start)
    event.add("dtend", shift.end)
    event.add("summary", f"{shift.person_id} on duty: {schedule_id}")
    return event
