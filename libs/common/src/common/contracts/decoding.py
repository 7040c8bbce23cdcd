"""Reads contracts and timers from JSON, and says in plain words where it violates them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect
from msgspec.structs import FieldInfo, fields

from common.contracts.contract import Contract, FieldError
from common.contracts.validation_messages import (
    DATE_TIME,
    LIST,
    NUMBER,
    OBJECT,
    TEXT,
    TRUE_OR_FALSE,
    UNSPECIFIC,
    WHOLE_NUMBER,
)

C = TypeVar("C", bound=Contract)

_WORDS: Final = {
    "array": LIST,
    "bool": TRUE_OR_FALSE,
    "datetime": DATE_TIME,
    "decimal": NUMBER,
    "float": NUMBER,
    "int": WHOLE_NUMBER,
    "null": "must be null",
    "object": OBJECT,
    "str": TEXT,
}
_MAX_SUMMARY: Final = 500
_NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# How msgspec says where and what.
_PLACE: Final = re.compile(r"(?P<detail>.*?)(?: - at `(?P<path>[^`]*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_EXPECTED: Final = re.compile(r"Expected `(\w+)(?: \| null)?`.*", re.DOTALL)


class ContractViolationError(ValueError):
    """JSON is not what its contract allows."""


def from_json(kind: type[C], text: bytes | str) -> C:
    """Read JSON; raises ContractViolationError.

    An explanation (`Contract.explains`) that a newer service wrote, and that can't be read, is
    left out: the text beside it says the same.
    """
    decode: Callable[[bytes | str], C] = _decoder(kind)
    try:
        return decode(text)
    except msgspec.ValidationError as error:
        return _read_without_explanations(kind, _parse(text), error)
    except _NOT_JSON as error:
        raise _not_json(error) from error


def from_data(kind: type[C], data: Any) -> C:
    """Read what was JSON, as `from_json`; raises ContractViolationError."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        return _read_without_explanations(kind, data, error)


def _read_without_explanations(kind: type[C], data: Any, error: msgspec.ValidationError) -> C:
    readable = _without_explanations(kind, data)
    if readable != data:
        return from_data(kind, readable)
    raise ContractViolationError(_describe(kind, data, error)) from error


def _without_explanations(kind: type[Contract], data: Any) -> Any:
    """Return the data without the explanations in it that can't be read."""
    if not isinstance(data, Mapping):
        return data
    unreadable = {
        field.name
        for field in fields(kind)
        if field.name in data and _explains(field.type) and not _is_readable(data, field)
    }
    return {name: value for name, value in data.items() if name not in unreadable}


def _explains(type_: Any) -> bool:
    part = _inner(inspect.type_info(type_))
    return isinstance(part, inspect.StructType) and getattr(part.cls, "explains", False)


def _is_readable(data: Mapping[str, Any], field: FieldInfo) -> bool:
    try:
        msgspec.convert(data[field.name], field.type)
    except msgspec.ValidationError:
        return False
    return True


@cache
def _decoder(kind: type[Contract]) -> Callable[[bytes | str], Any]:
    return msgspec.json.Decoder(kind).decode


def _parse(text: bytes | str) -> Any:
    try:
        return msgspec.json.decode(text)
    except _NOT_JSON as error:
        raise _not_json(error) from error


def _not_json(error: Exception) -> ContractViolationError:
    reason = str(error).removeprefix("JSON is malformed: ")
    return ContractViolationError(f"the value is not JSON: {reason}")


def _describe(kind: type[Contract], data: Any, error: msgspec.ValidationError) -> str:
    """Say what is wrong and where, without the values: they may be customers' words.

    msgspec stops at its first `error`, so each field is read alone.
    """
    parts = [*_wrong_fields(kind, data)] or [_place_and_words(kind, [], error)]
    return f"data at {'; '.join(parts)}"[:_MAX_SUMMARY]


def _wrong_fields(kind: type[Contract], data: Any) -> Iterator[str]:
    if not isinstance(data, Mapping):
        return
    for field in fields(kind):
        if field.name not in data:
            if field.required:
                yield f"{field.name}: is missing"
            continue
        try:
            msgspec.convert(data[field.name], field.type)
        except msgspec.ValidationError as error:
            yield _place_and_words(kind, [field.name], error)


def _place_and_words(
    kind: type[Contract], outer: Sequence[str], error: msgspec.ValidationError
) -> str:
    matched = _PLACE.fullmatch(str(error))
    detail, path = (matched["detail"], matched["path"] or "") if matched else (str(error), "")
    steps = [*outer, *(name or number for name, number in _STEP.findall(path))]
    if isinstance(error.__cause__, FieldError):
        steps.append(error.__cause__.field)
        words = error.__cause__.detail
    elif missing := _MISSING.fullmatch(detail):
        steps.append(missing[1])
        words = "is missing"
    else:
        words = _words(kind, steps, detail)
    place = "/".join(step for step in steps if step != "...")
    return f"{place or 'its root'}: {words}"


def _words(kind: type[Contract], steps: Sequence[str], detail: str) -> str:
    if detail.startswith("Invalid enum value"):
        return _choice(_literals(kind, steps))
    if expected := _EXPECTED.fullmatch(detail):
        return _WORDS.get(expected[1], UNSPECIFIC)
    if detail == "Invalid RFC3339 encoded datetime":
        return DATE_TIME
    if detail == "Invalid decimal string":
        return NUMBER
    return UNSPECIFIC


def _choice(values: Sequence[object]) -> str:
    *others, last = map(repr, values)
    return f"must be {', '.join(others)} or {last}" if others else f"must be {last}"


def _literals(kind: type[Contract], steps: Sequence[str]) -> Sequence[object]:
    """Return the values that the field at this place may have."""
    part: Any = inspect.type_info(kind)
    for step in steps:
        part = _inner(part)
        if isinstance(part, inspect.StructType):
            part = next(field.type for field in part.fields if field.encode_name == step)
        elif isinstance(part, inspect.VarTupleType):
            part = part.item_type
        elif isinstance(part, inspect.DictType):
            part = part.value_type
    part = _inner(part)
    return part.values if isinstance(part, inspect.LiteralType) else ()


def _inner(part: Any) -> Any:
    """Return the type without its constraints, and without None."""
    if isinstance(part, inspect.Metadata):
        return _inner(part.type)
    if isinstance(part, inspect.UnionType):
        return _inner(
            next(other for other in part.types if not isinstance(other, inspect.NoneType))
        )
    return part
