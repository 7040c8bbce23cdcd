"""What events looked like when they were last published, and what may have changed since.

`python tests/contracts/snapshot.py` takes in what was added, and refuses anything else. Services
are deployed one by one, and a topic keeps a week of events: each must read what an older and what a
newer one writes. So the only change to an event is a further field that may be missing; for all
else make a new event. Even a further value of an enum is none: an older service would bury it.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.service.asyncapi import json_schemas

SCHEMAS = Path(__file__).parent / "schemas"
COMMAND = "python tests/contracts/snapshot.py"

Schema = Mapping[str, Any]

# They change nothing in what is written or read.
_WORDS = ("title", "description", "examples", "$defs")
_TREATED = ("properties", "required", "items", "anyOf", "enum", *_WORDS)


def stored() -> dict[str, Schema]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))}


def current() -> dict[str, Schema]:
    return {**json_schemas()}


def all_breaks(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """Say what keeps services that know `old` from working with those that know `new`."""
    changes = [f"{name} was removed" for name in sorted(old.keys() - new.keys())]
    for name in sorted(old.keys() & new.keys()):
        changes += breaks(old[name], new[name], name)
    return changes


def breaks(old: Schema, new: Schema, place: str) -> list[str]:
    return list(_breaks(_inlined(old, old), _inlined(new, new), place))


def _breaks(old: Schema, new: Schema, place: str) -> Iterator[str]:
    yield from _fields(old, new, place)
    if "items" in old and "items" in new:
        yield from _breaks(old["items"], new["items"], f"{place}[]")
    yield from _choices(old.get("anyOf", []), new.get("anyOf", []), place)
    for value in _difference(old.get("enum", []), new.get("enum", [])):
        yield f"{place}: the value {value!r} was removed"
    for value in _difference(new.get("enum", []), old.get("enum", [])):
        yield f"{place}: the value {value!r} was added, which an older service would bury"
    for keyword in sorted((old.keys() | new.keys()) - set(_TREATED)):
        before, after = old.get(keyword), new.get(keyword)
        if before != after:
            yield f"{place}: {keyword} was {before!r} and is {after!r}"


def _fields(old: Schema, new: Schema, place: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name in sorted(before):
        if name not in after:
            yield f"{place}.{name} was removed"
            continue
        yield from _breaks(before[name], after[name], f"{place}.{name}")
        was, is_now = (name in schema.get("required", []) for schema in (old, new))
        if was != is_now:
            yield f"{place}.{name} {'may now be missing' if was else 'became required'}"
    for name in sorted(after.keys() - before.keys()):
        if name in new.get("required", []):
            yield f"{place}.{name} is new and required"


def _choices(old: list[Schema], new: list[Schema], place: str) -> Iterator[str]:
    if len(old) != len(new):
        yield f"{place} was one of {len(old)} kinds and is one of {len(new)}"
        return
    for before, after in zip(old, new, strict=True):
        yield from _breaks(before, after, place)


def _difference(some: list[Any], others: list[Any]) -> list[Any]:
    return [value for value in some if value not in others]


def _inlined(schema: Any, root: Schema) -> Any:
    """Put definitions where they are referred to, so that a new name for one is no change."""
    if isinstance(schema, list):
        return [_inlined(item, root) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    whole = dict(schema)
    if "$ref" in whole:
        name = whole.pop("$ref").removeprefix("#/$defs/")
        whole = {**root["$defs"][name], **whole}
    return {key: _inlined(value, root) for key, value in whole.items() if key != "$defs"}


def write() -> None:
    for name, schema in current().items():
        text = json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True)
        (SCHEMAS / f"{name}.json").write_text(text + "\n")


def main() -> None:
    changes = all_breaks(stored(), current())
    if changes:
        sys.exit("\n".join(["Not written, since these are no additions:", *changes]))
    write()


if __name__ == "__main__":
    main()
