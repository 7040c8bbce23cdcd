"""An outside system that fails in a row is not called for a while, but for a trial now and then."""

from datetime import timedelta

import pytest

from notifier.domain import circuits
from notifier.domain.circuits import Circuit, CircuitPolicy
from notifier.domain.delivery import Outcome, Postponed, Refused, Sent, Unknown
from unit.notifier.examples import AT

POLICY = CircuitPolicy(failures=5, messages=3)
SECOND = timedelta(seconds=1)
DOWN = Postponed("Slack answered 503")


def after(*calls: tuple[str, Outcome], circuit: Circuit | None = None) -> Circuit:
    circuit = circuit or Circuit()
    for message, outcome in calls:
        circuit = circuits.record(circuit, message, outcome, POLICY, 1, AT)
    return circuit


def test_failures_in_a_row_of_several_messages_open_it() -> None:
    unanswered: tuple[str, Outcome] = ("b", Unknown("no answer"))
    failures = [("a", DOWN), unanswered, ("c", DOWN), ("a", DOWN)]
    assert not after(*failures).is_open
    opened = after(*failures, ("b", DOWN))
    assert opened.open_since == AT
    assert opened.reason == "Slack answered 503"


def test_message_that_fails_again_and_again_does_not_open_it() -> None:
    assert not after(*[("a", DOWN)] * 50, *[("b", DOWN)] * 50).is_open


@pytest.mark.parametrize(
    "answer",
    [Sent({}), Refused("no such channel"), Postponed("429", SECOND, works=True)],
    ids=["sent", "refused", "asked to wait"],
)
def test_answer_shows_that_it_works(answer: Outcome) -> None:
    failures = [(name, DOWN) for name in "abcd"]
    assert not after(*failures, ("e", answer), *failures).is_open


def test_only_one_call_at_a_time_finds_out_whether_it_works_again() -> None:
    opened = after(*((name, DOWN) for name in "abcde"))
    assert not opened.may_probe(AT + 4.9 * SECOND)
    assert opened.may_probe(AT + 5 * SECOND)
    probing = circuits.begin_probe(opened)
    assert not probing.may_probe(AT + 5 * SECOND)
    assert not after(("f", Sent({})), circuit=probing).is_open


def test_pause_doubles_after_each_probe_that_fails_up_to_a_bound() -> None:
    circuit, pauses = after(*((name, DOWN) for name in "abcde")), []
    for _ in range(6):
        assert circuit.probe_at
        pauses.append((circuit.probe_at - AT).total_seconds())
        circuit = after(("f", DOWN), circuit=circuits.begin_probe(circuit))
    assert pauses == [5, 10, 20, 40, 60, 60]
    assert circuit.open_since == AT


def test_late_outcome_of_a_call_from_before_does_not_move_the_probe() -> None:
    opened = after(*((name, DOWN) for name in "abcde"))
    assert after(("g", DOWN), circuit=opened).probe_at == opened.probe_at


def test_zero_failures_never_open_it() -> None:
    circuit = Circuit()
    for number in range(50):
        circuit = circuits.record(circuit, str(number), DOWN, CircuitPolicy(failures=0), 1, AT)
    assert not circuit.is_open
