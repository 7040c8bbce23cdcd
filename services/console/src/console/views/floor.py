"""The screen Floor: which customers wait, and who can take more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from console.texts import mark
from console.views.adjustments import AdjustmentView, adjustment_view
from console.views.countdown import Tone
from console.views.counters import Counter
from console.views.languages import language_name
from console.views.reader import Reader
from console.views.words import service_names

# From here on the longest wait of a queue is marked.
_LONG_WAIT_S: Final = 60
# How they stand on the screen: first who can take more.
Group = Literal["free", "full", "away", "offline"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
GROUP_TITLES: Final[Mapping[Group, str]] = {
    "free": mark("Can take more"),
    "full": mark("Can take no more"),
    "away": mark("Away"),
    "offline": mark("Offline"),
}
PRESENCES: Final[Mapping[str, str]] = {
    "available": mark("available"),
    "away": mark("away"),
    "offline": mark("offline"),
}


@dataclass(frozen=True, slots=True)
class QueueRow:
    """`note` says what is wrong with the queue, and `for_teams` how many wait for one team only."""

    queue: str
    name: str
    waiting: int
    oldest: str | None
    oldest_tone: Tone
    free_places: int
    available: int
    note: str | None
    for_teams: str | None

    @property
    def needs_attention(self) -> bool:
        return self.waiting > 0 or self.note is not None


@dataclass(frozen=True, slots=True)
class PersonRow:
    """`longest` is how long the oldest contact of the person has been theirs."""

    person: str
    url: str
    name: str
    team: str
    presence: str
    presence_text: str
    since: str
    reason: str | None
    load: int
    capacity: int
    free_places: int
    longest: str | None
    missed_today: int
    adjustment: AdjustmentView | None


@dataclass(frozen=True, slots=True)
class PersonGroup:
    group: Group
    title: str
    rows: tuple[PersonRow, ...]


@dataclass(frozen=True, slots=True)
class FloorData:
    """What the services answered; None for one that did not."""

    queues: Sequence[Mapping[str, Any]] | None
    representatives: Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True, slots=True)
class FloorView:
    """`team` is the one that is shown, None for all; `teams` are those to choose from.

    In idle queues nobody waits, and nothing is wrong with them.
    """

    counters: tuple[Counter, ...]
    busy_queues: tuple[QueueRow, ...] | None
    idle_queues: tuple[QueueRow, ...]
    groups: tuple[PersonGroup, ...] | None
    teams: tuple[str, ...]
    team: str | None
    missing: tuple[str, ...]


def floor_view(
    data: FloorData, team: str | None, missing: Sequence[str], reader: Reader
) -> FloorView:
    people = data.representatives
    active = None if people is None else [person for person in people if person["active"]]
    shown = (
        None
        if active is None
        else [person for person in active if team in (None, person["team_id"])]
    )
    queues = None if data.queues is None else _queue_rows(data.queues, reader)
    return FloorView(
        counters=_counters(data.queues, shown, reader),
        busy_queues=None
        if queues is None
        else tuple(queue for queue in queues if queue.needs_attention),
        idle_queues=tuple(queue for queue in queues or () if not queue.needs_attention),
        groups=None if shown is None else _groups(shown, reader),
        teams=tuple(sorted({person["team_id"] for person in active or ()})),
        team=team,
        missing=service_names(missing, reader.texts),
    )


def _counters(
    queues: Sequence[Mapping[str, Any]] | None,
    people: Sequence[Mapping[str, Any]] | None,
    reader: Reader,
) -> tuple[Counter, ...]:
    _ = reader.texts.gettext
    waiting = None if queues is None else sum(queue["waiting"] for queue in queues)
    waits = [queue["oldest_waiting_s"] for queue in queues or () if queue["waiting"]]
    oldest_s = max(waits, default=None)
    free = None if people is None else sum(person["free_slots"] for person in people)
    available = None if people is None else _number_with("available", people)
    away = None if people is None else _number_with("away", people)
    return (
        _counter(_("customers wait"), waiting, is_warning=bool(waiting) and free == 0),
        Counter(
            _("longest wait"),
            None
            if queues is None
            else "\u2013"
            if oldest_s is None
            else _duration(oldest_s, reader),
            is_warning=(oldest_s or 0) >= _LONG_WAIT_S,
        ),
        _counter(_("free places"), free, is_warning=free == 0),
        _counter(_("people available"), available, is_warning=available == 0),
        _counter(_("people away"), away),
    )


def _counter(label: str, value: int | None, *, is_warning: bool = False) -> Counter:
    return Counter(label, None if value is None else str(value), is_warning)


def _number_with(presence: str, people: Sequence[Mapping[str, Any]]) -> int:
    return sum(person["presence"] == presence for person in people)


def _queue_rows(queues: Sequence[Mapping[str, Any]], reader: Reader) -> tuple[QueueRow, ...]:
    """Put the longest wait first, then the queues in which nobody waits."""
    ordered = sorted(queues, key=lambda queue: (-(queue["oldest_waiting_s"] or 0), queue["queue"]))
    return tuple(_queue_row(queue, reader) for queue in ordered)


def _queue_row(queue: Mapping[str, Any], reader: Reader) -> QueueRow:
    oldest_s = queue["oldest_waiting_s"]
    return QueueRow(
        queue=queue["queue"],
        name=queue_name(queue["queue"], reader),
        waiting=queue["waiting"],
        oldest=None if oldest_s is None else _duration(oldest_s, reader),
        oldest_tone="soon" if (oldest_s or 0) >= _LONG_WAIT_S else "calm",
        free_places=queue["free_slots"],
        available=queue["available_representatives"],
        note=_queue_note(queue, reader),
        for_teams=_for_teams(queue, reader),
    )


def _for_teams(queue: Mapping[str, Any], reader: Reader) -> str | None:
    """Say how many others can't help with; None if everybody may take all."""
    waiting = [f"{team['team_id']} {team['waiting']}" for team in queue["teams"] if team["waiting"]]
    if not waiting:
        return None
    return reader.texts.gettext("For one team only: %(teams)s", teams=", ".join(waiting))


