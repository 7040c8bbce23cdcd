"""The screens of write-backs: the list, one of them, and what was written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views.reader import Reader, parse_time
from console.views.settings.kinds import Kind
from console.views.settings.nodes import Group, Node
from console.views.systems.connection_kinds import TITLES
from console.views.systems.connections import changed_text
from console.views.systems.options import (
    Button,
    CallRow,
    Chip,
    SystemView,
    Value,
    chip_of,
    pause_or_resume,
    values_of,
)
from console.views.systems.write_back_kinds import (
    LIST,
    STEPS,
    WRITE_BACK_KINDS,
    WRITE_BACK_TITLES,
)

_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "active": ("calm", mark("active")),
    "paused": ("soon", mark("paused")),
    "halted": ("over", mark("halted")),
}
_WRITES: Final[Mapping[str, tuple[str, str]]] = {
    "pending": ("soon", mark("waits to be written")),
    "writing": ("", mark("is being written")),
    "written": ("calm", mark("written")),
    "failed": ("over", mark("not written")),
    "superseded": ("", mark("no longer needed")),
}


@dataclass(frozen=True, slots=True)
class WriteBackRow:
    kind: str
    name: str
    url: str
    address: str
    chips: tuple[Chip, ...]
    waiting: str
    failed: str


def write_back_rows(items: Iterable[Mapping[str, Any]], reader: Reader) -> tuple[WriteBackRow, ...]:
    return tuple(
        WriteBackRow(
            kind=TITLES[item["kind"]],
            name=item["connection"],
            url=f"/settings/{LIST}/{item['kind']}/{item['connection']}",
            address=item["base_url"],
            chips=(chip_of(_STATES, item["state"], reader),),
            waiting=str(item["waiting"]),
            failed=str(item["failed"]),
        )
        for item in items
    )


def new_write_backs() -> tuple[tuple[str, str], ...]:
    """List the kinds of which a write-back can be made, with their addresses."""
    return tuple((TITLES[slug], f"/settings/new/{LIST}/{slug}") for slug in WRITE_BACK_KINDS)


def write_back_view(
    kind: Kind, item: Mapping[str, Any], writes: Iterable[Mapping[str, Any]], reader: Reader
) -> SystemView:
    gettext, url = reader.texts.gettext, kind.url_of(item["connection"])
    held_until = parse_time(item["held_until"])
    facts = (
        (gettext("Waiting"), str(item["waiting"])),
        (gettext("Not written"), str(item["failed"])),
        (gettext("It writes as"), item["account"] or None),
        (
            gettext("The system wants no calls until"),
            None if held_until is None else reader.texts.full_time(held_until),
        ),
    )
    return SystemView(
        title=f"{gettext(WRITE_BACK_TITLES[item['kind']])}: {item['connection']}",
        url=url,
        chips=(chip_of(_STATES, item["state"], reader),),
        problem=item["halt_reason"],
        facts=tuple(Value(label, text) for label, text in facts if text is not None),
        values=values_of(_written(kind), {**item, **item["steps"]}, reader),
        changed=changed_text(item, reader),
        version=item["version"],
        actions=_actions(item["state"], url, reader),
        calls=tuple(_write(each, url, reader) for each in writes),
    )


def _written(kind: Kind) -> tuple[Node, ...]:
    """Return the fields that the table shows: the state is a chip, and the steps need no title."""
    return tuple(
        inner
        for node in kind.nodes
        if node.name != "state"
        for inner in (node.nodes if isinstance(node, Group) else (node,))
    )


def _actions(state: str, url: str, reader: Reader) -> tuple[Button, ...]:
    gettext = reader.texts.gettext
    return (
        Button(gettext("Change…"), f"{url}/edit", is_primary=state == "active"),
        Button(gettext("Change the credentials…"), f"{url}/credentials"),
        pause_or_resume(state, url, reader),
        Button(gettext("Remove…"), f"{url}/remove"),
    )


def _write(item: Mapping[str, Any], url: str, reader: Reader) -> CallRow:
    step = STEPS.get(item["step"], item["step"])
    return CallRow(
        reference=item["external_ref"],
        text=reader.texts.gettext(step),
        at=reader.time(item["requested_at"]),
        chip=chip_of(_WRITES, item["state"], reader),
        detail=item["reason"],
        retry_url=f"{url}/writes/{item['write_id']}/retry" if item["state"] == "failed" else None,
    )
