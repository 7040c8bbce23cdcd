"""Whether an escalation is in a list with filters, as the API of escalation decides it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from console.views.filters import Filters
from console.views.reader import parse_time
from console.views.words import CLOSED_STATES

Escalation = Mapping[str, Any]


def matches(escalation: Escalation, filters: Filters, now: datetime) -> bool:
    """Tell whether it is open, and each filter has one of its values."""
    if escalation["state"] in CLOSED_STATES:
        return False
    return all(
        _VALUES[name](escalation, now) & {*chosen} for name, chosen in filters.values.items()
    )


def _of_contact(name: str) -> Callable[[Escalation, datetime], set[Any]]:
    return lambda escalation, _now: {(escalation["contact"] or {}).get(name)}


def _is_overdue(escalation: Escalation, now: datetime) -> set[Any]:
    deadline = parse_time(escalation["deadline"])
    return {"true" if deadline is not None and deadline < now else "false"}


# The values of an escalation by the name of the filter.
_VALUES: Final[Mapping[str, Callable[[Escalation, datetime], set[Any]]]] = {
    "severity": lambda escalation, _now: {escalation["severity"]},
    "cause": lambda escalation, _now: {cause["kind"] for cause in escalation["causes"]},
    "level": lambda escalation, _now: {escalation["level_name"], str(escalation["level"])},
    "person": lambda escalation, _now: {escalation["holder"], *escalation["awaited"]},
    "channel": _of_contact("channel"),
    "topic": _of_contact("topic"),
    "tier": _of_contact("tier"),
    "team": _of_contact("team_id"),
    "representative": _of_contact("representative_id"),
    "overdue": _is_overdue,
    "alarm": lambda escalation, _now: {"false" if escalation["alarm_since"] is None else "true"},
}
