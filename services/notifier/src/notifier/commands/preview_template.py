"""Shows what a template writes, before anybody gets it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from common.service.settings import read_settings
from notifier.domain.content_levels import ContentLevels
from notifier.domain.message_templates import TEMPLATE_KINDS, TEMPLATE_MEDIA, TemplateKey
from notifier.domain.recipients import DEFAULT_LANGUAGE, LANGUAGES
from notifier.message_templates import shipped
from notifier.message_templates.checking import try_template
from notifier.settings import Settings

T = TypeVar("T", bound=str)
_UNUSED_URL: Final = "postgresql+asyncpg://unused@localhost/unused"


def preview_template(
    medium: Annotated[str, typer.Option(help="slack, email, web_push, …")] = "email",
    kind: Annotated[str, typer.Option(help="The reason of the message, or any.")] = "raised",
    language: Annotated[str, typer.Option(help="en, de, es, fr, pt or it.")] = DEFAULT_LANGUAGE,
    body: Annotated[Path | None, typer.Option(help="A file with the template's body.")] = None,
    title: Annotated[str, typer.Option(help="The template's title.")] = shipped.TITLE,
) -> None:
    """Render a template with made-up data, and say why it could not be saved.

    It shows what UPSTAIRS_MESSAGE_CONTENT lets the medium show.
    Without a file it renders what the shipped template is like.
    """
    key = TemplateKey(
        _one_of(TEMPLATE_MEDIA, medium),
        _one_of(TEMPLATE_KINDS, kind),
        _one_of(LANGUAGES, language),
    )
    source = shipped.body_of(key.medium) if body is None else body.read_text()
    # It reads the one setting, and no database.
    settings = read_settings(Settings, database_url=_UNUSED_URL, kafka_bootstrap="unused")
    level = ContentLevels(settings.message_content).of(key.medium)
    trial = try_template(key, title, source, level)
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
