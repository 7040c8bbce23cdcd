"""Events change by addition only, and the check that says so sees every other change."""

from typing import Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, create_model

from contracts import snapshot


def test_events_changed_by_addition_only() -> None:
    changes = snapshot.all_breaks(snapshot.stored(), snapshot.current())
    assert not changes, f"make a new event instead (see {snapshot.__file__}):\n" + "\n".join(
        changes
    )


def test_snapshots_are_current() -> None:
    assert snapshot.stored() == snapshot.current(), f"something was added: {snapshot.COMMAND}"


class Part(BaseModel):
    name: str
    colour: Literal["red", "green"] = "red"


class Old(BaseModel):
    number: int
    text: str
    at: AwareDatetime
    level: Literal["low", "high"]
    note: str | None = None
    part: Part
    parts: tuple[Part, ...] = ()


def made(base: type[BaseModel] = Old, *, without: str = "", **fields: Any) -> type[BaseModel]:
    """Make the model anew, without a field, and with fields added or replaced."""
    kept: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in base.model_fields.items()
        if name != without
    }
    # As Old, for the name of the model is no change.
    model: type[BaseModel] = create_model(base.__name__, __doc__=base.__doc__, **{**kept, **fields})
    return model


def tuple_of(part: type[BaseModel]) -> Any:
    return tuple.__class_getitem__((part, ...))


def changes(new: type[BaseModel]) -> list[str]:
    return snapshot.breaks(Old.model_json_schema(), new.model_json_schema(), "old")


class Renamed(BaseModel):
    """The same by another name, and described."""

    name: str
    colour: Literal["red", "green"] = "red"


@pytest.mark.parametrize(
    "new",
    [
        made(),
        made(mood=(str | None, None)),
        made(count=(int, 0)),
        made(part=(made(Part, size=(int, 1)), ...)),
        made(parts=(tuple_of(made(Part, size=(int, 1))), ())),
        made(part=(Renamed, ...), parts=(tuple[Renamed, ...], ())),
    ],
    ids=["same", "optional", "default", "nested", "in a list", "other name of a part"],
)
def test_addition_is_allowed(new: type[BaseModel]) -> None:
    assert changes(new) == []


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (made(without="text"), "old.text was removed"),
        (made(without="text", words=(str, ...)), "old.text was removed"),
        (made(mood=(str, ...)), "old.mood is new and required"),
        (made(note=(str | None, ...)), "old.note became required"),
        (made(text=(str, "none")), "old.text may now be missing"),
        (made(number=(str, ...)), "old.number: type was 'integer' and is 'string'"),
        (made(at=(str, ...)), "old.at: format was 'date-time' and is None"),
        (made(text=(str | None, ...)), "old.text was one of 0 kinds and is one of 2"),
        (made(note=(int | None, None)), "old.note: type was 'string' and is 'integer'"),
        (made(note=(str | None, "-")), "old.note: default was None and is '-'"),
        (made(level=(Literal["low", "mid"], ...)), "old.level: the value 'high' was removed"),
        (
            made(level=(Literal["low", "high", "top"], ...)),
            "old.level: the value 'top' was added, which an older service would bury",
        ),
        (made(part=(made(Part, without="name"), ...)), "old.part.name was removed"),
        (made(part=(made(Part, size=(int, ...)), ...)), "old.part.size is new and required"),
        (
            made(parts=(tuple_of(made(Part, name=(int, ...))), ())),
            "old.parts[].name: type was 'string' and is 'integer'",
        ),
        (made(parts=(Part | None, None)), "old.parts: type was 'array' and is None"),
    ],
)
def test_other_changes_are_refused(new: type[BaseModel], reason: str) -> None:
    assert reason in changes(new)


def test_event_may_be_added_and_not_removed() -> None:
    old = {"a": Old.model_json_schema()}
    assert snapshot.all_breaks(old, {**old, "b": Part.model_json_schema()}) == []
    assert snapshot.all_breaks(old, {}) == ["a was removed"]


def test_command_refuses_to_overwrite_after_a_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "current", dict)
    monkeypatch.setattr(snapshot, "write", lambda: pytest.fail("written"))
    with pytest.raises(SystemExit, match="was removed"):
        snapshot.main()
