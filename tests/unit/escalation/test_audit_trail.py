"""An entry that is changed, cut off or swapped is found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.escalations import EscalationsOwnEvent
from common.contracts.event import ContactId, EscalationId
from escalation.domain import audit_trail
from escalation.domain.audit_trail import TrailChain, TrailEntry
from escalation.domain.escalations import actions
from escalation.domain.model import Escalation
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import MIA, SAM


def written_chain() -> TrailChain:
    """Return the chain of a contact that goes up, is worked on and is handed back."""
    harness = ContactHarness()
    harness.receive()
    harness.assign()
    harness.ask_for_supervisor()
    harness.advance_to(5)
    harness.press(MIA)
    harness.apply(partial(actions.add_note, by=SAM, text="Näher ansehen"))
    harness.apply(partial(actions.hand_back, by=MIA, guidance="offer a credit"))
    return chain_of(harness, "timer:AcknowledgementDue")


def chain_of(harness: ContactHarness, cause: str) -> TrailChain:
    """Write what the harness published, each event in a transaction of its own."""
    escalation = replace(harness.ended[-1], version=0)
    entries: list[TrailEntry] = []
    for event in harness.published:
        if isinstance(event, EscalationsOwnEvent):
            by = cause if not hasattr(event, "by") else "supervisor:somebody"
            escalation, new = audit_trail.append_entries(escalation, [event], by)
            entries += new
    return chain(escalation, entries)


def chain(escalation: Escalation, entries: list[TrailEntry]) -> TrailChain:
    return TrailChain(
        escalation.escalation_id, escalation.trail.length, escalation.trail.hash, tuple(entries)
    )


WHOLE = written_chain()
positions = st.integers(0, len(WHOLE.entries) - 1)


def with_entry(n: int, changed: TrailEntry) -> TrailChain:
    return replace(WHOLE, entries=(*WHOLE.entries[:n], changed, *WHOLE.entries[n + 1 :]))


def changed(entry: TrailEntry, values: dict[str, Any]) -> TrailEntry:
    return replace(entry, **values)


def test_written_trail_is_intact_with_actor_action_and_reason() -> None:
    assert list(audit_trail.find_breaks(WHOLE)) == []
    assert [(entry.number, entry.actor, entry.action, entry.reason) for entry in WHOLE.entries] == [
        (1, "timer:AcknowledgementDue", "escalation raised", "Your boss!"),
        (2, "timer:AcknowledgementDue", "escalation climbed", "no answer from sam"),
        (3, "mia", "escalation acknowledged", ""),
        (4, "sam", "escalation noted", "Näher ansehen"),
        (5, "mia", "escalation handed back", "offer a credit"),
    ]


def test_change_without_event_counts_version_only() -> None:
    harness = ContactHarness()
    harness.receive()
    harness.ask_for_supervisor()
    assert harness.escalation is not None
    changed, new = audit_trail.append_entries(harness.escalation, [], "event:x")
    assert (changed.version, new, changed.trail.hash) == (1, [], "")


def test_entry_as_read_from_database_has_same_hash() -> None:
    """With keys in another order, and the time in another zone."""
    for entry in WHOLE.entries:
        shuffled = dict(sorted(entry.data.items(), key=lambda item: item[0][::-1]))
        there = entry.at.astimezone(timezone(timedelta(hours=5, minutes=45)))
        back = replace(entry, data=orjson.loads(orjson.dumps(shuffled)), at=there)
        assert back.digest() == entry.hash


OTHER_TEXT = st.text(min_size=1, max_size=8)


@given(n=positions, other=st.data())
def test_change_of_any_field_is_found(n: int, other: st.DataObject) -> None:
    entry = WHOLE.entries[n]
    field = other.draw(
        st.sampled_from(
            [
                "actor",
                "action",
                "reason",
                "previous",
                "hash",
                "number",
                "escalation_id",
                "contact_id",
                "at",
            ]
        )
    )
    values: dict[str, st.SearchStrategy[object]] = {
        "number": st.integers(1, 99),
        "at": st.timedeltas().map(lambda far: datetime(2026, 1, 1, tzinfo=UTC) + far / 10**9),
        "escalation_id": OTHER_TEXT.map(EscalationId),
        "contact_id": OTHER_TEXT.map(ContactId),
    }
    value = other.draw(values.get(field, OTHER_TEXT))
    if value == getattr(entry, field):
        return
    assert list(audit_trail.find_breaks(with_entry(n, changed(entry, {field: value}))))


@given(n=positions, other=st.data())
def test_change_of_anything_in_the_event_is_found(n: int, other: st.DataObject) -> None:
    entry = WHOLE.entries[n]
    key = other.draw(st.sampled_from([*entry.data, "new"]))
    value = other.draw(st.none() | st.integers(-(2**63), 2**63) | OTHER_TEXT)
    if key in entry.data and entry.data[key] == value:
        return
    assert list(
        audit_trail.find_breaks(with_entry(n, replace(entry, data={**entry.data, key: value})))
    )


@given(n=positions, field=st.sampled_from(["actor", "reason"]), value=OTHER_TEXT)
def test_resealed_change_breaks_next_entry(n: int, field: str, value: str) -> None:
    entry = WHOLE.entries[n]
    if value == getattr(entry, field):
        return
    forged = changed(entry, {field: value}).sealed()
    assert list(audit_trail.find_breaks(with_entry(n, forged)))


@given(n=positions)
def test_removed_entry_is_found(n: int) -> None:
    cut = replace(WHOLE, entries=(*WHOLE.entries[:n], *WHOLE.entries[n + 1 :]))
    assert list(audit_trail.find_breaks(cut))


@given(length=st.integers(0, len(WHOLE.entries) - 1))
def test_removed_tail_is_found(length: int) -> None:
    (length_differs, _) = audit_trail.find_breaks(replace(WHOLE, entries=WHOLE.entries[:length]))
    assert f"has 5 entries, but {length} are there" in length_differs.detail


@given(order=st.permutations(WHOLE.entries))
def test_reordered_entries_are_found(order: list[TrailEntry]) -> None:
    swapped = [
        replace(entry, number=n, previous=order[n - 2].hash if n > 1 else "")
        for n, entry in enumerate(order, start=1)
    ]
    intact = not list(audit_trail.find_breaks(replace(WHOLE, entries=tuple(swapped))))
    assert intact == (order == list(WHOLE.entries))


def test_break_names_entry_and_finding() -> None:
    (broken,) = audit_trail.find_breaks(
        with_entry(1, replace(WHOLE.entries[1], reason="nothing to see"))
    )
    assert (broken.number, broken.detail) == (2, "its content does not match its hash")


@pytest.mark.parametrize("field", ["length", "head"])
def test_stored_head_must_match_entries(field: str) -> None:
    forged: dict[str, Any] = {field: 9 if field == "length" else "0" * 64}
    assert len(list(audit_trail.find_breaks(replace(WHOLE, **forged)))) == 1
