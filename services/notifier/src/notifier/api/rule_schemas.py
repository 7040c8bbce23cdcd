"""A person's rules, as the API of recipients takes and shows them."""

from collections.abc import Collection, Mapping
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from common.contracts.escalations import Severity
from common.contracts.notifications import Medium
from common.contracts.validation_messages import InvalidValueError
from notifier.domain.delivery_rules import PersonRules, QuietHours, Steps
from notifier.domain.recipients import Address, ContactMethods, Language


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


class Wishes(Protocol):
    """What a request says; only fields in `model_fields_set` are meant."""

    @property
    def name(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def steps(self) -> Mapping[Severity, Steps]: ...
    @property
    def quiet_hours(self) -> QuietHours | None: ...
    @property
    def language(self) -> Language | None: ...
    @property
    def model_fields_set(self) -> set[str]: ...


def with_changes(
    before: ContactMethods | None, wishes: Wishes, media: tuple[Address, ...]
) -> ContactMethods:
    """Return what is in force from now on: rules that the request does not name stay.

    They are the person's own; who puts only addresses must not undo them.
    """
    rules = before.rules if before else PersonRules()
    named = wishes.model_fields_set
    language = before.language if before else None
    return ContactMethods(
        wishes.name,
        media,
        wishes.time_zone,
        PersonRules(
            wishes.steps if "steps" in named else rules.steps,
            wishes.quiet_hours if "quiet_hours" in named else rules.quiet_hours,
        ),
        wishes.language if "language" in named else language,
    )
