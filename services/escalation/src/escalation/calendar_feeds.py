"""Calendar feeds of duty, and the signed links by which calendar programs read them.

Such a program can't send an API key in a header, and a key in a link would give access to
everything. So a link has a signature of its own path: it opens that feed only. A link does not
expire, since programs subscribe once; a new secret invalidates all links.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from importlib import import_module

from itsdangerous import Signer

from common.contracts.event import PersonId
from common.core.secret_strength import split_secrets
from escalation.domain.duty.shifts import Shift
from escalation.domain.duty_history import DutyHistory

_PAST = timedelta(days=30)
_AHEAD = timedelta(days=90)
# Shifts that begin in the feed's period are listed whole, if they end within this time after it.
_MAX_OVERHANG = timedelta(days=31)


class FeedSigner:
    """Signs the paths of feeds; without a secret there are no links."""

    def __init__(self, secret: str) -> None:
        """Of several secrets, separated by commas, the first signs, and all verify."""
        self._signers = [
            Signer(each, salt="calendar-feed", digest_method=sha256)
            for each in split_secrets(secret)
        ]

    def token(self, path: str) -> str | None:
        return self._signers[0].get_signature(path).decode() if self._signers else None

    def verify(self, path: str, token: str) -> bool:
        # Signer.verify_signature ignores characters that are not base64.
        expected = [signer.get_signature(path) for signer in self._signers]
        return any(compare_digest(signature, token.encode()) for signature in expected)


@dataclass(frozen=True, slots=True)
class DutyFeed:
    """The shifts of some schedules; with `person`, only that person's."""

    name: str
    schedules: Mapping[str, DutyHistory]
    person: PersonId | None = None

    def shifts_of(self, history: DutyHistory, now: datetime) -> list[Shift]:
        past, ahead = now - _PAST, now + _AHEAD
        return [
            shift
            for shift in history.shifts(earliest_shift(now), ahead + _MAX_OVERHANG)
            if shift.end > past and shift.start < ahead and self._includes(shift.person_id)
        ]

    def _includes(self, person: PersonId) -> bool:
        return self.person in (None, person)


def earliest_shift(now: datetime) -> datetime:
    """Return from when shifts are computed.

    A shift's uid has its beginning: one of over a year is cut where a year begins.
    """
    return datetime((now - _PAST).year - 1, 1, 1, tzinfo=UTC)


def render(feed: DutyFeed, now: datetime) -> bytes:
    """Return the feed as an iCalendar document; call it in a thread.

    The first one imports icalendar: 4 MB, and a tenth of a second in which timers must go on.
    """
    documents = import_module("escalation.calendar_documents")
    document: bytes = documents.render(feed, now)
    return document
