"""`python -m common`: roles and schemas, topics, the AsyncAPI document, and references."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml

from common.service.asyncapi import document
from common.service.provision import (
    RolePasswords,
    TopicSpec,
    create_topics,
    provision_schema,
)
from common.service.reference import metrics_reference, settings_reference

cli = typer.Typer(no_args_is_help=True, add_completion=False)


@cli.command()
def schema(
    service: str,
    admin_url: Annotated[str, typer.Option(envvar="UPSTAIRS_ADMIN_URL")],
    password: Annotated[str, typer.Option(envvar="UPSTAIRS_ROLE_PASSWORD")],
    owner_password: Annotated[str, typer.Option(envvar="UPSTAIRS_OWNER_PASSWORD")],
) -> None:
    """Make or repair a service's roles, one to serve and one to migrate, and its schema."""
    passwords = RolePasswords(serving=password, owner=owner_password)
    asyncio.run(provision_schema(admin_url, service, passwords))


@cli.command()
def topics(
    file: Path,
    bootstrap: Annotated[str, typer.Option(envvar="UPSTAIRS_KAFKA_BOOTSTRAP")],
    namespace: Annotated[str, typer.Option(envvar="UPSTAIRS_NAMESPACE")] = "upstairs",
) -> None:
    """Create the topics listed in a YAML file, and add missing partitions."""
    listed = yaml.safe_load(file.read_text())["topics"]
    specs = {name: TopicSpec.model_validate(spec) for name, spec in listed.items()}
    for line in asyncio.run(create_topics(bootstrap, namespace, specs)):
        typer.echo(line)


@cli.command()
def asyncapi() -> None:
    """Print the AsyncAPI document of all events."""
    yaml.safe_dump(document(), sys.stdout, sort_keys=False, allow_unicode=True)


@cli.command()
def reference(
    kind: Annotated[str, typer.Argument(help="settings or metrics")],
    services: Annotated[list[str], typer.Argument(help="the services, in order")],
) -> None:
    """Print the reference of all settings or of all metrics, as Markdown."""
    makers = {"settings": settings_reference, "metrics": metrics_reference}
    if kind not in makers:
        raise typer.BadParameter("takes settings or metrics")
    typer.echo(makers[kind](services), nl=False)


if __name__ == "__main__":
    cli()
