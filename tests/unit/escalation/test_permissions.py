"""What a person may do with an escalation: nothing is refused that is permitted, nor vice versa."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from hypothesis import settings
from hypothesis.stateful import invariant

from common.contracts.event import PersonId, Role
from escalation.domain import errors
from escalation.domain.escalations import actions, approvals
from escalation.domain.escalations.permissions import Action, Permission, permissions_of
from escalation.domain.model import Escalation
from escalation.domain.money import ProposedOutcome
from escalation.domain.situation import Decision, Situation
from unit.escalation.action_examples import resolve_with_refund, settings_with
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import DAN, KIM, MIA, RITA, SAM
from unit.escalation.test_combined_state_machine import ROLES, CombinedMachine

Act = Callable[[Situation, PersonId, Role], Decision]
# Each with a body that is valid whenever the action is permitted.
ACTS: Final[dict[Action, Act]] = {
    "acknowledge": lambda situation, by, _role: actions.acknowledge(situation, by),
    "take-over": lambda situation, by, _role: actions.take_over(situation, by),
    "renew": lambda situation, by, _role: actions.renew_lease(situation, by),
    "snooze": lambda situation, by, _role: actions.snooze(
        situation, by, situation.at + timedelta(seconds=1), "lunch"
    ),
    "note": lambda situation, by, _role: actions.add_note(situation, by, "called"),
    "request-coaching": lambda situation, by, _role: actions.request_coaching(
        situation, by, RITA, "listen"
    ),
    "mediate": lambda situation, by, _role: actions.mediate(situation, by, "a", "b", "c"),
    "hand-back": lambda situation, by, _role: actions.hand_back(situation, by, "so"),
    "refer-up": lambda situation, by, _role: actions.refer_up(situation, by, "higher"),
    "resolve": lambda situation, by, role: approvals.resolve(
        situation, by, role, ProposedOutcome("apology", "sorry")
    ),
    "approve": approvals.approve,
    "refuse": lambda situation, by, role: approvals.refuse(situation, by, role, "too much"),
}
# Of these a repetition changes nothing, so that it is not permitted.
ONCE: Final = ("acknowledge", "take-over")


def permission(
    situation: Situation, escalation: Escalation, action: Action, by: PersonId, role: Role
) -> Permission:
    permissions = permissions_of(situation, escalation, by, role)
    return next(each for each in permissions if each.action == action)


def refusal(act: Callable[[], Decision]) -> str | None:
    try:
        act()
    except (errors.RefusedError, errors.ForbiddenError) as error:
        return error.code
    return None


class PermissionMachine(CombinedMachine):
    """Whatever has happened, each action does what its permission says."""

    @invariant()
    def permissions_agree_with_what_the_actions_do(self) -> None:
        situation, escalation = self.harness.situation, self.harness.escalation
        for by, role in ROLES.items():
            if escalation is not None:
                for action, act in ACTS.items():
                    shown = permission(situation, escalation, action, by, role)
                    refused = refusal(partial(act, situation, by, role))
                    if action in ONCE and shown.code == "held-by-you":
                        assert refused is None or escalation.holder == by
                    else:
                        assert shown.code == refused, (action, by, shown)
            for ended in self.harness.ended[-1:]:
                shown = permission(situation, ended, "reopen", by, role)
                act = partial(actions.reopen_escalation, situation, ended, by, "again")
                if escalation is None:
                    assert shown.code == refusal(act)


PermissionMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestPermissionMachine = PermissionMachine.TestCase


def raised() -> ContactHarness:
    harness = ContactHarness(settings=settings_with())
    harness.receive()
    harness.ask_for_supervisor()
    return harness


def codes(harness: ContactHarness, by: PersonId, role: Role = "supervisor") -> dict[str, str]:
    """Return what `by` may not do, and why."""
    permissions = permissions_of(harness.situation, harness.open_escalation, by, role)
    return {each.action: each.code for each in permissions if each.code is not None}


def test_every_action_has_one_permission_whether_open_or_ended() -> None:
    harness = raised()
    permissions = permissions_of(harness.situation, harness.open_escalation, SAM, "supervisor")
    assert {each.action for each in permissions} == {*ACTS, "hand-over", "reopen"}
    assert len(permissions) == len(ACTS) + 2
    harness.act(SAM, actions.acknowledge)
    harness.act(SAM, actions.hand_back, guidance="so")
    permissions = permissions_of(harness.situation, harness.ended[-1], SAM, "supervisor")
    assert [each.action for each in permissions if each.allowed] == ["reopen"]


def test_holder_may_work_on_it_and_others_may_only_note() -> None:
    harness = raised()
    assert codes(harness, KIM).keys().isdisjoint({"acknowledge", "take-over", "note", "refer-up"})
    harness.act(SAM, actions.acknowledge)
    assert codes(harness, KIM)["take-over"] == "held-by-other"
    assert "note" not in codes(harness, KIM)
    mine = codes(harness, SAM)
    assert mine == {
        "acknowledge": "held-by-you",
        "approve": "wrong-state",
        "refuse": "wrong-state",
        "reopen": "wrong-state",
    }


def test_approval_is_for_others_within_their_limit() -> None:
    harness = raised()
    harness.act(SAM, actions.acknowledge)
    resolve_with_refund(harness, SAM, 500)
    assert codes(harness, SAM)["approve"] == "own-request"
    assert codes(harness, KIM)["approve"] == "limit-exceeded"
    assert codes(harness, MIA, "manager").keys().isdisjoint({"approve", "refuse"})
    assert "refuse" not in codes(harness, SAM), "who asks may take it back"


def test_refusal_says_why_in_words_too() -> None:
    harness = raised()
    harness.act(SAM, actions.acknowledge)
    shown = permission(harness.situation, harness.open_escalation, "take-over", DAN, "manager")
    assert (shown.allowed, shown.detail) == (False, "It is acknowledged by sam.")
