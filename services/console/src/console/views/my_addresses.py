"""The forms in which people enter how they are reached, and what follows for their rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from console.texts import mark
from console.views.fields import Field, FieldView, field_views
from console.views.reader import Reader
from console.views.service_problems import FormProblems, sort_problems
from console.views.words import medium_label

_NUMBER: Final = Field("number", "line", mark("Number"), mark("With the country: +49 170 1234567."))
_CONVERSATIONS: Final[Mapping[str, str]] = {
    "personal": mark("only me"),
    "shared": mark("others too"),
}
# Of each medium that people enter themselves; devices are added on the device.
FIELDS: Final[Mapping[str, tuple[Field, ...]]] = {
    "slack": (
        Field(
            "channel",
            "line",
            mark("Conversation in Slack"),
            mark("Its id, such as D024BE91L: of a direct message with Upstairs, or of a channel."),
        ),
        Field(
            "user_id",
            "line",
            mark("Your user in Slack"),
            mark("Your member id, such as U024BE7LH: only you may press the buttons."),
        ),
    ),
    "email": (Field("address", "line", mark("Email address")),),
    "sms": (_NUMBER,),
    "voice": (_NUMBER,),
    "whatsapp": (_NUMBER,),
    "teams": (
        Field(
            "url",
            "text",
            mark("Address of the workflow"),
            mark("It is a secret and never shown. Left empty, the one from before stays."),
            is_required=False,
        ),
        Field("conversation", "line", mark("Who reads the conversation")),
    ),
    "apprise": (
        Field(
            "url",
            "text",
            mark("Address in the service"),
            mark(
                "Such as tgram://token/chat for Telegram. It is a secret and never shown. Left "
                "empty, the one from before stays."
            ),
            is_required=False,
        ),
    ),
}

# Steps by severity.
Steps = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class AddressForm:
    """What was written in the form, and what is wrong with it; `etag` is that of what was read."""

    values: Mapping[str, str]
    etag: str
    problems: FormProblems = field(default_factory=FormProblems)


@dataclass(frozen=True, slots=True)
class AddressFormView:
    medium: str
    title: str
    fields: tuple[FieldView, ...]
    etag: str
    problem: str | None


def saved_values(recipient: Mapping[str, Any] | None, medium: str) -> dict[str, str]:
    """Return what the form is filled in with."""
    address = address_of(recipient, medium) or {}
    return {each.name: str(address.get(each.name) or "") for each in FIELDS[medium]}


def address_of(recipient: Mapping[str, Any] | None, medium: str) -> Mapping[str, Any] | None:
    media = recipient["media"] if recipient else ()
    return next((address for address in media if address["medium"] == medium), None)


def address_form_view(
    medium: str, form: AddressForm, reader: Reader, *, is_new: bool
) -> AddressFormView:
    _ = reader.texts.gettext
    method = medium_label(medium, reader)
    if is_new:
        title = _("Add %(method)s", method=method)
    else:
        title = _("Change how you are reached by %(method)s", method=method)
    labels = [(value, _(label)) for value, label in _CONVERSATIONS.items()]
    return AddressFormView(
        medium=medium,
        title=title,
        fields=field_views(
            FIELDS[medium],
            form.values,
            form.problems.by_field,
            lambda each: labels if each.name == "conversation" else (),
            reader,
        ),
        etag=form.etag,
        problem=form.problems.whole,
    )


def with_address(
    media: Sequence[Mapping[str, Any]], medium: str, values: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    """Return the addresses with this one in its place, or at the end."""
    written = {each.name: values.get(each.name, "") for each in FIELDS[medium]}
    address = {"medium": medium, **{name: value for name, value in written.items() if value}}
    if all(each["medium"] != medium for each in media):
        return [*media, address]
    return [address if each["medium"] == medium else each for each in media]


def without_address(media: Sequence[Mapping[str, Any]], medium: str) -> list[Mapping[str, Any]]:
    return [each for each in media if each["medium"] != medium]


def earlier(media: Sequence[Mapping[str, Any]], medium: str) -> list[Mapping[str, Any]]:
    """Return the addresses with this one a place earlier."""
    moved = list(media)
    place = next((n for n, each in enumerate(moved) if each["medium"] == medium), 0)
    if place:
        moved[place - 1], moved[place] = moved[place], moved[place - 1]
    return moved


def steps_on(media: Collection[str], steps: Steps) -> Steps:
    """Return the steps with these media and devices only: the first that is left is at once.

    Where none is left the default counts.
    """
    kept = {*media, "web_push"}
    left = {}
    for severity, of_severity in steps.items():
        rest = [
            {**step, "media": [each for each in step["media"] if each in kept]}
            for step in of_severity
        ]
        rest = [step for step in rest if step["media"]]
        if rest or not of_severity:
            left[severity] = [{**step, "after_minutes": 0} for step in rest[:1]] + rest[1:]
    return left


def address_problems(
    document: Mapping[str, Any], medium: str, place: int, reader: Reader
) -> FormProblems:
    """Sort what the service says by the fields of the address at this place."""
    names = [each.name for each in FIELDS[medium]]

    def field_of(pointer: str) -> str | None:
        match pointer.removeprefix("body/").split("/"):
            # Where an address may be of several kinds, its kind is part of the place.
            case ["media", number, *_, name] if number == str(place) and name in names:
                return name
            case ["media", number, *_] if number == str(place):
                return names[0]
            case _:
                return None

    return sort_problems(document, field_of, reader)
