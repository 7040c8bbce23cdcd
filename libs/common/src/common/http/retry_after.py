"""The header Retry-After: a number of seconds, also with a fraction, or a date."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

# Who asks for more is asked again after this: an alert that waits longer helps nobody.
LONGEST_WAIT: Final = timedelta(hours=1)


def retry_after(value: str | None, at: datetime) -> timedelta | None:
    """Return how long to wait from `at` on; None if the header is missing or means nothing."""
    if not value:
        return None
    wait = _seconds(value)
    if wait is None:
        wait = _until(value, at)
    return None if wait is None else min(max(wait, timedelta(0)), LONGEST_WAIT)


def _seconds(value: str) -> timedelta | None:
    try:
        return timedelta(seconds=float(value))
    except ValueError:
        # Not a number, or `nan`.
        return None
    except OverflowError:
        return timedelta(0) if value.strip().startswith("-") else LONGEST_WAIT


def _until(value: str, at: datetime) -> timedelta | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        # No date, or one with a number that no date has.
        return None
    # A date without a zone is one of HTTP, which is in UTC.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - at
