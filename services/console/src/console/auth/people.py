"""Who somebody is in Upstairs: the entry in router, and the time zone in notifier."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import structlog

from common.contracts.event import ID_PATTERN, PersonRole
from console.auth.sessions import Person
from console.clients.services import ServiceProblemError, Services, ServiceUnavailableError
from console.errors import PageError

_PERSON: Final = re.compile(ID_PATTERN)
_DEFAULT_ZONE: Final = "UTC"
_UNKNOWN: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for."""

    person: str
    role: PersonRole
    id_token: str | None = None


async def find_person(identity: Identity, services: Services) -> Person:
    """Return the person, as router knows them; raises PageError for whom it does not admit."""
    if not _PERSON.fullmatch(identity.person):
        raise PageError(403, "unknown-person", person=identity.person, reason="")
    try:
        entry = await services.get("router", f"/v1/people/{identity.person}", identity)
    except ServiceProblemError as problem:
        if problem.status not in _UNKNOWN:
            raise
        # Either nobody has described the person, or router does not trust the console.
        log.warning("sign_in_refused_by_router", person=identity.person, reason=problem.detail)
        raise PageError(
            403, "unknown-person", person=identity.person, reason=problem.detail
        ) from problem
    return Person(
        identity.person,
        identity.role,
        entry["name"],
        await _zone_of(identity, services),
        identity.id_token,
    )


async def _zone_of(identity: Identity, services: Services) -> str:
    """Return the zone of the person's messages: without notifier, times are in UTC."""
    try:
        recipient = await services.get("notifier", f"/v1/recipients/{identity.person}", identity)
    except (ServiceProblemError, ServiceUnavailableError):
        return _DEFAULT_ZONE
    return str(recipient["time_zone"])
