"""What of a setting is written and never read: asked for last, so that no page has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.views.problem_texts import problem_text
from console.views.reader import Reader
from console.views.service_problems import FormProblems, sort_problems
from console.views.settings.nodes import Leaf, join_path
from console.views.settings.values import Value

# What the names of their fields begin with.
SECRETS: Final = "secrets"
# Refusals that are about the secret as a whole.
_CODES: Final = frozenset(("weak-secret", "credentials-missing"))
_APP_MEMBER: Final = "app_secret"
_MEMBERS: Final = frozenset((SECRETS, "secret", "credentials", _APP_MEMBER))
Body = Mapping[str, Any]


class SecretLine(Value):
    """A line that the browser hides, and that no page shows again."""

    control = "password"


@dataclass(frozen=True, slots=True)
class SecretFields:
    """`members` makes the part of the setting from what the fields have.

    `is_asked` tells whether saving asks for them, by the setting in force (None if there is none)
    and the one to save; else what is stored stays.
    """

    leaves: tuple[Leaf, ...]
    hint: str
    members: Callable[[Body], Body]
    is_asked: Callable[[Body | None, Body], bool]


def is_asked_of_new(current: Body | None, _body: Body) -> bool:
    return current is None


def secret_problems(
    document: Mapping[str, Any], fields: SecretFields, reader: Reader
) -> FormProblems:
    """Sort what a service says about secrets by their fields; empty if it is about others."""
    names = [leaf.name for leaf in fields.leaves]

    def path_of(pointer: str) -> str | None:
        parts = pointer.removeprefix("body/").split("/")
        if parts[0] not in _MEMBERS:
            return None
        if parts[0] == _APP_MEMBER:
            parts = [_APP_MEMBER]
        return join_path(SECRETS, parts[-1] if parts[-1] in names else names[0])

    if str(document.get("type", "")).rpartition(":")[2] in _CODES:
        pointers = (str(error["pointer"]) for error in document.get("errors", ()))
        place = next(filter(None, map(path_of, pointers)), join_path(SECRETS, names[0]))
        return FormProblems({place: problem_text(document, reader)})
    problems = sort_problems(document, path_of, reader)
    return problems if problems.by_field else FormProblems()
