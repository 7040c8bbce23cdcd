"""The RemoteExecutionContext of Dynamics 365: lists of names and typed values."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from intake.channels.base import MalformedBodyError, WebhookModel
from intake.channels.fields import Id, Text, load_json, read_id, read_seconds, read_text, read_time

# Milliseconds since 1970; the offset is of who wrote it, and changes nothing.
_DATE: Final = re.compile(r"\\?/Date\((-?\d{1,17})(?:[+-]\d{4})?\)\\?/")
_MILLISECONDS: Final = 1000
# The id of a record that a column refers to.
_LOOKUP: Final = re.compile(r"_(.+)_value")
_LABEL: Final = "OData.Community.Display.V1.FormattedValue"
_NO_ID: Final = "00000000-0000-0000-0000-000000000000"

Fields = Mapping[str, str]


def read_date(value: Any) -> datetime | None:
    """Read either form of `/Date(…)/`, or ISO 8601."""
    text = read_text(value) or ""
    if date := _DATE.fullmatch(text.strip()):
        return read_seconds(int(date[1]) / _MILLISECONDS)
    return read_time(text)


def read_guid(value: Any) -> str | None:
    text = (read_id(value) or "").strip("{} ").lower()
    # Some letters are longer in lower case.
    return None if text == _NO_ID else read_id(text)


def _parameters(value: Any) -> Mapping[str, Any]:
    """Read a list of `{"key": …, "value": …}`; names count in any case."""
    if isinstance(value, dict):
        return {str(name).lower(): item for name, item in value.items()}
    pairs = value if isinstance(value, list) else []
    return {
        str(pair["key"]).lower(): pair.get("value")
        for pair in pairs
        if isinstance(pair, dict) and "key" in pair
    }


def _plain(value: Any) -> str | None:
    """Return what is in an OptionSetValue, Money or EntityReference, or the value itself."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return read_text(value.get("Value")) or read_guid(value.get("Id"))
    return read_text(value)


def _attributes(entity: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(entity, dict):
        return
    for name, value in _parameters(entity.get("Attributes")).items():
        if (text := _plain(value)) is not None:
            yield name, text
        if isinstance(value, dict) and (text := read_text(value.get("Name"))) is not None:
            yield f"{name} name", text


def _labels(entity: Any) -> Iterator[str]:
    if isinstance(entity, dict):
        for name, value in _parameters(entity.get("FormattedValues")).items():
            yield f"{name}={read_text(value) or ''}"


@dataclass(frozen=True, slots=True)
class Incident:
    """A case as the Web API shows it, with its columns as webhooks name them."""

    fields: Fields
    tags: list[str]
    modified_at: datetime | None


def read_incident(content: bytes) -> Incident:
    """Raises MalformedBodyError."""
    columns = load_json(content)
    if not isinstance(columns, dict):
        raise MalformedBodyError("Dynamics answered with something that is no case.")
    fields: dict[str, str] = {}
    labels: list[str] = []
    for name, value in columns.items():
        written, _, annotation = name.partition("@")
        lookup = _LOOKUP.fullmatch(written)
        column = lookup[1] if lookup else written
        if annotation == _LABEL and (text := read_text(value)) is not None:
            labels.append(f"{column}={text}")
            if lookup:
                fields[f"{column} name"] = text
        elif not annotation and (text := _plain(value)) is not None:
            fields[column] = text
    tags = [f"{name}={value}" for name, value in fields.items()]
    return Incident(fields, [*tags, *labels], read_date(fields.get("modifiedon")))


Parameters = Annotated[Mapping[str, Any], BeforeValidator(_parameters)]


class ExecutionContext(WebhookModel):
    """What was done with which record; the images are pictures of it, if a step has them."""

    model_config = ConfigDict(alias_generator=to_pascal)

    message_name: Text = None
    primary_entity_name: Text = None
    primary_entity_id: Annotated[str | None, BeforeValidator(read_guid)] = None
    operation_id: Annotated[str | None, BeforeValidator(read_guid)] = None
    request_id: Annotated[str | None, BeforeValidator(read_guid)] = None
    correlation_id: Id = None
    operation_created_on: Annotated[datetime | None, BeforeValidator(read_date)] = None
    input_parameters: Parameters = Field(default_factory=dict)
    user_id: Annotated[str | None, BeforeValidator(read_guid)] = None
    shared_variables: Parameters = Field(default_factory=dict)
    post_entity_images: Parameters = Field(default_factory=dict)

    @property
    def case_id(self) -> str | None:
        if self.primary_entity_id is not None:
            return self.primary_entity_id
        ids = (
            read_guid(record.get("Id"))
            for name in ("target", "entitymoniker")
            if isinstance(record := self.input_parameters.get(name), dict)
        )
        return next(filter(None, ids), None)

    @property
    def merged_id(self) -> str | None:
        """The case whose work goes on in this one."""
        return read_guid(_plain(self.input_parameters.get("subordinateid")))

    @property
    def operation_key(self) -> str:
        """The same if Dynamics sends it again; many synchronous steps have no id of their own."""
        if self.operation_id is not None:
            return self.operation_id
        content = json.dumps([*self.fields.items()]).encode()
        digest = hashlib.sha256(content).hexdigest()
        return f"{self.request_id or self.correlation_id}/{self.operation_created_on}/{digest}"

    @property
    def fields(self) -> Fields:
        """The columns as text: those of the images, and what this operation wrote."""
        fields: dict[str, str] = {}
        for entity in self._entities():
            fields |= dict(_attributes(entity))
        states = {"state": "statecode", "status": "statuscode"}
        for parameter, column in states.items():
            if (value := _plain(self.input_parameters.get(parameter))) is not None:
                fields[column] = value
        return fields

    @property
    def tags(self) -> list[str]:
        """Every column with its value, and with the label that people see."""
        values = [f"{name}={value}" for name, value in self.fields.items()]
        return [*values, *(label for entity in self._entities() for label in _labels(entity))]

    def _entities(self) -> list[Any]:
        return [*self.post_entity_images.values(), self.input_parameters.get("target")]
