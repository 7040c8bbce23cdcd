"""What follows when no message of a page reaches its person.

A failure of a page that is no longer awaited changes nothing: of an earlier round, of another
level, or of an escalation that somebody has answered or that has ended.
"""

from dataclasses import replace

from common.contracts.escalations import EscalationPageFailed
from common.contracts.notifications import NotificationFailed
from escalation.domain import wording
from escalation.domain.escalations import approvals
from escalation.domain.escalations.climbing import pass_on
from escalation.domain.model import AwaitedPage, Escalation
from escalation.domain.situation import Decision, Situation, no_change


def record_page_failure(situation: Situation, event: NotificationFailed) -> Decision:
    """Record whom the page did not reach; once that is everybody, go on at once."""
    escalation = situation.escalation
    page = _awaited_page(escalation, event)
    if escalation is None or page is None:
        return no_change(situation)
    failed = _with_failure(page, event)
    pages = tuple(failed if each is page else each for each in escalation.pages)
    after = situation.with_escalation(replace(escalation, pages=pages))
    if failed.failure is None:
        return no_change(after)
    recorded = EscalationPageFailed(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        person_id=failed.person_id,
        level=escalation.paged_level,
        level_name=escalation.name_of(escalation.paged_level),
        reason=failed.failure,
    )
    return Decision(after, (recorded,)).then(_go_on_unless_reached)


def _awaited_page(escalation: Escalation | None, event: NotificationFailed) -> AwaitedPage | None:
    if escalation is None or escalation.state not in ("raised", "approval_asked"):
        return None
    return next(
        (
            page
            for page in escalation.pages
            if page.page_id == event.page_id and page.failure is None
        ),
        None,
    )


def _with_failure(page: AwaitedPage, event: NotificationFailed) -> AwaitedPage:
    if event.medium is None:
        return replace(page, failure=event.reason)
    failed_media = tuple(dict.fromkeys((*page.failed_media, event.medium)))
    left = set(event.page_media).difference(failed_media)
    return replace(page, failed_media=failed_media, failure=None if left else event.reason)


def _go_on_unless_reached(situation: Situation) -> Decision:
    escalation = situation.escalation
    if escalation is None or any(_may_answer(escalation, page) for page in escalation.pages):
        return no_change(situation)
    explanation = wording.unanswered(escalation)
    if escalation.state == "approval_asked":
        return approvals.pass_on(situation, escalation, explanation)
    return pass_on(situation, escalation, explanation)


def _may_answer(escalation: Escalation, page: AwaitedPage) -> bool:
    """Tell whether the page of this round reached its person, or still may."""
    awaited = page.round == escalation.round and page.person_id in escalation.awaited
    return awaited and page.failure is None
