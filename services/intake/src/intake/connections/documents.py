"""A connection as managers write it, in requests and in files."""

from collections.abc import Sequence
from datetime import time
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue

from common.core.text import require_visible
from common.http.app import RequestModel
from intake.channels.base import Channel
from intake.channels.registry import CHANNELS
from intake.connections.changes import ConnectionChange
from intake.domain.connections import MAX_SECRETS, KeptSecret, SecretOrigin, SecretSource
from intake.domain.model import ConnectionState
from intake.domain.silence import Expectation, OfficeHours, Weekday, overlapping

# Of one model once, since several kinds share theirs.
_OPTIONS: Final = tuple(dict.fromkeys(channel.options for channel in CHANNELS.values()))
_WEEK_MINUTES: Final = 7 * 24 * 60
# A shorter silence could not be told from the time that a restart takes.
_MIN_MINUTES: Final = 5

TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
FilePath = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f]{0,298}$")]


class _OneOfTheOptions:
    """Describes the options of every kind in OpenAPI, with the models that these consist of."""

    def __get_pydantic_json_schema__(
        self, _schema: object, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [handler(options.__pydantic_core_schema__) for options in _OPTIONS]}


Options = Annotated[dict[str, Any], _OneOfTheOptions()]


def _require_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError("must be a time zone, as Europe/Madrid") from error
    return name


# Refresh tokens have hundreds of characters. A secret is kept as it came.
SecretText = Annotated[
    str, StringConstraints(min_length=1, max_length=2_000), AfterValidator(require_visible)
]


class SecretIn(RequestModel):
    """One secret: itself, or where intake reads it."""

    value: SecretText | None = Field(
        default=None, description="The secret itself. It is stored encrypted, and never shown."
    )
    from_env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")] | None = (
        Field(
            default=None,
            description="A variable in the environment of intake, one that "
            "`UPSTAIRS_SECRET_VARIABLES` allows.",
        )
    )
    from_file: FilePath | None = Field(
        default=None,
        description="A file in a directory that `UPSTAIRS_SECRET_DIRECTORIES` allows. It is read "
        "again when it has changed.",
    )

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if len(self._sources()) != 1:
            raise ValueError("must have one of value, from_env and from_file")
        return self

    def source(self) -> SecretSource:
        (source,) = self._sources()
        return source

    def _sources(self) -> list[SecretSource]:
        values: dict[SecretOrigin, str | None] = {
            "request": self.value,
            "variable": self.from_env,
            "file": self.from_file,
        }
        return [SecretSource(origin, value) for origin, value in values.items() if value]


class ConnectionSecretIn(SecretIn):
    """One secret: itself, where intake reads it, or one that is there already."""

    present: int | None = Field(
        default=None,
        ge=1,
        le=MAX_SECRETS,
        description="In a request with `If-Match`: one that is there already, by its place from 1 "
        "among those that `GET` shows. It stays as it is, while another is added or removed.",
    )

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if len(self._sources()) + (self.present is not None) != 1:
            raise ValueError("must have one of value, from_env, from_file and present")
        return self

    def secret(self) -> SecretSource | KeptSecret:
        return self.source() if self.present is None else KeptSecret(self.present)


class OfficeHoursIn(RequestModel):
    days: tuple[Weekday, ...] = Field(min_length=1, max_length=7, description="On these days.")
    starts: TimeOfDay = Field(description="From this time of the day.")
    ends: TimeOfDay = Field(description="Until this time; `00:00` is the end of the day.")

    def hours(self) -> OfficeHours:
        starts, ends = (time.fromisoformat(each) for each in (self.starts, self.ends))
        return OfficeHours(tuple(dict.fromkeys(self.days)), starts, ends)


class ExpectedIn(RequestModel):
    """How often something should come. Operations are told when it does not."""

    every_minutes: int = Field(
        ge=_MIN_MINUTES,
        le=_WEEK_MINUTES,
        description="At least once in so many minutes of the office hours.",
    )
    time_zone: Annotated[str, StringConstraints(max_length=100), AfterValidator(_require_zone)] = (
        Field(default="UTC", description="The time zone of the office hours.")
    )
    hours: tuple[OfficeHoursIn, ...] = Field(
        default=(), max_length=7, description="The office hours; without any, at all times."
    )

    @model_validator(mode="after")
    def _require_enough_hours(self) -> Self:
        expectation = self.expectation()
        if any(hours.minutes <= 0 for hours in expectation.hours):
            raise ValueError("must have hours that end after they start")
        if overlapping(expectation.hours) is not None:
            raise ValueError("must not have hours that overlap")
        if expectation.hours and expectation.weekly_minutes < self.every_minutes:
            raise ValueError("must have as many office hours in a week as every_minutes says")
        return self

    def expectation(self) -> Expectation:
        hours = tuple(each.hours() for each in self.hours)
        return Expectation(self.every_minutes, self.time_zone, hours)


class ConnectionFields(RequestModel):
    secrets: tuple[ConnectionSecretIn, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_SECRETS,
        description="The secrets with which the outside system proves itself; each is valid. "
        "Without any, those that are there stay.",
    )
    app_secret: SecretIn | None = Field(
        default=None,
        description="The secret of the app that the options name, as which intake signs in to the "
        "system. Without it, the one that is there stays.",
    )
    options: Options = Field(
        default_factory=dict, description="The options of this kind of channel."
    )
    expected: ExpectedIn | None = Field(
        default=None, description="How often something should come; null if nobody can say."
    )

    def sources(self, kind: str) -> Sequence[SecretSource | KeptSecret] | None:
        del kind
        return None if self.secrets is None else [each.secret() for each in self.secrets]

    def change(
        self, channel: Channel, connection: str, state: ConnectionState | None
    ) -> ConnectionChange:
        """Return what is put; raises ValidationError for the options."""
        options = channel.options.model_validate(self.options)
        return ConnectionChange(
            kind=channel.kind,
            connection=connection,
            options=options.model_dump(mode="json"),
            secrets=self.sources(channel.kind),
            state=state,
            expected=self.expected.expectation() if self.expected else None,
            app_secret=self.app_secret.source() if self.app_secret else None,
            needs_app_secret=options.needs_app_secret,
        )
