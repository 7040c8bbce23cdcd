"""What requests and answers about connections look like."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, Field, model_validator

from common.http.examples import MANAGER, RECEIVED_AT, TEAM, TOPIC, with_examples
from intake.connection_secrets import ConnectionSecrets, SecretUnavailableError
from intake.connections.documents import ConnectionFields, SecretText
from intake.domain.connections import (
    ConnectionActivity,
    ConnectionSetup,
    KeptSecret,
    SecretSource,
    StoredSecret,
    separate_secrets,
)
from intake.domain.model import ConnectionState
from intake.domain.silence import OfficeHours, Weekday

_OPTIONS: Final[Mapping[str, Any]] = {
    "topic": "general",
    "topic_by_tag": {"invoice": TOPIC},
    "language_by_tag": {"lang_es": "es"},
    "team_by_tag": {"key_account": TEAM},
    "campaign_by_tag": {"recall_7": "recall-7"},
}
_EXPECTED: Final[Mapping[str, Any]] = {
    "every_minutes": 60,
    "time_zone": "Europe/Madrid",
    "hours": [
        {
            "days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "starts": "08:00",
            "ends": "18:00",
        }
    ],
}


class ConnectionIn(ConnectionFields):
    model_config = with_examples(
        {
            "secret": "new-signing-secret,old-signing-secret",
            "options": _OPTIONS,
            "expected": _EXPECTED,
        }
    )

    secret: SecretText | None = Field(
        default=None,
        description="The secret with which the outside system signs, in place of `secrets`. While "
        "you change it there, send the new and the old one, separated by a comma: both are valid. "
        "For `imap` it is the password as it is, also with a comma; with `oauth`, the secret of "
        "the app (Microsoft) or the refresh token (Google).",
    )

    state: Literal["active", "paused"] | None = Field(
        default=None,
        description="`paused`: deliveries answer 503. Without it the state stays, and a new "
        "connection is active.",
    )

    @model_validator(mode="after")
    def _require_one_form(self) -> Self:
        if self.secret is not None and self.secrets is not None:
            raise ValueError("must have secret or secrets, not both")
        return self

    def sources(self, kind: str) -> Sequence[SecretSource | KeptSecret] | None:
        if self.secret is None:
            return super().sources(kind)
        return [SecretSource("request", each) for each in separate_secrets(kind, self.secret)]


class SecretOut(BaseModel):
    from_env: str | None = Field(description="The variable that holds it.")
    from_file: str | None = Field(description="The file that holds it.")
    since: datetime = Field(description="When it was put.")
    problem: str | None = Field(description="Why it can't be read now; null if it can.")


class OfficeHoursOut(BaseModel):
    days: list[Weekday] = Field(description="On these days.")
    starts: str = Field(description="From this time of the day.")
    ends: str = Field(description="Until this time; `00:00` is the end of the day.")


class ExpectedOut(BaseModel):
    every_minutes: int = Field(description="At least once in so many minutes of the office hours.")
    time_zone: str = Field(description="The time zone of the office hours.")
    hours: list[OfficeHoursOut] = Field(description="The office hours; without any, at all times.")


class ConnectionFailureOut(BaseModel):
    at: datetime = Field(description="When.")
    code: str = Field(
        description="`signature-refused`, `delivery-kept` (it is a dead letter), "
        "`connection-paused`, `rate-limited`, `secret-unavailable` or "
        "`too-many-kept-deliveries`; of a record "
        "also `stale-signature`, `malformed` or `not-applied`, and of a mailbox "
        "`mailbox-unreadable`, `credentials-refused` or `sign-in-stopped`; of a case that is read "
        "in its system `case-unreadable` or one of the last two."
    )
    detail: str = Field(description="What was wrong.")


class ConnectionOut(BaseModel):
    """No secret is shown."""

    model_config = with_examples(
        {
            "kind": "zendesk",
            "connection": "acme",
            "state": "active",
            "version": 1,
            "secrets": [
                {"from_env": None, "from_file": None, "since": RECEIVED_AT, "problem": None}
            ],
            "app_secret": None,
            "options": _OPTIONS,
            "expected": _EXPECTED,
            "changed_at": RECEIVED_AT,
            "changed_by": MANAGER,
            "last_delivery_at": None,
            "last_failure": None,
            "silent_since": None,
        }
    )

    kind: str = Field(description="The kind of channel.")
    connection: str = Field(description="Its name.")
    state: ConnectionState = Field(
        description="`paused`: deliveries answer 503. `archived`: as if it were not there."
    )
    version: int = Field(description="Counts the changes from 1; the ETag has it too.")
    secrets: list[SecretOut] = Field(
        description="The secrets that are valid, without the secrets themselves."
    )
    app_secret: SecretOut | None = Field(
        description="The secret of the app that the options name, without the secret itself; null "
        "if they name none, or one without a secret of its own."
    )
    options: dict[str, Any] = Field(description="The options of this kind of channel.")
    expected: ExpectedOut | None = Field(
        description="How often something should come; null if nobody has said so."
    )
    changed_at: datetime = Field(description="When it was changed.")
    changed_by: str = Field(description="Who changed it.")
    last_delivery_at: datetime | None = Field(
        description="When the last delivery with a right signature came, as of some seconds ago."
    )
    last_failure: ConnectionFailureOut | None = Field(
        description="What went wrong last, as of some seconds ago; null if nothing has."
    )
    silent_since: datetime | None = Field(
        description="What came last came then, and more is expected; null if it is not silent."
    )


def connection_out(
    setup: ConnectionSetup, activity: ConnectionActivity, secrets: ConnectionSecrets
) -> ConnectionOut:
    expected = setup.expected
    return ConnectionOut.model_validate(
        {
            **{
                name: getattr(setup, name)
                for name in ("kind", "connection", "state", "version", "options")
            },
            "secrets": [_secret_out(secret, secrets) for secret in setup.secrets],
            "app_secret": setup.app_secret and _secret_out(setup.app_secret, secrets),
            "expected": expected
            and ExpectedOut(
                every_minutes=expected.every_minutes,
                time_zone=expected.time_zone,
                hours=[_hours_out(hours) for hours in expected.hours],
            ),
            "changed_at": setup.changed_at,
            "changed_by": setup.changed_by,
            "last_delivery_at": activity.last_delivery_at,
            "last_failure": activity.last_failure,
            "silent_since": activity.silent_since,
        },
        from_attributes=True,
    )


def _secret_out(stored: StoredSecret, secrets: ConnectionSecrets) -> SecretOut:
    problem = None
    try:
        secrets.read(stored)
    except SecretUnavailableError as error:
        problem = str(error)
    return SecretOut(
        from_env=stored.value if stored.origin == "variable" else None,
        from_file=stored.value if stored.origin == "file" else None,
        since=stored.since,
        problem=problem,
    )


def _hours_out(hours: OfficeHours) -> OfficeHoursOut:
    return OfficeHoursOut(
        days=list(hours.days), starts=f"{hours.starts:%H:%M}", ends=f"{hours.ends:%H:%M}"
    )
