"""Where a contact waits: for its team, for everybody, or in a fallback queue."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from common.contracts.assignments import ContactUnserved
from common.contracts.event import Event, TeamId
from router.domain.assignments import Assignment, Decision, enter, leave
from router.domain.needs import Need
from router.domain.routing.strategies import RoutingPolicy


def candidates(need: Need, fallback: Need) -> tuple[Need, ...]:
    """Return the queues that may stand in, best first: the customer's language counts most."""
    return (
        Need(fallback.skill, need.language),
        Need(need.skill, fallback.language),
        fallback,
    )


def place_in_queue(
    contact: Assignment, serves: Callable[[Need], bool], policy: RoutingPolicy, *, at: datetime
) -> Decision:
    """Choose the queue of a waiting contact: its own, or a fallback if nobody serves its own.

    In either its team alone may get it until the wait for the team ends, if the team serves it. A
    contact that is in the right queue stays as it is. One that waits in the wrong queue seeks
    again. `serves` says whether somebody serves a need.
    """
    own = contact.own_need
    if own is None:
        return Decision()
    unserved = None if serves(own) else own
    queues = (own, *candidates(own, policy.fallback)) if unserved else (own,)
    team_id = contact.team_id if at < policy.team_wait_ends_at(contact) else None
    stand_in = next((need for need in _of_team_first(queues, team_id) if serves(need)), None)
    need = stand_in or own
    if (need, unserved) == (contact.need, contact.unserved_need):
        return Decision()
    placed = replace(
        contact,
        skill=need.skill,
        language=need.language,
        waits_for_team=need.team_id is not None,
        unserved_skill=unserved.skill if unserved else None,
        unserved_language=unserved.language if unserved else None,
    )
    events: tuple[Event, ...] = ()
    is_elsewhere = contact.need is None or contact.need.queue != need.queue
    if unserved and (is_elsewhere or unserved != contact.unserved_need):
        warning = ContactUnserved(
            contact_id=contact.contact_id,
            occurred_at=at,
            queue=unserved.queue,
            fallback_queue=stand_in.queue if stand_in else None,
        )
        events = (warning,)
    if contact.state == "queued" and need != contact.need:
        return leave(contact, enter(placed, "seeking", at), None, *events, at=at)
    return Decision((placed,), events=events)


def _of_team_first(needs: Iterable[Need], team_id: TeamId | None) -> Iterator[Need]:
    for need in needs:
        if team_id is not None:
            yield need._replace(team_id=team_id)
        yield need
