"""Coaching that whoever has an escalation asks for: it is told to the superior of whom it concerns.

It waits for no answer and outlives the escalation, so the page is not one of the escalation's.
"""

from uuid import NAMESPACE_OID, uuid5

from common.contracts.escalations import CoachingRequested, PageRequested
from common.contracts.event import PageId
from escalation.domain import wording
from escalation.domain.escalations.responders import may_act
from escalation.domain.model import Escalation
from escalation.domain.settings.people import line_above
from escalation.domain.situation import Situation


def pages(
    situation: Situation, escalation: Escalation, requested: CoachingRequested
) -> tuple[PageRequested, ...]:
    """Tell the superior; without one, or where the superior is whoever asks, it is noted only.

    Nor is a superior told about whom the complaint is.
    """
    line = line_above(situation.configuration.staff, requested.person_id)
    if not line or line[0] == requested.by or not may_act(escalation, line[0]):
        return ()
    name = f"{escalation.escalation_id}/coaching/{requested.person_id}/{situation.at.isoformat()}"
    wish = f"{requested.by} asks you to coach {requested.person_id}: {requested.text}"
    told = PageRequested(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        page_id=PageId(str(uuid5(NAMESPACE_OID, name))),
        person_id=line[0],
        reason="coaching",
        headline=wording.page_headline(situation.watch, escalation, situation.at),
        why=wording.why(situation.watch, (wish,)),
    )
    return (told,)
