"""What a process has noticed of connections is one row for each, and is not lost."""

from datetime import UTC, datetime, timedelta

from intake.connections.activity import NoticedActivity

START = datetime(2026, 7, 6, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_deliveries_and_failures_of_one_connection_are_one_row() -> None:
    noticed = NoticedActivity()
    noticed.note_delivery("zendesk", "acme", START)
    noticed.note_failure("zendesk", "acme", START, "signature-refused", "x" * 1000)
    noticed.note_delivery("zendesk", "acme", START + MINUTE)
    noticed.note_delivery("slack", "acme", START)
    first, second = noticed.take()
    assert (first.last_delivery_at, first.failed_at) == (START + MINUTE, START)
    assert (first.failure_code, len(first.failure_detail or "")) == ("signature-refused", 300)
    assert (second.kind, second.failed_at) == ("slack", None)
    assert noticed.take() == []


def test_unwritten_activity_is_kept_beside_newer_activity() -> None:
    noticed = NoticedActivity()
    noticed.note_delivery("zendesk", "acme", START)
    noticed.note_failure("zendesk", "acme", START, "signature-refused", "Wrong.")
    unwritten = noticed.take()
    noticed.note_delivery("zendesk", "acme", START + MINUTE)
    noticed.put_back(unwritten)
    (row,) = noticed.take()
    assert (row.last_delivery_at, row.failure_code) == (START + MINUTE, "signature-refused")
