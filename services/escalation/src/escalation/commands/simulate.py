"""Tries drafts of policies, ladders and schedules on the past, on all cores, and says what came.

It reads `facts` as one moment shows them and writes nothing.
"""

import gc
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.contracts import EVENTS
from common.contracts.event import ContactId, Event
from escalation.domain.settings.registry import Configuration, Setting, Versioned
from escalation.domain.simulation import MEANINGS, Habits, Tally, tally
from escalation.domain.wording import STAMP
from escalation.store.unit_of_work import KINDS

_CHUNK = 500
# Chunks that wait for a core: enough to keep all busy, and no more in memory.
_AHEAD = 4

_TYPES: Mapping[str, type[Event]] = {kind.type: kind for kind in EVENTS if kind in MEANINGS}
_MAPS: Mapping[str, str] = {
    "sla-policies": "policies",
    "calendars": "calendars",
    "ladders": "ladders",
    "duty-schedules": "schedules",
    "people": "people",
    "teams": "teams",
}

Facts = Sequence[tuple[str, str]]
Chunk = list[tuple[ContactId, Facts]]


class BadDraftError(Exception):
    """A draft can't be put in force."""


@dataclass(frozen=True, slots=True)
class Window:
    """Contacts received from `since` on, and what happened to them before `until`."""

    since: datetime
    until: datetime


def with_drafts(configuration: Configuration, drafts: Sequence[str]) -> Configuration:
    """Put `kind/id=file` into the configuration, each as its next version; raises BadDraft."""
    settings: list[tuple[str, str, Setting]] = []
    for draft in drafts:
        name, equals, path = draft.partition("=")
        kind, slash, setting_id = name.partition("/")
        types = {listed: setting for setting, listed in KINDS.items() if listed in _MAPS}
        if not (equals and slash and kind in types):
            message = f"{draft}: give kind/id=file, with a kind of {', '.join(types)}"
            raise BadDraftError(message)
        body = _read(types[kind], path)
        settings.append((name, setting_id, body))
        configuration = _with(configuration, kind, setting_id, body)
    for name, setting_id, body in settings:
        for place, what in configuration.faults(setting_id, body):
            message = f"{name}: {place}: {what}"
            raise BadDraftError(message)
    return configuration


def _read(kind: type[Any], path: str) -> Any:
    try:
        return TypeAdapter(kind).validate_json(Path(path).read_bytes())
    except OSError as error:
        message = f"{path}: {error.strerror}"
        # Without its cause, which would pass for an error of the network.
        raise BadDraftError(message) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(map(str, first["loc"]))
        message = f"{path}: {place}: {first['msg']}"
        raise BadDraftError(message) from error


def _with(configuration: Configuration, kind: str, setting_id: str, body: Any) -> Configuration:
    known: Mapping[str, Versioned[Any]] = getattr(configuration, _MAPS[kind])
    version = known[setting_id].version + 1 if setting_id in known else 1
    draft = Versioned(setting_id, version, body)
    changed: dict[str, Any] = {_MAPS[kind]: {**known, setting_id: draft}}
    return replace(configuration, **changed)


async def simulate(
    connection: AsyncConnection,
    window: Window,
    configurations: Sequence[Configuration],
    habits: Habits,
    processes: int | None = None,
) -> list[Tally]:
    """Return what would have come of the window's contacts under each of the configurations."""
    totals = [Tally() for _ in configurations]
    # It only reads, and at our pace.
    await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    # A fork would take the connections along.
    with ProcessPoolExecutor(
        processes or os.cpu_count(),
        mp_context=get_context("forkserver"),
        initializer=_begin,
        initargs=(configurations, window.until, habits),
    ) as pool:
        waiting: list[Future[list[Tally]]] = []
        async for chunk in _chunks(connection, window):
            waiting.append(pool.submit(_play, chunk))
            if len(waiting) >= _AHEAD * (processes or os.cpu_count() or 1):
                _gather(waiting.pop(0), totals)
        for one in waiting:
            _gather(one, totals)
    return totals


def _gather(done: "Future[list[Tally]]", totals: Sequence[Tally]) -> None:
    for total, part in zip(totals, done.result(), strict=True):
        total.add(part)


