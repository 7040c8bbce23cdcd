"""Invariant 4: every page is tried on each medium of its recipient and arrives once."""

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

_ARRIVED = ("sent", "grouped")


def check(snapshot: Snapshot, findings: Findings) -> None:
    attempts: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in snapshot.attempts:
        attempts[attempt.notification_id].append(attempt)
    _check_attempts(snapshot, attempts, findings)
    sent, _ = _published_results(snapshot)
    for notification in snapshot.notifications:
        # An update edits a delivered message, and may do so many times.
        if notification.kind == "page":
            notification_id = notification.notification_id
            receipts = snapshot.receipts.get(notification_id, 0)
            _check_delivery(notification, attempts[notification_id], receipts, findings)
            agree = sent[notification_id] == (notification.state in _ARRIVED)
            findings.require(
                agree,
                "the table and the topic differ on whether it was sent",
                *_evidence(notification),
            )


def _check_attempts(
    snapshot: Snapshot, attempts: Mapping[str, list[Attempt]], findings: Findings
) -> None:
    media = {
        recipient.person_id: {address.medium for address in recipient.media}
        for recipient in snapshot.recipients
    }
    _, failed = _published_results(snapshot)
    settled = _settled_escalations(snapshot)
    tried: defaultdict[str, set[str | None]] = defaultdict(set, failed)
    for row in snapshot.notifications:
        cancelled = row.state == "cancelled" and row.escalation_id in settled
        # A page over a budget waits for a summary, came with one, or a newer one took its place.
        held_back = row.state in ("held_back", "grouped", "superseded")
        if row.kind == "page" and (attempts[row.notification_id] or cancelled or held_back):
            tried[row.page_id].add(row.medium)
    requests: Counter[str] = Counter()
    for page in _pages(snapshot):
        requests[page.page_id] += 1
        # For an unknown person there must be a failure without a medium.
        registered = media.get(page.person_id, set())
        # If the person has none of the requested media, the page goes to all media.
        expected: set[str | None] = {
            *(registered & set(page.media or registered) or registered)
        } or {None}
        missing = expected - tried[page.page_id]
        findings.require(not missing, "a page was never tried", page.page_id, *missing)
    for page_id, times in requests.items():
        findings.require(times == 1, "a page was requested twice", page_id)


def _pages(snapshot: Snapshot) -> Iterator[PageRequested]:
    for events in snapshot.events("escalations").values():
        yield from (event for event in events if isinstance(event, PageRequested))


def _settled_escalations(snapshot: Snapshot) -> set[str]:
    """Return the escalations that were answered or ended: their pages may be cancelled."""
    return {
        event.escalation_id
        for events in snapshot.events("escalations").values()
        for event in events
        if isinstance(event, SettlingEvent)
    }


def _published_results(snapshot: Snapshot) -> tuple[Counter[str], Mapping[str, set[str | None]]]:
    """Return how often each notification was published as sent, and the failed media by page."""
    sent: Counter[str] = Counter()
    failed: defaultdict[str, set[str | None]] = defaultdict(set)
    for events in snapshot.events("notifications").values():
        for event in events:
            match event:
                case NotificationSent():
                    sent[event.notification_id] += 1
                case NotificationFailed():
                    failed[event.page_id].add(event.medium)
                case _:
                    pass
    return sent, failed


def _check_delivery(
    notification: Notification, attempts: Sequence[Attempt], receipts: int, findings: Findings
) -> None:
    ids = _evidence(notification)
    successes = sum(attempt.outcome == "sent" for attempt in attempts)
    ambiguous = notification.ambiguous or any(attempt.outcome == "unknown" for attempt in attempts)
    findings.require(successes <= 1 or ambiguous, "two attempts succeeded", *ids)
    findings.require(
        receipts <= 1 or ambiguous, "delivered twice, and not recorded as ambiguous", *ids
    )
    findings.require(
        receipts > 0 or notification.state not in _ARRIVED, "sent, but nothing arrived", *ids
    )
    recorded = notification.state in _ARRIVED or ambiguous
    findings.require(recorded or not receipts, "arrived, but not recorded", *ids)


def _evidence(notification: Notification) -> tuple[str, str]:
    return notification.notification_id, notification.idempotency_key
