"""What a person does by a button or a form of a message."""

from datetime import datetime, timedelta
from typing import assert_never

from common.contracts.event import PersonId
from common.contracts.notifications import NotificationActedOn
from escalation.domain.escalations import actions
from escalation.domain.escalations.guards import held_by
from escalation.domain.situation import Decision, Situation


def act(situation: Situation, event: NotificationActedOn) -> Decision:
    """Raises RefusedError, ForbiddenError or PastTimeError if it comes too late."""
    by, note = event.person_id, event.note or ""
    match event.action:
        case "acknowledge":
            return actions.acknowledge(situation, by)
        case "take_over":
            return actions.take_over(situation, by)
        case "snooze":
            return _snooze(situation, by, event.until, note)
        case "hand_back":
            return actions.hand_back(situation, by, note)
        case _:
            assert_never(event.action)


def _snooze(situation: Situation, by: PersonId, until: datetime | None, reason: str) -> Decision:
    """Snooze it as long as the ladder allows at most: a message does not know how long that is."""
    limit = held_by(situation, by).ladder.body.snooze_limit_s
    latest = situation.at + timedelta(seconds=limit)
    return actions.snooze(situation, by, min(until or latest, latest), reason)
