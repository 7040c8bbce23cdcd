"""Which escalations a list or a stream shows a viewer; the SQL of the list says the same.

A filter would tell a representative whom a complaint names what `Viewer.shown` leaves out.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from escalation.domain.model import Escalation, TrackedContact
from escalation.domain.settings.policies import ContactDetails
from escalation.domain.settings.registry import Configuration
from escalation.domain.visibility import Viewer

REVEALING_FILTERS: Final = frozenset(("cause", "severity", "level", "person", "overdue", "alarm"))
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)
_Matches = Callable[[Escalation, TrackedContact, Any, datetime], bool]


def is_listed(
    filters: Mapping[str, Any],
    viewer: Viewer,
    escalation: Escalation,
    contact: TrackedContact,
    configuration: Configuration,
    at: datetime,
) -> bool:
    """`filters` are the `values` of an EscalationFilter."""
    if not viewer.sees(escalation, contact, configuration):
        return False
    if viewer.is_named(escalation) and filters.keys() & REVEALING_FILTERS:
        return False
    return all(_MATCHES[name](escalation, contact, value, at) for name, value in filters.items())


def _of_escalation(value_of: Callable[[Escalation], object]) -> _Matches:
    return lambda escalation, _contact, allowed, _at: value_of(escalation) in allowed


def _of_contact(value_of: Callable[[TrackedContact], object]) -> _Matches:
    return lambda _escalation, contact, allowed, _at: value_of(contact) in allowed


def _of_details(value_of: Callable[[ContactDetails], object]) -> _Matches:
    return lambda _escalation, contact, allowed, _at: (
        contact.details is not None and value_of(contact.details) in allowed
    )


def _is_on_level(escalation: Escalation, levels: Collection[str]) -> bool:
    return escalation.level_name in levels or str(escalation.level) in levels


def _has_cause(escalation: Escalation, kinds: Collection[str]) -> bool:
    return any(cause.kind in kinds for cause in escalation.causes)


_MATCHES: Final[Mapping[str, _Matches]] = {
    "contact_id": lambda _escalation, contact, value, _at: contact.contact_id == value,
    "state": _of_escalation(lambda escalation: escalation.state),
    "person": lambda escalation, _contact, value, _at: (
        value == escalation.holder or value in escalation.awaited
    ),
    "severity": _of_escalation(lambda escalation: escalation.severity),
    "level": lambda escalation, _contact, value, _at: _is_on_level(escalation, value),
    "cause": lambda escalation, _contact, value, _at: _has_cause(escalation, value),
    "channel": _of_details(lambda details: details.channel),
    "topic": _of_details(lambda details: details.topic),
    "tier": _of_details(lambda details: details.tier),
    "team": _of_contact(lambda contact: contact.team_id),
    "representative": _of_contact(lambda contact: contact.representative_id),
    "ladder": _of_escalation(lambda escalation: escalation.ladder.id),
    "overdue": lambda escalation, _contact, value, at: (
        ((escalation.deadline or _FOREVER) < at) == value
    ),
    "alarm": lambda escalation, _contact, value, _at: (escalation.alarm_since is not None) == value,
}
