"""Where a service's refusal is shown: beside the fields that it names, the rest above the form."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from console.views.problem_texts import problem_text
from console.views.reader import Reader
from console.views.refusal_words import field_text


@dataclass(frozen=True, slots=True)
class FormProblems:
    """`whole` is about the form as a whole."""

    by_field: Mapping[str, str] = field(default_factory=dict)
    whole: str | None = None

    def __bool__(self) -> bool:
        return bool(self.by_field) or self.whole is not None


@dataclass(frozen=True, slots=True)
class FilledForm:
    """What is written in a form, and what is wrong with it; `status` is that of the answer."""

    values: Mapping[str, str] = field(default_factory=dict)
    problems: FormProblems = field(default_factory=FormProblems)
    status: int = 200


def form_problems(
    document: Mapping[str, Any], fields: Container[str], reader: Reader
) -> FormProblems:
    """Sort what a problem document says by the form's fields: `body/from` belongs to `from`."""

    def field_of(pointer: str) -> str | None:
        name = pointer.removeprefix("body/").partition("/")[0]
        return name if name in fields else None

    return sort_problems(document, field_of, reader)


def sort_problems(
    document: Mapping[str, Any], field_of: Callable[[str], str | None], reader: Reader
) -> FormProblems:
    """Sort what a problem document says; `field_of` finds the field of a pointer, if there is one.

    Of two problems of a field the first is shown.
    """
    by_field: dict[str, str] = {}
    others: list[str] = []
    for error in document.get("errors", ()):
        name = field_of(str(error["pointer"]))
        if name is None:
            others.append(field_text(error, reader))
        else:
            by_field.setdefault(name, field_text(error, reader))
    if not by_field and not others:
        others.append(problem_text(document, reader))
    return FormProblems(by_field, " ".join(others) or None)
