"""The base of contracts and timers: frozen structs whose JSON others read (ADR 0059)."""

from datetime import UTC, datetime
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    Self,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from msgspec.structs import asdict, force_setattr
from pydantic import AwareDatetime, Field
from pydantic_core import core_schema

from common.contracts.json_schemas import make_schemas
from common.contracts.texts import LENGTH, excerpt

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

# In this range the arithmetic of all time zones works. PostgreSQL has times, in year 1 or 9999 of
# some zone, that Python can't read back: one row with such a time would end every process.
EARLIEST: Final = datetime(1970, 1, 2, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
# For contracts, which msgspec reads, and for the input of people, which pydantic reads.
Instant = Annotated[datetime, msgspec.Meta(tz=True), AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]


class FieldError(ValueError):
    """A field has a value that its contract does not allow."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field} {detail}")
        self.field = field
        self.detail = detail


class _ContractMeta(msgspec.StructMeta):
    """Makes all fields keywords, which msgspec does not inherit, and notes which it must check."""

    instants: tuple[str, ...]
    text_lengths: tuple[tuple[str, int], ...]

    def __new__(
        mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any
    ) -> "_ContractMeta":
        kind = super().__new__(mcls, name, bases, namespace, kw_only=True, **config)
        hints = get_type_hints(kind, include_extras=True)
        constraints = [
            (field, meta) for field in kind.__struct_fields__ for meta in _constraints(hints[field])
        ]
        kind.instants = tuple(field for field, meta in constraints if meta.tz)
        kind.text_lengths = tuple(
            (field, meta.extra[LENGTH]) for field, meta in constraints if meta.extra
        )
        return kind


def _constraints(hint: Any) -> list[msgspec.Meta]:
    """Return the constraints of a field, also of one that may be None."""
    if get_origin(hint) is Annotated:
        return [meta for meta in hint.__metadata__ if isinstance(meta, msgspec.Meta)]
    optional = (arg for arg in get_args(hint) if get_origin(arg) is Annotated)
    return [meta for arg in optional for meta in _constraints(arg)]


def _all_fields(value: Any) -> Any:
    """Return what an answer says: every field, since its readers need not know the defaults."""
    match value:
        case msgspec.Struct():
            return {name: _all_fields(part) for name, part in asdict(value).items()}
        case tuple() | list():
            return [_all_fields(part) for part in value]
        case _:
            return msgspec.to_builtins(value)


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Contract(msgspec.Struct, metaclass=_ContractMeta, frozen=True, gc=False, omit_defaults=True):
    """A frozen part of an event. Unknown fields are ignored: a newer producer may add some.

    A field that has its default is not written; its JSON Schema says what it is then (ADR 0108).
    Types are checked when it is read and not when it is made: mypy checks who makes one.
    """

    # It only says in data what a text beside it says, so that who can't read it goes by the text.
    explains: ClassVar[bool] = False
    # The fields that are checked, or cut, whenever it is made.
    instants: ClassVar[tuple[str, ...]]
    text_lengths: ClassVar[tuple[tuple[str, int], ...]]

    def __post_init__(self) -> None:
        for name in self.instants:
            at = getattr(self, name)
            if at is not None and not EARLIEST <= at < LATEST:
                raise FieldError(name, f"must be from {EARLIEST:%Y-%m-%d} to before {LATEST:%Y}")
        for name, length in self.text_lengths:
            text = getattr(self, name)
            if text is not None and len(text) > length:
                force_setattr(self, name, excerpt(text, length))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: Any, _handler: "GetCoreSchemaHandler"
    ) -> core_schema.CoreSchema:
        """Let pydantic read and write what has a contract in it: stored data, answers."""
        return core_schema.no_info_plain_validator_function(
            cls._from_data,
            ref=f"{cls.__module__}.{cls.__qualname__}:{id(cls)}",
            serialization=core_schema.plain_serializer_function_ser_schema(_all_fields),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _handler: "GetJsonSchemaHandler"
    ) -> dict[str, Any]:
        return make_schemas([cls])[cls.__name__]

    @classmethod
    def _from_data(cls, data: Any) -> Self:
        return msgspec.convert(data, cls)
