"""Breakages of assignment, at the router, and of delivery, at the notifier."""

from datetime import datetime
from typing import Any

from msgspec import structs
from msgspec.structs import replace as copy_with

from chaos.mutants.registry import control, die_once, mutant, replace
from chaos.mutants.scenarios import SCARCE_REPRESENTATIVES, SUPERVISOR_REQUESTS
from common.contracts.event import NotificationId
from notifier.channels.slack import Slack
from notifier.domain import delivery
from notifier.domain.delivery import Outcome
from notifier.domain.notifications import Decision as NotificationDecision
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Recipient
from notifier.store.notifications import Slots
from notifier.store.people import Recipients
from notifier.store.unit_of_work import UnitOfWork as NotifierUnitOfWork
from notifier.use_cases import deliveries
from notifier.use_cases.delivery_claims import Claim, ClaimedDelivery, DeliveryRules
from router.domain import assignments, reactions
from router.domain.assignments import Assignment, Decision
from router.domain.needs import Need
from router.domain.routing.pool import AvailabilityPool
from router.domain.staffing.representatives import Representative, free


@control("router", SCARCE_REPRESENTATIVES)
def router_runs_undisturbed() -> None:
    """The router does only its usual work."""


@control("notifier", SUPERVISOR_REQUESTS, dies=True)
def dies_after_the_call() -> None:
    send = Slack.send

    async def send_and_die(self: Slack, notification: Notification, at: datetime) -> Outcome:
        outcome = await send(self, notification, at)
        die_once()
        return outcome

    replace(Slack, "send", send_and_die)


@mutant(router_runs_undisturbed, 3, "above capacity", brief=False)
def offer_takes_no_slot() -> None:
    assign = AvailabilityPool.assign

    def assign_without_offers(
        self: AvailabilityPool, representative: Representative, at: datetime
    ) -> Representative:
        return assign(self, representative, at) if representative.auto_accept else representative

    def free_without_offers(holder: Representative, *, at: datetime) -> Representative:
        return free(holder, at=at) if holder.auto_accept else holder

    replace(AvailabilityPool, "assign", assign_without_offers)
    replace(assignments, "free", free_without_offers)


@mutant(router_runs_undisturbed, 3, "does not fit", brief=False)
def skills_are_ignored_when_nobody_fits() -> None:
    best_for = AvailabilityPool.best_for

    def best_for_any_skills(
        self: AvailabilityPool, contact: Assignment, need: Need
    ) -> Representative | None:
        with_free_slots = (
            person
            for person in self._people.values()
            if person.free_slots and person.representative_id not in contact.declined_by
        )
        return best_for(self, contact, need) or next(with_free_slots, None)

    replace(AvailabilityPool, "best_for", best_for_any_skills)


@mutant(router_runs_undisturbed, 3, "two live assignments")
def take_over_is_not_published() -> None:
    take_over = reactions.take_over

    def take_over_without_events(*arguments: Any, at: datetime) -> Decision:
        return structs.replace(take_over(*arguments, at=at), events=())

    replace(reactions, "take_over", take_over_without_events)


@mutant(dies_after_the_call, 4, "delivered twice, and not recorded as ambiguous")
def leases_are_kept_in_memory() -> None:
    leased_until: dict[NotificationId, datetime] = {}

    async def claim(
        slots: Slots,
        rules: DeliveryRules,
        uow: NotifierUnitOfWork,
        *,
        only: NotificationId | None = None,
        by_urgency: bool = False,
    ) -> Claim:
        claimed = Claim()
        for due in await uow.notifications.claim(slots, uow.now, only=only, by_urgency=by_urgency):
            begun = delivery.claim(due, rules.retry, uow.now).notification
            attempt = begun.attempt_under_way
            is_free = leased_until.get(due.notification_id, uow.now) <= uow.now
            if is_free and attempt and begun.medium:
                leased_until[due.notification_id] = uow.now + rules.retry.lease
                waited = uow.now - (due.due_at or uow.now)
                claimed.deliveries.append(ClaimedDelivery(begun, begun.medium, attempt, waited))
        return claimed

    async def claim_nothing_new(*_: object) -> Claim:
        return Claim()

    replace(deliveries, "claim", claim)
    replace(deliveries, "claim_new", claim_nothing_new)


@mutant(dies_after_the_call, 4, "delivered twice, and not recorded as ambiguous", brief=False)
def lost_delivery_counts_as_not_sent() -> None:
    def find_no_lost_attempt(notification: Notification, _at: datetime) -> NotificationDecision:
        return NotificationDecision(notification)

    replace(delivery, "end_lost_attempt", find_no_lost_attempt)


@mutant(dies_after_the_call, 4, "a page was never tried", brief=False)
def only_first_medium_is_used() -> None:
    get = Recipients.get

    async def get_with_first_medium(self: Recipients, person_id: Any) -> Recipient | None:
        recipient = await get(self, person_id)
        return recipient and copy_with(recipient, media=recipient.media[:1])

    replace(Recipients, "get", get_with_first_medium)
