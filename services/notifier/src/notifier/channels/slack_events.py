"""What Slack's Events API reports: a user has opened our home tab."""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from pydantic import StringConstraints, ValidationError

from common.contracts.validation_messages import describe, place
from common.http.app import Slug
from notifier.channels.base import (
    AddressCheck,
    HomeOpened,
    Interaction,
    MalformedPayloadError,
)
from notifier.channels.slack_model import SlackModel


class _Challenge(SlackModel):
    challenge: Annotated[str, StringConstraints(max_length=500, pattern=r"^[\w.-]+$")]


class _Opened(SlackModel):
    """`tab` is `home`, or `messages`: the conversation with us."""

    user: Slug
    tab: str = "home"


def read(body: bytes) -> Sequence[Interaction]:
    """Return what happened; an event that we don't need is none. Raises MalformedPayloadError."""
    report = _object(body)
    try:
        match report.get("type"):
            case "url_verification":
                return (AddressCheck(_Challenge.model_validate(report).challenge),)
            case "event_callback":
                return _home_opened(report.get("event"))
            case _:
                return ()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        detail = f"{place(first)}: {describe(first)}"
        raise MalformedPayloadError(422, detail) from error


def _home_opened(event: object) -> Sequence[Interaction]:
    if not isinstance(event, dict) or event.get("type") != "app_home_opened":
        return ()
    opened = _Opened.model_validate(event)
    return (HomeOpened(opened.user),) if opened.tab == "home" else ()


def _object(body: bytes) -> dict[str, Any]:
    try:
        report = orjson.loads(body)
    except ValueError as error:
        raise MalformedPayloadError(400, "The body is not JSON.") from error
    if not isinstance(report, dict):
        raise MalformedPayloadError(400, "The body is no JSON object.")
    return report
