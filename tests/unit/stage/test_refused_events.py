"""A gap in the numbers of a topic needs a dead letter of the outbox that declares it."""

from dataclasses import replace

from stage.invariants import check
from stage.invariants.snapshot import DeadLetterRow
from unit.stage.changes import Change, chained, changing_tables, publishing, without
from unit.stage.examples import BO, assigned, completed, event_id, offered, sound_history

# The numbers of records: of a sound history, and the first that is published after it.
WARNED, OFFERED = 3, 15

later_offer = publishing(offered(BO), assigned(BO), completed(BO))


def refused(service: str, number: int) -> Change:
    letter = DeadLetterRow("outbox/7", event_id(number), "MessageSizeTooLargeError")
    return changing_tables(service, dead_letters=[letter])


def violations(*changes: Change) -> set[str]:
    return {item.message for item in check(chained(*changes)(sound_history())).violations}


def test_gap_that_a_dead_letter_declares_is_no_violation() -> None:
    assert not violations(later_offer, without("records", OFFERED), refused("router", OFFERED))


def test_gap_beside_a_declared_gap_is_a_violation() -> None:
    gaps = without("records", OFFERED + 1), without("records", OFFERED)
    messages = violations(later_offer, *gaps, refused("router", OFFERED))
    assert "a gap or a wrong order" in messages


def test_refused_event_may_be_replayed_later() -> None:
    late: Change = lambda snapshot: replace(  # noqa: E731 - as the other changes
        snapshot, records=[snapshot.records[n] for n in (*range(3), 4, WARNED, *range(5, 15))]
    )
    assert "a gap or a wrong order" in violations(late)
    assert not violations(late, refused("escalation", WARNED))
