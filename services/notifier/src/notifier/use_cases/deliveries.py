"""How delivery begins: load, decide, record."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from common.contracts.event import NotificationId
from notifier.domain import (
    brake,
    delivery,
    delivery_reasons,
    follow_ups,
    maintenance,
    notifications,
    own_messages,
    quiet_hours,
)
from notifier.domain.brake import (
    MAX_HELD_PAGES,
    MAX_STORM_PAGES,
    STORM_PAGES,
    BrakePolicy,
    Budget,
    Limit,
)
from notifier.domain.delivery_reasons import DeliveryReason
from notifier.domain.mail_stops import stoppable
from notifier.domain.notifications import Decision, Notification
from notifier.domain.recipients import DEFAULT_LANGUAGE, Address, obstacle_on
from notifier.handlers import new_notification_id, record
from notifier.store.notifications import Slots, Threads
from notifier.store.put_aside import put_aside
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases.delivery_claims import Claim, ClaimedDelivery, DeliveryRules
from notifier.use_cases.summary_updates import change_earlier

# Another transaction has locked all that a summary would carry; it is free again after about this.
_RETRY_SUMMARY = timedelta(milliseconds=100)


async def claim(
    slots: Slots,
    rules: DeliveryRules,
    uow: UnitOfWork,
    *,
    only: NotificationId | None = None,
    by_urgency: bool = False,
) -> Claim:
    """Begin an attempt for what is due on media with free slots, unless a budget is used up."""
    due = await uow.notifications.claim(slots, uow.now, only=only, by_urgency=by_urgency)
    if not due:
        return Claim()
    counts = Counter(notification.medium for notification in due)
    behind = {medium for medium, free in slots.items() if counts[medium] == free}
    threads = await uow.notifications.threads(due, rules.threaded)
    claiming = await _claiming(due, threads, rules, uow)
    for notification in due:
        await claiming.begin(notification)
    claiming.claimed.behind |= behind
    return claiming.claimed


async def claim_new(slots: Slots, rules: DeliveryRules, uow: UnitOfWork) -> Claim:
    """Begin an attempt for what this transaction adds, in the same transaction.

    What has no slot, or is over a budget, stays pending. So does all if a row can't be read: the
    worker puts aside what needs it.
    """
    due = [each for each in uow.notifications.pending if each.due_at and each.due_at <= uow.now]
    first = list(_within(slots, due))
    try:
        claiming = await _claiming(first, uow.notifications.loaded_threads(), rules, uow)
    except ValueError:
        return Claim(behind={each.medium for each in due if each.medium})
    for notification in first:
        if not await claiming.must_wait(notification):
            await claiming.begin(notification)
    begun = {delivery.notification.notification_id for delivery in claiming.claimed.deliveries}
    left = (each for each in due if each.notification_id not in begun)
    claiming.claimed.behind |= {each.medium for each in left if each.medium}
    return claiming.claimed


def _within(slots: Slots, due: Iterable[Notification]) -> Iterator[Notification]:
    """Yield those that have a slot; a summary is filled by a transaction of its own."""
    free = dict(slots)
    for notification in due:
        medium = notification.medium
        if notification.kind != "summary" and medium and free.get(medium, 0) > 0:
            free[medium] -= 1
            yield notification


async def _claiming(
    due: Sequence[Notification], threads: Threads, rules: DeliveryRules, uow: UnitOfWork
) -> "_Claiming":
    await uow.recipients.get_all(notification.person_id for notification in due)
    keys = set(_budget_keys(due, rules.brake))
    budgets = await uow.budgets.lock_or_add(keys, uow.now) if keys else {}
    return _Claiming(uow, rules, budgets, threads, Claim())


def _budget_keys(due: Sequence[Notification], policy: BrakePolicy) -> Iterator[str]:
    for notification in due:
        is_new_page = notification.kind == "page" and notification.attempts == 0
        limits = brake.limits(notification, policy) if is_new_page else ()
        yield from (limit.key for limit in limits)
        if limits or notification.kind == "summary":
            yield brake.recipient_key(notification)


@dataclass(frozen=True, slots=True)
class _Claiming:
    uow: UnitOfWork
    rules: DeliveryRules
    budgets: dict[str, Budget]
    threads: Threads
    claimed: Claim

    async def must_wait(self, due: Notification) -> bool:
        """Return whether a page is over a budget, or its recipient has quiet hours."""
        if due.kind != "page":
            return False
        return self._limit(due) is not None or await self._quiet_until(due) is not None

    async def _quiet_until(self, page: Notification) -> datetime | None:
        """Return until when a page that was not tried before waits for the end of quiet hours."""
        recipient = await self.uow.recipients.get(page.person_id)
        if recipient is None or page.attempts > 0:
            return None
        return quiet_hours.quiet_until(page, recipient, self.uow.now)

    def _limit(self, page: Notification) -> Limit | None:
        """Return the budget that a page which was not tried before has to wait for."""
        if page.attempts > 0:
            return None
        return brake.exhausted(
            page, self.budgets, self.rules.brake, self.uow.now
        ) or brake.waits_for_summary(page, self.budgets, self.rules.brake, self.uow.now)

    async def begin(self, due: Notification) -> None:
        match due.kind:
            case "page":
                await self._begin_page(due)
            case "summary":
                await self._begin_summary(due)
            case "update" if follow_ups.is_further_message(due):
                await self._begin_follow_up(due)
            case _:
                await self._start(due, due)

    async def _begin_page(self, due: Notification) -> None:
        if await self._is_stopped(due):
            self._cancel(due, delivery_reasons.MAILS_STOPPED)
            return
        page, obstacle = await self._addressed(due)
        if obstacle is not None:
            # It stays due: to let another method stand in, all of its contact must be locked.
            self.claimed.hopeless.add(page.contact_id)
            return
        if delayed := maintenance.delay(page, self.rules.maintenance, self.uow.now):
            record(self._with_lost_attempt(delayed, due), self.uow)
            return
        if until := await self._quiet_until(page):
            await self._wait_for_end_of_quiet(page, until)
            return
        if limit := self._limit(page):
            await self._hold_back(page, limit)
            return
        if page.attempts == 0:
            for budget in brake.spend(page, self.budgets, self.rules.brake, self.uow.now):
                self._put(budget)
        await self._start(page, due)

    async def _begin_follow_up(self, due: Notification) -> None:
        """Send it where the person is reached now: who has an earlier address learns no more."""
        update, obstacle = await self._addressed(due)
        if obstacle is None:
            await self._start(update, due)
        else:
            self._cancel(due, obstacle)

    async def _is_stopped(self, due: Notification) -> bool:
        kind = stoppable(due)
        return kind is not None and await self.uow.mail_stops.has(due.person_id, kind)

    async def _begin_summary(self, due: Notification) -> None:
        summary, obstacle = await self._addressed(due)
        if summary.attempts == 0:
            await self._fill_summary(summary, obstacle, due)
        elif obstacle is None:
            await self._start(summary, due)
        else:
            # The pages in it wait for another summary.
            self._cancel(brake.emptied(summary), obstacle)
            await self._schedule_summary(summary)

    async def _fill_summary(
        self, summary: Notification, obstacle: DeliveryReason | None, due: Notification
    ) -> None:
        most = MAX_STORM_PAGES if self.rules.lists_storms else MAX_HELD_PAGES
        pages, unreadable, waiting = await self.uow.notifications.claim_held_back(summary, most)
        for row, error in unreadable:
            notification_id = NotificationId(row["notification_id"])
            await put_aside(notification_id, error, self.uow)
            self.claimed.put_aside.append((summary.medium, notification_id, error))
        if waiting and not pages:
            self.uow.notifications.put(replace(due, due_at=self.uow.now + _RETRY_SUMMARY))
            return
        others = waiting - len(pages)
        if obstacle is not None or not pages:
            # Pages that no summary can carry are due, and another method stands in for each.
            for page in pages:
                self.uow.notifications.put(replace(page, state="pending", due_at=self.uow.now))
            self._cancel(brake.emptied(summary), obstacle or delivery_reasons.SUMMARY_EMPTY)
            if others:
                await self._schedule_summary(summary)
            return
        await self._send_summary(summary, pages, others, due)

    async def _send_summary(
        self, summary: Notification, pages: Sequence[Notification], others: int, due: Notification
    ) -> None:
        """Send it with the most urgent of these pages; `others` and the rest follow in another.

        What waits for the end of quiet hours is not in it.
        """
        urgent, until = await self._without_quiet(pages)
        if until and not urgent:
            self.uow.notifications.put(replace(summary, due_at=until))
            return
        kept, superseded = brake.newest(urgent)
        is_storm = self.rules.lists_storms and len(kept) >= STORM_PAGES
        change = None
        if summary.medium in self.rules.changeable and not (is_storm or others):
            change = await change_earlier(summary, kept, self.rules.brake, self.uow)
        filled, parts = change or brake.fill(summary, kept, others, carries_all=is_storm)
        carried = {page.notification_id for page in parts}
        rest = [page for page in kept if page.notification_id not in carried]
        ended = (replace(page, ended_at=self.uow.now) for page in superseded)
        for page in (*ended, *parts, *rest):
            self.uow.notifications.put(page)
        if others or rest:
            repeat = not others and all(page.content.is_repeat for page in rest)
            await self._schedule_summary(summary, repeat=repeat)
        elif until:
            await self._schedule_quiet_summary(summary, until)
        await self._start(filled, due)

    async def _without_quiet(
        self, pages: Sequence[Notification]
    ) -> tuple[list[Notification], datetime | None]:
        """Return those that do not wait for the end of quiet hours, and that end for the others."""
        ends = [(page, await self._quiet_until(page)) for page in pages]
        for page, end in ends:
            if end:
                self.uow.notifications.put(quiet_hours.hold_back(page, end, self.uow.now))
        until = max((end for _, end in ends if end), default=None)
        return [page for page, end in ends if end is None], until

    async def _addressed(self, due: Notification) -> tuple[Notification, DeliveryReason | None]:
        """Return it with the recipient's present address, or why there is none."""
        recipient = await self.uow.recipients.get(due.person_id)
        obstacle = obstacle_on(recipient, due.medium)
        if recipient is None or obstacle is not None:
            return due, obstacle
        addressed = replace(
            due,
            address=recipient.address_on(due.medium),
            link_epoch=recipient.link_epoch,
            time_zone=recipient.time_zone,
            language=recipient.language or DEFAULT_LANGUAGE,
            thread=self.threads.get((due.medium, due.escalation_id, due.person_id)),
        )
        return addressed, None

    async def _start(self, notification: Notification, due: Notification) -> None:
        if due.kind == "page" and not delivery.has_attempt_left(due, self.rules.retry):
            # It stays due, as what has no address: another method stands in.
            self.claimed.hopeless.add(due.contact_id)
            return
        decision = delivery.claim(notification, self.rules.retry, self.uow.now)
        record(decision, self.uow)
        begun = decision.notification
        if begun.medium and (attempt := begun.attempt_under_way):
            waited = self.uow.now - (due.due_at or self.uow.now)
            self.claimed.deliveries.append(ClaimedDelivery(begun, begun.medium, attempt, waited))
        elif notification.kind == "summary":
            await self._schedule_summary(notification)

    async def _hold_back(self, page: Notification, limit: Limit) -> None:
        self.uow.notifications.put(brake.hold_back(page, limit, self.uow.now))
        for budget in brake.notice(page, self.budgets, self.rules.brake, self.uow.now):
            self._put(budget)
        self.claimed.held_back.append((page.medium, limit.kind))
        await self._schedule_summary(page, repeat=page.content.is_repeat)

    async def _wait_for_end_of_quiet(self, page: Notification, until: datetime) -> None:
        self.claimed.held_back.append((page.medium, "quiet_hours"))
        if page.step > 1:
            # An earlier step is in the summary then: this one follows if it stays unseen.
            self.uow.notifications.put(quiet_hours.postpone(page, until))
            return
        self.uow.notifications.put(quiet_hours.hold_back(page, until, self.uow.now))
        await self._schedule_quiet_summary(page, until)

    async def _schedule_quiet_summary(self, notification: Notification, until: datetime) -> None:
        """Let a summary follow at the end of quiet hours, unless one waits; no budget counts it."""
        if notification.address and not await self._next_summary_at(notification):
            self._add_summary(notification, notification.address, until)

    async def _next_summary_at(self, notification: Notification) -> datetime | None:
        return await self.uow.notifications.summary_due_besides(notification)

    def _add_summary(self, for_: Notification, address: Address, due_at: datetime) -> None:
        self.uow.notifications.add(
            own_messages.summary(
                for_.person_id, address, new_notification_id(), due_at, self.uow.now
            )
        )

    async def _schedule_summary(self, notification: Notification, *, repeat: bool = False) -> None:
        """Let a summary follow to the same person on the same medium, unless one waits already."""
        budget = self.budgets[brake.recipient_key(notification)]
        if notification.address is None:
            return
        waiting_until = await self._next_summary_at(notification)
        due_at = brake.next_summary_at(budget, self.rules.brake, self.uow.now, repeat=repeat)
        if waiting_until and waiting_until <= due_at:
            if not repeat:
                await self._hasten_summary(notification, budget)
            return
        self._put(brake.plan_summary(budget, due_at, self.rules.brake, self.uow.now))
        if waiting_until:
            # It waits for the end of quiet hours, which what is urgent does not.
            await self.uow.notifications.hasten_summary(notification, due_at)
        else:
            self._add_summary(notification, notification.address, due_at)

    async def _hasten_summary(self, page: Notification, budget: Budget) -> None:
        """What is new to the person does not wait as long as repeats do."""
        due_at = self.uow.now + self.rules.brake.interval
        if budget.summary_due_at is not None and due_at < budget.summary_due_at:
            self._put(replace(budget, summary_due_at=due_at, changed_at=self.uow.now))
            await self.uow.notifications.hasten_summary(page, due_at)

    def _cancel(self, due: Notification, reason: DeliveryReason) -> None:
        cancelled = notifications.cancel(due, reason, self.uow.now)
        record(self._with_lost_attempt(cancelled, due), self.uow)

    def _with_lost_attempt(self, after: Notification, due: Notification) -> Decision:
        """Let the history say that an attempt was lost before something else became of it."""
        lost = delivery.end_lost_attempt(due, self.uow.now)
        return replace(lost, notification=replace(after, ambiguous=lost.notification.ambiguous))

    def _put(self, budget: Budget) -> None:
        self.budgets[budget.key] = budget
        self.uow.budgets.put(budget)
