"""Breakages of who gets a contact, at the router, and of who is told, at the notifier."""

from collections.abc import Sequence
from dataclasses import replace as having
from datetime import datetime
from typing import Any

from chaos.mutants.registry import control, die_once, mutant, replace
from chaos.mutants.scenarios import DESKS, PLEAS
from common.contracts.event import NotificationId
from common.contracts.notifications import Medium
from notifier import use_cases
from notifier.channels.slack import Slack
from notifier.domain import delivery
from notifier.domain.delivery import Outcome, RetryPolicy
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Recipient
from notifier.store import Recipients
from notifier.store import UnitOfWork as NotifierWork
from notifier.use_cases import ClaimedDelivery
from router.domain import assignments, reactions
from router.domain.assignments import Assignment, Decision
from router.domain.routing.pool import AvailabilityPool
from router.domain.staffing.representatives import Representative, free


@control("router", DESKS)
def deals_out_contacts() -> None:
    """Nothing happens to it but its work."""


@control("notifier", PLEAS, dies=True)
def dies_after_the_call() -> None:
    send = Slack.send

    async def dying(self: Slack, notification: Notification, at: datetime) -> Outcome:
        outcome = await send(self, notification, at)
        die_once()
        return outcome

    replace(Slack, "send", dying)


@mutant(deals_out_contacts, 3, "above capacity", brief=False)
def an_offer_takes_no_place() -> None:
    assign = AvailabilityPool.assign

    def generous(
        self: AvailabilityPool, representative: Representative, at: datetime
    ) -> Representative:
        return assign(self, representative, at) if representative.auto_accept else representative

    def leave(holder: Representative, *, at: datetime) -> Representative:
        return free(holder, at=at) if holder.auto_accept else holder

    replace(AvailabilityPool, "assign", generous)
    replace(assignments, "free", leave)


@mutant(deals_out_contacts, 3, "does not fit", brief=False)
def anyone_is_better_than_nobody() -> None:
    best_for = AvailabilityPool.best_for

    def eager(self: AvailabilityPool, contact: Assignment) -> Representative | None:
        anyone = (
            person
            for person in self._people.values()
            if person.free_slots and person.representative_id not in contact.declined_by
        )
        return best_for(self, contact) or next(anyone, None)

    replace(AvailabilityPool, "best_for", eager)


@mutant(deals_out_contacts, 3, "two live assignments")
def a_take_over_goes_unsaid() -> None:
    take_over = reactions.take_over

    def silent(*seen: Any, at: datetime) -> Decision:
        return having(take_over(*seen, at=at), events=())

    replace(reactions, "take_over", silent)


@mutant(dies_after_the_call, 4, "delivered twice, and not recorded as ambiguous")
def leases_are_kept_in_memory() -> None:
    leased_until: dict[NotificationId, datetime] = {}

    async def claim(
        medium: Medium, limit: int, policy: RetryPolicy, uow: NotifierWork
    ) -> list[ClaimedDelivery]:
        deliveries = []
        for due in await uow.notifications.claim(medium, uow.now, limit):
            if leased_until.get(due.notification_id, uow.now) <= uow.now:
                leased_until[due.notification_id] = uow.now + policy.lease
                begun = delivery.claim(due, policy, uow.now)
                waited = uow.now - (due.due_at or uow.now)
                claimed = ClaimedDelivery(begun.notification, begun.attempts[-1], waited)
                deliveries.append(claimed)
        return deliveries

    replace(use_cases, "claim", claim)


@mutant(dies_after_the_call, 4, "delivered twice, and not recorded as ambiguous", brief=False)
def what_was_lost_counts_as_not_sent() -> None:
    def nothing(_notification: Notification, _at: datetime) -> Sequence[Any]:
        return ()

    replace(delivery, "_lost", nothing)


@mutant(dies_after_the_call, 4, "a page was never tried", brief=False)
def one_medium_is_enough() -> None:
    get = Recipients.get

    async def sparing(self: Recipients, person_id: Any) -> Recipient | None:
        found = await get(self, person_id)
        return found and having(found, media=found.media[:1])

    replace(Recipients, "get", sparing)