def _queue_note(queue: Mapping[str, Any], reader: Reader) -> str | None:
    _ = reader.texts.gettext
    if not queue["served"]:
        return _("Nobody has this skill and language.")
    if queue["stands_in_for"]:
        names = ", ".join(queue_name(name, reader) for name in queue["stands_in_for"])
        return _("Also for %(queues)s, which nobody serves.", queues=names)
    if queue["waiting"] and not queue["available_representatives"]:
        return _("Nobody who serves it is available.")
    if queue["waiting"] and not queue["free_slots"]:
        return _("Everybody who serves it is full.")
    return None


def queue_name(queue: str, reader: Reader) -> str:
    """Write `billing/es` as `billing, Spanish`."""
    topic, _, language = queue.rpartition("/")
    return f"{topic}, {language_name(language, reader)}"


def _groups(people: Sequence[Mapping[str, Any]], reader: Reader) -> tuple[PersonGroup, ...]:
    rows = [(_group(person), person_row(person, reader)) for person in people]
    return tuple(
        PersonGroup(
            group,
            reader.texts.gettext(GROUP_TITLES[group]),
            tuple(
                sorted(
                    (row for row_group, row in rows if row_group == group),
                    key=lambda row: (-row.free_places, row.name.casefold()),
                )
            ),
        )
        for group in GROUPS
    )


def _group(person: Mapping[str, Any]) -> Group:
    match person["presence"]:
        case "available":
            return "free" if person["free_slots"] else "full"
        case "away":
            return "away"
        case _:
            return "offline"


def person_row(person: Mapping[str, Any], reader: Reader) -> PersonRow:
    longest = person["longest_contact"]
    return PersonRow(
        person=person["representative_id"],
        url=person_url(person["representative_id"]),
        name=person["name"],
        team=person["team_id"],
        presence=person["presence"],
        presence_text=reader.texts.gettext(PRESENCES[person["presence"]]),
        since=reader.duration_since(datetime.fromisoformat(person["presence_since"])),
        reason=person["presence_reason"],
        load=person["load"],
        capacity=person["capacity"],
        free_places=person["free_slots"],
        longest=None
        if longest is None
        else reader.duration_since(datetime.fromisoformat(longest["since"])),
        missed_today=person["missed_offers"],
        adjustment=adjustment_view(person, reader),
    )


def person_url(person: str) -> str:
    return f"/floor/{person}"


def _duration(seconds: float, reader: Reader) -> str:
    # Clocks of two machines differ: a wait that has just begun is not negative.
    return reader.texts.duration(max(0.0, seconds))
