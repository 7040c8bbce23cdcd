"""The report of `simulate`, as text and as JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import orjson

from escalation.domain.simulation import Assumptions, Totals
from escalation.domain.wording import STAMP


@dataclass(frozen=True, slots=True)
class Window:
    """Contacts received from `since` on, and their events before `until`."""

    since: datetime
    until: datetime


def render_report(
    totals: Mapping[str, Totals], window: Window, assumptions: Assumptions
) -> Iterator[str]:
    """Yield the report line by line, one table per configuration."""
    answers = (
        "nobody answers"
        if assumptions.answer_after is None
        else f"the first person paged answers after {assumptions.answer_after.total_seconds():g} s"
    )
    since, until = format(window.since, STAMP), format(window.until, STAMP)
    yield f"contacts received from {since}, events before {until}; assumed: {answers}"
    for name, total in totals.items():
        yield ""
        yield f"{name}: {total.contacts:,} contacts, {total.clocks:,} clocks"
        if total.without_policy:
            yield f"  {total.without_policy:,} contacts match no policy"
        yield from _targets(total)
        yield from _people(total)


def _targets(total: Totals) -> Iterator[str]:
    yield f"  {'clock':<16} {'policy':<20} {'started':>10} {'met':>10} {'breached':>10}    share"
    for clock, policy in sorted(total.started):
        started, breached = total.started[clock, policy], total.breached[clock, policy]
        met, share = total.met_in_time[clock, policy], breached / started
        yield f"  {clock:<16} {policy:<20} {started:>10,} {met:>10,} {breached:>10,} {share:>8.1%}"
    for breach in total.breaches:
        yield f"    {breach.clock} of {breach.contact_id}, due {breach.due_at:{STAMP}}"
    if (more := total.breached.total() - len(total.breaches)) > 0:
        yield f"    and {more:,} more"


def _people(total: Totals) -> Iterator[str]:
    raised = ", ".join(f"{cause} {count:,}" for cause, count in total.escalations.most_common())
    yield f"  escalations: {total.escalations.total():,}{f' ({raised})' if raised else ''}"
    if total.levels:
        levels = ", ".join(f"{level} {count:,}" for level, count in total.levels.most_common())
        yield f"  reached: {levels}; whole ladder unanswered: {total.unanswered:,}"
    pages = sorted(total.pages.items())
    for person, group in groupby(pages, key=lambda page: page[0][0]):
        reasons = [(reason, count) for (_, reason), count in group]
        listed = ", ".join(f"{reason} {count:,}" for reason, count in reasons)
        yield f"  paged: {person} {sum(count for _, count in reasons):,} times ({listed})"


def render_json(totals: Mapping[str, Totals]) -> bytes:
    document = {
        name: {
            "contacts": total.contacts,
            "started": total.clocks,
            "without_policy": total.without_policy,
            "clocks": [
                {
                    "clock": clock,
                    "policy": policy,
                    "started": total.started[clock, policy],
                    "met": total.met_in_time[clock, policy],
                    "breached": total.breached[clock, policy],
                }
                for clock, policy in sorted(total.started)
            ],
            "escalations": dict(total.escalations),
            "levels": dict(total.levels),
            "unanswered": total.unanswered,
            "pages": [
                {"person_id": person, "reason": reason, "pages": count}
                for (person, reason), count in sorted(total.pages.items())
            ],
            "first_breaches": total.breaches,
        }
        for name, total in totals.items()
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)
