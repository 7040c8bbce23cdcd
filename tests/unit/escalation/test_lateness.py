"""Each deadline that was noticed says which it was, by whose policy, and how late."""

from functools import partial

from common.contracts.escalations import EscalationClimbed
from escalation.domain.escalations import actions
from escalation.domain.lateness import Noticed, noticed
from unit.escalation.desk import MIA, SAM, Desk


def of(desk: Desk) -> list[Noticed]:
    return [one for one in map(noticed, desk.published) if one is not None]


def test_a_clock_is_late_by_its_policy_and_its_name() -> None:
    desk = Desk()
    desk.receive()
    desk.wait_until(4.5, lag=0.02)
    assert of(desk) == [
        Noticed("gold", "assignment", 20),
        Noticed("gold", "assignment", 20),
    ]


def test_an_escalation_waits_for_an_answer_and_then_for_the_end_of_a_lease() -> None:
    desk = Desk()
    desk.receive()
    desk.assign()
    desk.refer()
    desk.wait_until(6, lag=0.03)
    assert of(desk)[-1] == Noticed(None, "acknowledgement_due", 30)
    desk.press(MIA)
    desk.wait_until(27, lag=0.01)
    assert of(desk)[-1] == Noticed(None, "lease", 10)


def test_what_a_person_sends_up_was_not_late() -> None:
    desk = Desk()
    desk.receive()
    desk.assign()
    desk.refer()
    desk.do(partial(actions.refer_up, by=SAM, reason="above my limit"))
    assert desk.the(EscalationClimbed).to_level == 1
    assert of(desk) == []