async def _chunks(connection: AsyncConnection, window: Window) -> AsyncIterator[Chunk]:
    """Yield contacts, each with its facts in the order in which they happened."""
    values = {"since": window.since, "until": window.until, "types": list(_TYPES)}
    async with connection.stream(_FACTS, values) as rows:
        async for part in rows.partitions(_CHUNK):
            yield [
                (ContactId(contact_id), list(zip(types, data, strict=True)))
                for contact_id, types, data in part
            ]


_given: list[tuple[Sequence[Configuration], datetime, Habits]] = []


def _begin(configurations: Sequence[Configuration], until: datetime, habits: Habits) -> None:
    _given.append((configurations, until, habits))
    # Nothing that a play leaves behind is in a cycle.
    gc.disable()


def _play(chunk: Chunk) -> list[Tally]:
    configurations, until, habits = _given[-1]
    contacts = [(contact_id, list(map(_event, facts))) for contact_id, facts in chunk]
    return [tally(contacts, configuration, until, habits) for configuration in configurations]


def _event(fact: tuple[str, str]) -> Event:
    kind, data = fact
    return _TYPES[kind].model_validate_json(data)


def told(totals: Mapping[str, Tally], window: Window, habits: Habits) -> Iterator[str]:
    """Say it in lines, one table for each of what was tried."""
    answers = (
        "nobody answers"
        if habits.answer_after is None
        else f"whoever is asked first answers after {habits.answer_after.total_seconds():g} s"
    )
    since, until = format(window.since, STAMP), format(window.until, STAMP)
    yield f"contacts received from {since} on, up to before {until}; taken: {answers}"
    for name, total in totals.items():
        yield ""
        yield f"{name}: {total.contacts:,} contacts, {total.clocks:,} clocks"
        if total.without_policy:
            yield f"  {total.without_policy:,} contacts match no policy"
        yield from _promises(total)
        yield from _people(total)


def _promises(total: Tally) -> Iterator[str]:
    yield f"  {'clock':<16} {'policy':<20} {'promised':>10} {'kept':>10} {'broken':>10}    share"
    for clock, policy in sorted(total.promised):
        promised, broken = total.promised[clock, policy], total.broken[clock, policy]
        kept, share = total.kept[clock, policy], broken / promised
        yield f"  {clock:<16} {policy:<20} {promised:>10,} {kept:>10,} {broken:>10,} {share:>8.1%}"
    for breach in total.breaches:
        yield f"    {breach.clock} of {breach.contact_id}, due {breach.due_at:{STAMP}}"
    if (more := total.broken.total() - len(total.breaches)) > 0:
        yield f"    and {more:,} more"


def _people(total: Tally) -> Iterator[str]:
    raised = ", ".join(f"{cause} {count:,}" for cause, count in total.escalations.most_common())
    yield f"  escalations: {total.escalations.total():,}{f' ({raised})' if raised else ''}"
    if total.levels:
        levels = ", ".join(f"{level} {count:,}" for level, count in total.levels.most_common())
        yield f"  reached: {levels}; the whole ladder in vain: {total.unanswered:,}"
    pages = sorted(total.pages.items())
    for person, counted in groupby(pages, key=lambda one: one[0][0]):
        reasons = [(reason, count) for (_, reason), count in counted]
        listed = ", ".join(f"{reason} {count:,}" for reason, count in reasons)
        yield f"  paged: {person} {sum(count for _, count in reasons):,} times ({listed})"


def as_json(totals: Mapping[str, Tally]) -> bytes:
    shown = {
        name: {
            "contacts": total.contacts,
            "clocks": total.clocks,
            "without_policy": total.without_policy,
            "promises": [
                {
                    "clock": clock,
                    "policy": policy,
                    "promised": total.promised[clock, policy],
                    "kept": total.kept[clock, policy],
                    "broken": total.broken[clock, policy],
                }
                for clock, policy in sorted(total.promised)
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
    return orjson.dumps(shown, option=orjson.OPT_INDENT_2)


# Of each contact that was received in the window all that happened to it before the window's end.
_FACTS = text("""
    SELECT CAST(contact_id AS text), array_agg(type ORDER BY at, event_id),
           array_agg(CAST(data AS text) ORDER BY at, event_id)
    FROM facts
    WHERE at >= :since AND at < :until AND type = ANY(:types)
    GROUP BY facts.contact_id HAVING bool_or(type = 'upstairs.contact_received.v1')
    ORDER BY facts.contact_id
""")
