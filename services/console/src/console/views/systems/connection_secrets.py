"""The secrets of a connection: asked for last, put beside each other, never shown."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from console.texts import mark
from console.views.settings.kinds import Body
from console.views.settings.nodes import Leaf
from console.views.settings.secret_fields import SecretFields, SecretLine, is_asked_of_new
from console.views.settings.values import Flag, Line

SECRET_LEAVES: Final = (
    Leaf(
        "value",
        SecretLine(),
        mark("The secret itself"),
        mark("At least 16 characters. It is stored encrypted and never shown."),
        is_required=False,
    ),
    Leaf(
        "from_env",
        Line(),
        mark("Or the variable of intake that has it"),
        mark("One that the operators allow, such as CHANNEL_ACME."),
        is_required=False,
    ),
    Leaf(
        "from_file",
        Line(),
        mark("Or the file that has it"),
        mark("In a directory that the operators allow, such as /run/secrets/acme."),
        is_required=False,
    ),
)


ROTATION_LEAVES: Final = (
    *SECRET_LEAVES,
    Leaf(
        "keep",
        Flag(),
        mark("The secret before stays valid too"),
        mark("Change it in the outside system, then remove the old one here."),
        initial="on",
    ),
)


APP_SECRET_LEAF: Final = Leaf(
    "app_secret",
    SecretLine(),
    mark("The secret of the app"),
    mark("Of the app that the options name. Left empty, the one that is stored stays."),
    is_required=False,
)


def secret_members(fields: Body) -> Body:
    """Return the secrets as intake takes them: one that is left out is missing there too."""
    own = {name: value for name, value in fields.items() if name != APP_SECRET_LEAF.name}
    return {**({"secrets": [own]} if own else {}), **app_secret_member(fields)}


def app_secret_member(fields: Body) -> Body:
    """Return the secret of the app as intake takes it, if the fields have one."""
    app_secret = fields.get(APP_SECRET_LEAF.name)
    return {"app_secret": {"value": app_secret}} if app_secret else {}


def rotated_secrets(fields: Body, present: int) -> list[Mapping[str, Any]]:
    """Return the secrets that are valid from now on: the new one, and the one before if it stays.

    `present` is how many there are.
    """
    others = ("keep", APP_SECRET_LEAF.name)
    new = {name: value for name, value in fields.items() if name not in others}
    kept = [{"present": 1}] if fields["keep"] and present else []
    return [*([new] if new else []), *kept]


def secrets_without(place: int, present: int) -> list[Mapping[str, Any]]:
    """Return the secrets that stay if the one at this place is removed."""
    return [{"present": each} for each in range(1, present + 1) if each != place]


SECRETS: Final = SecretFields(
    SECRET_LEAVES,
    mark("With it the outside system proves that a delivery is its own. Fill in one of these."),
    secret_members,
    is_asked_of_new,
)


def secrets_with_app(option: str) -> SecretFields:
    """Return the fields of a kind whose `option` names an app; another app asks for its secret."""

    def is_asked(current: Body | None, body: Body) -> bool:
        named = body["options"].get(option)
        return current is None or (named is not None and named != current["options"].get(option))

    return replace(SECRETS, leaves=(*SECRET_LEAVES, APP_SECRET_LEAF), is_asked=is_asked)
