"""A person's rules, as the API of recipients takes and shows them."""

from collections.abc import Collection, Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.contracts.escalations import Severity
from common.contracts.notifications import Medium
from common.contracts.validation_messages import InvalidValueError
from common.core.time_zones import TimeZone
from common.http.app import RequestModel, ShortText
from notifier.channels.base import ChannelAddress
from notifier.domain.delivery_rules import PersonRules, QuietHours, Steps
from notifier.domain.recipients import DEFAULT_TIME_ZONE, ContactMethods, Language


class LateStepOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    severity: Severity = Field(description="The severity whose step it is.")
    after_minutes: int = Field(description="When the step comes.")
    answer_within_minutes: int = Field(
        description="The shortest time in which a page of this severity had to be answered."
    )


def require_media(steps: Mapping[Severity, Steps], own: Collection[Medium]) -> None:
    """Raise InvalidValueError if a step names a medium that the person does not have."""
    for severity, of_severity in steps.items():
        missing = [each for step in of_severity for each in step.media if each not in own]
        if missing:
            raise InvalidValueError(
                f"steps of {severity} name {missing[0]}, which is not among the media",
                "step-medium-missing",
                severity=severity,
                medium=missing[0],
            )


class RecipientFields(RequestModel):
    """Steps, quiet hours and the language stay as they are if they are left out."""

    name: ShortText = Field(description="The name that messages call the person by.")
    media: tuple[ChannelAddress, ...]
    time_zone: TimeZone = Field(
        default=DEFAULT_TIME_ZONE,
        description="The zone of times in messages and of quiet hours, as `Europe/Rome`.",
    )
    steps: dict[Severity, Steps] = Field(
        default={},
        description="By severity, by which media after how long; later ones only while the message"
        " is not answered. None: all media at once. A severity without an entry: the"
        " default of the centre.",
    )
    quiet_hours: QuietHours | None = Field(
        default=None, description="When what is not urgent waits for a summary; null: never."
    )
    language: Language | None = Field(
        default=None, description="The language of messages; null: English."
    )

    @model_validator(mode="after")
    def _require_own_media(self) -> Self:
        """Devices are added elsewhere, so a step may name `web_push` at any time."""
        require_media(self.steps, {each.medium for each in self.media} | {"web_push"})
        return self

    def changed(self, before: ContactMethods | None) -> ContactMethods:
        """Return what is in force from now on: rules that the request does not name stay.

        They are the person's own; who puts only addresses must not undo them.
        """
        rules = before.rules if before else PersonRules()
        named = self.model_fields_set
        language = before.language if before else None
        return ContactMethods(
            self.name,
            tuple(each.stored() for each in self.media),
            self.time_zone,
            PersonRules(
                self.steps if "steps" in named else rules.steps,
                self.quiet_hours if "quiet_hours" in named else rules.quiet_hours,
            ),
            self.language if "language" in named else language,
        )
