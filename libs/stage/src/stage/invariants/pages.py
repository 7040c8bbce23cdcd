"""Invariant 4: whoever is to be told is tried on each medium, and told once."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClosed,
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
    PageRequested,
)
from common.contracts.notifications import NotificationFailed, NotificationSent
from stage.invariants.findings import Findings
from stage.invariants.snapshot import Attempt, Notification, Snapshot

SettlingEvent = (
    EscalationAcknowledged
    | EscalationTakenOver
    | EscalationHandedBack
    | EscalationResolved
    | EscalationClosed
)


def check(facts: Snapshot, ledger: Findings) -> None:
    attempts: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in facts.attempts:
        attempts[attempt.notification_id].append(attempt)
    _check_attempts(facts, attempts, ledger)
    sent, _ = _published_results(facts)
    for one in facts.notifications:
        # An update changes what an arrived message says, as often as there is news.
        if one.kind == "page":
            got = facts.receipts.get(one.notification_id, 0)
            _check_delivery(one, attempts[one.notification_id], got, ledger)
            right = sent[one.notification_id] == (one.state == "sent")
            ledger.require(
                right, "the table and the topic differ on whether it was sent", *_evidence(one)
            )


def _check_attempts(
    facts: Snapshot, attempts: Mapping[str, list[Attempt]], ledger: Findings
) -> None:
    media = {one.person_id: {each.medium for each in one.media} for one in facts.recipients}
    _, failed = _published_results(facts)
    settled = _settled_escalations(facts)
    dealt_with: defaultdict[str, set[str | None]] = defaultdict(set, failed)
    for one in facts.notifications:
        called_off = one.state == "cancelled" and one.escalation_id in settled
        if one.kind == "page" and (attempts[one.notification_id] or called_off):
            dealt_with[one.page_id].add(one.medium)
    asked: Counter[str] = Counter()
    for page in _pages(facts):
        asked[page.page_id] += 1
        # Of whom nothing is known there must be a failure that names no medium.
        known = media.get(page.person_id, set())
        # Limited to media of which the recipient has none, it goes out on all.
        expected: set[str | None] = {*(known & set(page.media or known) or known)} or {None}
        missing = expected - dealt_with[page.page_id]
        ledger.require(not missing, "a page was never tried", page.page_id, *missing)
    for page_id, times in asked.items():
        ledger.require(times == 1, "a page was asked for twice", page_id)


def _pages(facts: Snapshot) -> Iterator[PageRequested]:
    for told in facts.events("escalations").values():
        yield from (event for event in told if isinstance(event, PageRequested))


def _settled_escalations(facts: Snapshot) -> set[str]:
    """The escalations that somebody answered or that ended: pages for them may be called off."""
    return {
        event.escalation_id
        for told in facts.events("escalations").values()
        for event in told
        if isinstance(event, SettlingEvent)
    }


def _published_results(facts: Snapshot) -> tuple[Counter[str], Mapping[str, set[str | None]]]:
    """How often each notification was published as sent, and on which media each page failed."""
    sent: Counter[str] = Counter()
    failed: defaultdict[str, set[str | None]] = defaultdict(set)
    for told in facts.events("notifications").values():
        for event in told:
            match event:
                case NotificationSent():
                    sent[event.notification_id] += 1
                case NotificationFailed():
                    failed[event.page_id].add(event.medium)
    return sent, failed


def _check_delivery(
    notification: Notification, attempts: Sequence[Attempt], got: int, ledger: Findings
) -> None:
    ids = _evidence(notification)
    successes = sum(attempt.outcome == "sent" for attempt in attempts)
    ambiguous = notification.ambiguous or any(one.outcome == "unknown" for one in attempts)
    ledger.require(successes <= 1 or ambiguous, "two attempts succeeded", *ids)
    ledger.require(got <= 1 or ambiguous, "told twice, and not recorded as ambiguous", *ids)
    ledger.require(got > 0 or notification.state != "sent", "sent, and nothing arrived", *ids)
    recorded = notification.state == "sent" or ambiguous
    ledger.require(recorded or not got, "it arrived, and nobody wrote that down", *ids)


def _evidence(notification: Notification) -> tuple[str, str]:
    return notification.notification_id, notification.idempotency_key
