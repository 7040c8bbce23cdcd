"""Renders templates that people write in a service: Jinja2, of which only a small part is allowed.

What a template costs is bounded by its form, so that no time limit has to stop it: its source has
at most 4,000 characters, a loop is over one of our short lists and has no other loop in it, nothing
is called, and no operator or filter makes a text longer than its parts. The sandbox of Jinja2 is
there too, should a node be allowed here one day that reaches further.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.languages import language_of
from notifier.message_templates.variables import LISTS, NAMES
from notifier.rendering import cut, plain_value, quoted, slack_value

_MAX_DEPTH: Final = 40
_LOOP: Final = ("index", "first", "last")
_FILTERS: Final = ("clipped", "quoted", "upper", "lower", "trim", "length", "join", "default")
_TESTS: Final = ("defined", "none", "odd", "even")
_ALLOWED: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Getattr,
)


class TemplateRefusedError(Exception):
    """The template can't be used; the text says why, to the person who writes it."""


class Sandbox:
    """Compiles templates of one medium and one language."""

    def __init__(self, medium: str, language: str) -> None:
        finalize = slack_value if medium == "slack" else plain_value
        self._environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        kept = {name: self._environment.filters[name] for name in _FILTERS[2:]}
        self._environment.filters.clear()
        self._environment.filters.update(kept)
        self._environment.filters["clipped"] = _clipped
        self._environment.filters["quoted"] = partial(quoted, language_of(language))
        self._environment.globals.clear()

    def compile(self, source: str) -> Template:
        """Return the template; raises TemplateRefusedError."""
        try:
            _check(self._environment.parse(source))
            return self._environment.from_string(source)
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            raise TemplateRefusedError(_at(line, str(error.message or error))) from error
        except (RecursionError, SyntaxError, MemoryError, ValueError) as error:
            raise TemplateRefusedError("It is nested too deeply.") from error


def render(template: Template, values: Mapping[str, object], longest: int) -> str:
    """Render it, but stop soon after it gets too long; raises TemplateRefusedError."""
    chunks, length = [], 0
    try:
        for chunk in template.generate(values):
            chunks.append(chunk)
            length += len(chunk)
            if length > longest * 2:
                break
    except TemplateError as error:
        raise TemplateRefusedError(str(error.message or error)) from error
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise TemplateRefusedError(f"It can't be rendered: {error}") from error
    return "".join(chunks).strip()


def _clipped(value: object, longest: int) -> str:
    return cut(str(value), longest)


def _check(tree: nodes.Template) -> None:
    for node, loops in _walk(tree):
        if not isinstance(node, _ALLOWED):
            name = type(node).__name__.lower()
            raise TemplateRefusedError(_at(node.lineno, f"`{name}` is not allowed here."))
        reason = _refusal(node, loops)
        if reason is not None:
            raise TemplateRefusedError(_at(node.lineno, reason))


def _walk(tree: nodes.Template) -> Iterator[tuple[nodes.Node, tuple[nodes.For, ...]]]:
    """Yield every node with the loops that it is in."""
    waiting: list[tuple[nodes.Node, tuple[nodes.For, ...], int]] = [(tree, (), 0)]
    while waiting:
        node, loops, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise TemplateRefusedError(_at(node.lineno, "It is nested too deeply."))
        yield node, loops
        inner = (*loops, node) if isinstance(node, nodes.For) else loops
        waiting += [(child, inner, depth + 1) for child in node.iter_child_nodes()]


def _refusal(node: nodes.Node, loops: tuple[nodes.For, ...]) -> str | None:
    match node:
        case nodes.Name():
            return _name_refusal(node, loops)
        case nodes.For():
            return _loop_refusal(node, loops)
        case nodes.Getattr():
            return _attribute_refusal(node, loops)
        case nodes.Filter():
            return _function_refusal(node, "filter", _FILTERS) or _join_refusal(node, loops)
        case nodes.Test():
            return _function_refusal(node, "test", _TESTS)
        case _:
            return None


def _attribute_refusal(node: nodes.Getattr, loops: tuple[nodes.For, ...]) -> str | None:
    is_loop = isinstance(node.node, nodes.Name) and node.node.name == "loop"
    if is_loop and loops and node.attr in _LOOP:
        return None
    return "Only loop.index, loop.first and loop.last have a dot."


def _function_refusal(
    node: nodes.Filter | nodes.Test, sort: str, names: tuple[str, ...]
) -> str | None:
    if node.name not in names:
        return f"There is no {sort} {node.name}: use {', '.join(names)}."
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return f"Give the {sort} {node.name} its arguments one by one."
    return None


def _join_refusal(node: nodes.Filter, loops: tuple[nodes.For, ...]) -> str | None:
    """Joined texts of joined texts would grow without bound, and its second argument reaches in."""
    if node.name != "join":
        return None
    joined = node.node.name if isinstance(node.node, nodes.Name) else None
    is_item = any(
        isinstance(loop.target, nodes.Name) and loop.target.name == joined for loop in loops
    )
    if joined not in LISTS or is_item:
        return f"The filter join is for one of {', '.join(LISTS)}."
    if len(node.args) > 1 or not all(isinstance(each, nodes.Const) for each in node.args):
        return "Give the filter join one text, as in `details | join(', ')`."
    return None


def _name_refusal(node: nodes.Name, loops: tuple[nodes.For, ...]) -> str | None:
    items = {loop.target.name for loop in loops if isinstance(loop.target, nodes.Name)}
    is_loop = node.name == "loop" and bool(loops)
    if node.ctx == "store" or is_loop or node.name in NAMES or node.name in items:
        return None
    return f"There is no variable {node.name}."


def _loop_refusal(node: nodes.For, loops: tuple[nodes.For, ...]) -> str | None:
    if loops:
        return "A loop can't be in a loop."
    if not isinstance(node.iter, nodes.Name) or node.iter.name not in LISTS:
        return f"A loop is over one of {', '.join(LISTS)}."
    if not isinstance(node.target, nodes.Name) or node.recursive:
        return "A loop has one name, as in `for line in details`."
    return None


def _at(line: int | None, text: str) -> str:
    return text if line is None else f"Line {line}: {text}"
