"""No step of an escalation can be changed, cut off or swapped without being found."""

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
from escalation.domain.audit_trail import Chain, TrailStep
from escalation.domain.escalations import actions
from escalation.domain.model import Escalation
from unit.escalation.desk import MIA, SAM, Desk


def told() -> Chain:
    """Return the chain of a contact that goes up, is worked on and is handed back."""
    desk = Desk()
    desk.receive()
    desk.assign()
    desk.ask_for_supervisor()
    desk.wait_until(5)
    desk.press(MIA)
    desk.do(partial(actions.note, by=SAM, text="Näher ansehen"))
    desk.do(partial(actions.hand_back, by=MIA, guidance="offer a credit"))
    return chain_of(desk, "timer:AcknowledgementDue")


def chain_of(desk: Desk, cause: str) -> Chain:
    """Write what the desk published, each event in a transaction of its own."""
    escalation = replace(desk.past[-1], version=0)
    steps: list[TrailStep] = []
    for event in desk.published:
        if isinstance(event, EscalationsOwnEvent):
            by = cause if not hasattr(event, "by") else "supervisor:somebody"
            escalation, new = audit_trail.written(escalation, [event], by)
            steps += new
    return chain(escalation, steps)


def chain(escalation: Escalation, steps: list[TrailStep]) -> Chain:
    return Chain(
        escalation.escalation_id, escalation.trail_length, escalation.trail_hash, tuple(steps)
    )


WHOLE = told()
steps = st.integers(0, len(WHOLE.steps) - 1)


def with_step(n: int, changed: TrailStep) -> Chain:
    return replace(WHOLE, steps=(*WHOLE.steps[:n], changed, *WHOLE.steps[n + 1 :]))


def changed(step: TrailStep, fields: dict[str, Any]) -> TrailStep:
    return replace(step, **fields)


def test_what_was_written_is_intact_and_says_who_what_and_why() -> None:
    assert list(audit_trail.breaks(WHOLE)) == []
    assert [(step.step, step.who, step.what, step.why) for step in WHOLE.steps] == [
        (1, "timer:AcknowledgementDue", "escalation raised", 'Customer: "Your boss!"'),
        (2, "timer:AcknowledgementDue", "escalation climbed", "no answer from sam"),
        (3, "mia", "escalation acknowledged", ""),
        (4, "sam", "escalation noted", "Näher ansehen"),
        (5, "mia", "escalation handed back", "offer a credit"),
    ]


def test_a_change_that_is_no_step_counts_as_a_change() -> None:
    desk = Desk()
    desk.receive()
    desk.ask_for_supervisor()
    assert desk.escalation is not None
    changed, new = audit_trail.written(desk.escalation, [], "event:x")
    assert (changed.version, new, changed.trail_hash) == (1, [], "")


def test_as_a_database_gives_it_back_it_is_the_same() -> None:
    """With keys in another order, and the time in another zone."""
    for step in WHOLE.steps:
        shuffled = dict(sorted(step.data.items(), key=lambda item: item[0][::-1]))
        there = step.at.astimezone(timezone(timedelta(hours=5, minutes=45)))
        back = replace(step, data=orjson.loads(orjson.dumps(shuffled)), at=there)
        assert back.digest() == step.hash


OTHER_TEXT = st.text(min_size=1, max_size=8)


@given(n=steps, other=st.data())
def test_a_change_of_any_field_is_found(n: int, other: st.DataObject) -> None:
    step = WHOLE.steps[n]
    field = other.draw(
        st.sampled_from(
            ["who", "what", "why", "previous", "hash", "step", "escalation_id", "contact_id", "at"]
        )
    )
    values: dict[str, st.SearchStrategy[object]] = {
        "step": st.integers(1, 99),
        "at": st.timedeltas().map(lambda far: datetime(2026, 1, 1, tzinfo=UTC) + far / 10**9),
        "escalation_id": OTHER_TEXT.map(EscalationId),
        "contact_id": OTHER_TEXT.map(ContactId),
    }
    value = other.draw(values.get(field, OTHER_TEXT))
    if value == getattr(step, field):
        return
    assert list(audit_trail.breaks(with_step(n, changed(step, {field: value}))))


@given(n=steps, other=st.data())
def test_a_change_of_anything_in_the_event_is_found(n: int, other: st.DataObject) -> None:
    step = WHOLE.steps[n]
    key = other.draw(st.sampled_from([*step.data, "new"]))
    value = other.draw(st.none() | st.integers(-(2**63), 2**63) | OTHER_TEXT)
    if key in step.data and step.data[key] == value:
        return
    assert list(audit_trail.breaks(with_step(n, replace(step, data={**step.data, key: value}))))


@given(n=steps, field=st.sampled_from(["who", "why"]), value=OTHER_TEXT)
def test_sealing_a_change_anew_breaks_the_step_after(n: int, field: str, value: str) -> None:
    step = WHOLE.steps[n]
    if value == getattr(step, field):
        return
    forged = changed(step, {field: value}).sealed()
    assert list(audit_trail.breaks(with_step(n, forged)))


@given(n=steps)
def test_a_step_that_was_taken_out_is_found(n: int) -> None:
    cut = replace(WHOLE, steps=(*WHOLE.steps[:n], *WHOLE.steps[n + 1 :]))
    assert list(audit_trail.breaks(cut))


@given(length=st.integers(0, len(WHOLE.steps) - 1))
def test_a_tail_that_was_cut_off_is_found(length: int) -> None:
    (length_differs, _) = audit_trail.breaks(replace(WHOLE, steps=WHOLE.steps[:length]))
    assert f"knows of 5 steps, and {length} are there" in length_differs.what


@given(order=st.permutations(WHOLE.steps))
def test_steps_in_another_order_are_found(order: list[TrailStep]) -> None:
    swapped = [
        replace(step, step=n, previous=order[n - 2].hash if n > 1 else "")
        for n, step in enumerate(order, start=1)
    ]
    intact = not list(audit_trail.breaks(replace(WHOLE, steps=tuple(swapped))))
    assert intact == (order == list(WHOLE.steps))


def test_a_break_says_where_and_what() -> None:
    (broken,) = audit_trail.breaks(with_step(1, replace(WHOLE.steps[1], why="nothing to see")))
    assert (broken.step, broken.what) == (2, "its content is not what its hash was made of")


@pytest.mark.parametrize("field", ["length", "head"])
def test_the_head_is_held_against_the_steps(field: str) -> None:
    forged: dict[str, Any] = {field: 9 if field == "length" else "0" * 64}
    assert len(list(audit_trail.breaks(replace(WHOLE, **forged)))) == 1
