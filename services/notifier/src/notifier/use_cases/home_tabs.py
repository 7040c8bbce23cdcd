"""What happens to home tabs: load, decide, record."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import structlog

from common.contracts.event import PersonId
from common.contracts.notifications import Medium
from notifier.domain import home_tabs
from notifier.domain.delivery import Outcome
from notifier.domain.home_tabs import HomeTab, HomeView, view_of
from notifier.store.home_tabs import pages_for
from notifier.store.unit_of_work import UnitOfWork

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ClaimedTab:
    """A publication that has begun, and what it shows."""

    tab: HomeTab
    view: HomeView


async def open_tab(medium: Medium, user_id: str, uow: UnitOfWork) -> None:
    """Let the tab that its user has opened be published."""
    new = home_tabs.open_tab(None, medium, user_id, uow.now)
    tab = await uow.home_tabs.lock_or_add(new)
    uow.home_tabs.put(home_tabs.open_tab(tab, medium, user_id, uow.now))
    uow.home_tabs.has_opened = True


async def change_tabs(people: Collection[PersonId], uow: UnitOfWork) -> None:
    """Let the tabs of these people be looked at, since something may have changed."""
    for tab in await uow.home_tabs.lock_of(people):
        uow.home_tabs.put(home_tabs.change(tab, uow.now))


async def claim_due(media: Iterable[Medium], most: int, uow: UnitOfWork) -> list[ClaimedTab]:
    """Begin to publish what is due and would show something else."""
    claimed = []
    for tab in await uow.home_tabs.lock_due(uow.now, most):
        try:
            view = await _view(tab, uow)
        except ValueError as error:
            # A row that can't be read delays no other person's tab.
            log.warning("home_tab_unreadable", tab=tab.key, error=repr(error))
            uow.home_tabs.put(home_tabs.fail(tab, uow.now))
            continue
        after = home_tabs.claim(tab, view, uow.now)
        uow.home_tabs.put(after)
        if after.claimed_at is not None and tab.medium in media:
            claimed.append(ClaimedTab(after, view))
    return claimed


async def record_outcome(claimed: ClaimedTab, outcome: Outcome, uow: UnitOfWork) -> None:
    tab = await uow.home_tabs.lock(claimed.tab.key)
    if tab is not None:
        recorded = home_tabs.record(tab, claimed.tab, claimed.view, outcome, uow.now)
        uow.home_tabs.put(recorded)


async def _view(tab: HomeTab, uow: UnitOfWork) -> HomeView:
    recipient = await uow.recipients.of_user(tab.medium, tab.user_id)
    if recipient is None:
        return HomeView()
    pages = await pages_for(recipient.person_id, tab.medium, uow.notifications)
    escalation_ids = [page.escalation_id for page in pages if page.escalation_id]
    return view_of(recipient, pages, await uow.escalations.get_all(escalation_ids))
