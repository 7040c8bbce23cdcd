"""The texts of reasons, explanations and errors."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, assert_never

from common.contracts.clocks import ClockName
from common.contracts.event import PersonId
from common.contracts.vacancies import Vacancy, VacancyCode
from common.core.durations import duration_text
from escalation.domain.model import (
    Escalation,
    SlaClock,
    Threshold,
)
from escalation.domain.settings.policies import threshold_offset_s

_VACANCIES: Final[Mapping[VacancyCode, str]] = {
    "nobody-on-duty": "nobody on duty at {level}",
    "no-representative": "{level}: no representative yet",
    "no-superior": "{level}: {people} has no superior",
    "no-team": "{level}: no team yet",
    "team-unknown": "{level}: team {team} is not known",
    "has-left": "{level}: {people} has left",
    "absent": "{level}: {people} is absent",
    "complaint-about": "{level}: a complaint is about {people}",
    "asked-already": "only {people} at {level}",
    "line-managers": "{people} may not judge their own representative alone",
}
_ALL_ABSENT: Final = "{level}: all absent ({people})"
STAMP = "%Y-%m-%d %H:%M:%S UTC"


def missed(clock: SlaClock) -> str:
    """Say what is missing, by which policy: `No reply within 10 s (policy gold v3)`."""
    within = f"{duration_text(clock.target_s)}{_of_calendar(clock)}"
    return f"{_undone(clock.name)} within {within} (policy {clock.policy})"


def at_stake(clock: SlaClock, threshold: Threshold) -> str:
    """Say how a clock stands at one of its thresholds: before, at or after its deadline."""
    offset_s = threshold_offset_s(clock.target_s, threshold.percent, threshold.offset_s)
    beyond = offset_s - clock.target_s
    if beyond < 0:
        passed = duration_text(clock.target_s + beyond)
        target = f"{duration_text(clock.target_s)}{_of_calendar(clock)}"
        return f"{_undone(clock.name)} after {passed} of {target} (policy {clock.policy})"
    return missed(clock) if beyond == 0 else f"{missed(clock)}, nor {duration_text(beyond)} later"


def _undone(clock: ClockName) -> str:
    match clock:
        case "assignment":
            return "Not assigned"
        case "first_response":
            return "No reply"
        case "next_response":
            return "No reply to the customer's last message"
        case "periodic_update":
            return "No update for the customer"
        case "resolution":
            return "Not resolved"
        case "acknowledgement":
            return "Nobody upstairs has acknowledged"
        case _:
            assert_never(clock)


def _of_calendar(clock: SlaClock) -> str:
    return "" if clock.calendar is None else f" of calendar {clock.calendar}"


def money(amount: Decimal, currency: str) -> str:
    return f"{amount:f} {currency}"


def state(escalation: Escalation) -> str:
    """Say how it stands: `acknowledged by sam`."""
    if escalation.approval is not None:
        return f"waiting for an approval that {escalation.approval.asked_by} asked for"
    by = f" by {escalation.holder}" if escalation.holder else ""
    return escalation.state.replace("_", " ") + by


def unanswered(escalation: Escalation) -> str | None:
    """Say who did not answer, and whom no message reached: `dana not reached (no such user)`."""
    failures = {page.person_id: page.failure for page in escalation.pages if page.failure}
    silent = people(person for person in escalation.awaited if person not in failures)
    unreached = (
        # What follows a colon in an explanation is taken for the words of a colleague.
        f"{person} not reached ({failures[person].replace(': ', ', ')})"
        for person in escalation.awaited
        if person in failures
    )
    return joined(f"no answer from {silent}" if silent else None, *unreached)


def joined(*texts: str | None) -> str | None:
    return "; ".join(text for text in texts if text) or None


def vacancy(of: Vacancy) -> str:
    """Say why a level has nobody, or fewer people: `supervisors: sam is absent`."""
    template = _ALL_ABSENT if of.code == "absent" and len(of.people) > 1 else _VACANCIES[of.code]
    text = template.format(level=of.level_name, people=people(of.people), team=of.setting_id)
    return f"{text}: {people(of.also_asked)} asked too" if of.also_asked else text


def done(clock: ClockName) -> str:
    """Say what was done: `first reply sent`."""
    match clock:
        case "assignment":
            return "assigned"
        case "first_response":
            return "first reply sent"
        case "next_response":
            return "reply sent"
        case "periodic_update":
            return "update sent"
        case "resolution":
            return "resolved"
        case "acknowledgement":
            return "acknowledged"
        case _:
            assert_never(clock)


def met(
    escalation: Escalation,
    late: Sequence[ClockName],
    in_time: Sequence[ClockName],
    off_stake: Sequence[ClockName] = (),
) -> str:
    """Say what became of the reasons: `first reply sent late; it stays at supervisors`."""
    outcome = ", ".join(
        (
            *(f"{done(clock)} late" for clock in late),
            *(f"{done(clock)} in time" for clock in in_time),
            *(f"{clock.replace('_', ' ')} no longer at stake" for clock in off_stake),
        )
    )
    if escalation.ladder.body.when_met == "close":
        return outcome
    return f"{outcome}; it stays at {escalation.level_name} until somebody acknowledges it"


def people(persons: Iterable[PersonId]) -> str:
    return ", ".join(persons)
