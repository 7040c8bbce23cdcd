"""Shows what a template writes, before anybody gets it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar, get_args

import typer

from common.contracts.notifications import Medium
from notifier.domain.message_templates import TEMPLATE_KINDS, TemplateKey
from notifier.domain.recipients import DEFAULT_LANGUAGE, LANGUAGES
from notifier.message_templates import shipped
from notifier.message_templates.checking import try_template

T = TypeVar("T", bound=str)


def preview_template(
    medium: Annotated[str, typer.Option(help="slack, email, web_push, …")] = "email",
    kind: Annotated[str, typer.Option(help="The reason of the message, or any.")] = "raised",
    language: Annotated[str, typer.Option(help="en, de, es, fr, pt or it.")] = DEFAULT_LANGUAGE,
    body: Annotated[Path | None, typer.Option(help="A file with the template's body.")] = None,
    title: Annotated[str, typer.Option(help="The template's title.")] = shipped.TITLE,
) -> None:
    """Render a template with made-up data, and say why it could not be saved.

    Without a file it renders what the shipped template is like.
    """
    key = TemplateKey(
        _one_of(get_args(Medium), medium),
        _one_of(TEMPLATE_KINDS, kind),
        _one_of(LANGUAGES, language),
    )
    source = shipped.body_of(key.medium) if body is None else body.read_text()
    trial = try_template(key, title, source)
    for sample in trial.samples:
        typer.echo(f"== {sample.reason}, {sample.name} data\n{sample.title}\n\n{sample.body}\n")
    for problem in trial.problems:
        typer.echo(f"{problem.part}: {problem.detail}", err=True)
    raise typer.Exit(1 if trial.problems else 0)


def _one_of(choices: Sequence[T], text: str) -> T:
    for choice in choices:
        if choice == text:
            return choice
    raise typer.BadParameter(f"{text} is none of {', '.join(choices)}")
