"""Durations as people read them."""

from datetime import timedelta

_DAY, _HOUR, _MINUTE = 86400, 3600, 60
_SECOND_MS = 1000


def duration_text(duration: timedelta | float) -> str:
    """Write a duration, given in seconds, in its two largest units: `4 s`, `1 h 5 min`.

    It is rounded to whole seconds; below one second it is in `ms`. It must not be negative.
    """
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    milliseconds = round(seconds * _SECOND_MS)
    if milliseconds < _SECOND_MS:
        return f"{milliseconds} ms"
    whole = round(seconds)
    if whole >= _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole >= _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "min")
    if whole >= _MINUTE:
        return _two(whole, _MINUTE, "min", 1, "s")
    return f"{whole} s"


def _two(seconds: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    count, rest = divmod(seconds, large)
    remainder = rest // small
    return f"{count} {large_unit}" + (f" {remainder} {small_unit}" if remainder else "")
