"""`python -m common`: what is set up before the services start, and generated documents."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
import yaml
from cryptography.fernet import Fernet

from common.contracts.services import TOPIC_OWNERS
from common.core.secret_strength import MIN_GIVEN_CHARACTERS, weakness
from common.messaging.signatures import SigningKey
from common.service.asyncapi import document
from common.service.kafka_acls import acl_commands
from common.service.kafka_settings import KafkaSettings
from common.service.provision import RolePasswords, TopicSpec, create_topics, provision_schema
from common.service.reference import metrics_reference, settings_reference
from common.service.settings import read_settings

Namespace = Annotated[str, typer.Option(envvar="UPSTAIRS_NAMESPACE")]

cli = typer.Typer(no_args_is_help=True, add_completion=False)


@cli.command()
def schema(
    service: str,
    admin_url: Annotated[str, typer.Option(envvar="UPSTAIRS_ADMIN_URL")],
    password: Annotated[str, typer.Option(envvar="UPSTAIRS_ROLE_PASSWORD")],
    owner_password: Annotated[str, typer.Option(envvar="UPSTAIRS_OWNER_PASSWORD")],
    *,
    trial: Annotated[
        bool, typer.Option(envvar="UPSTAIRS_TRIAL", help="take weak and published passwords too")
    ] = False,
) -> None:
    """Make or repair a service's roles, one to serve and one to migrate, and its schema."""
    for variable, text in (("ROLE", password), ("OWNER", owner_password)):
        reason = None if trial else weakness(text, min_characters=MIN_GIVEN_CHARACTERS)
        if reason:
            # The owner's too: this role can rewrite the audit trail.
            message = f"UPSTAIRS_{variable}_PASSWORD: {reason}"
            raise typer.BadParameter(message)
    passwords = RolePasswords(serving=password, owner=owner_password)
    asyncio.run(provision_schema(admin_url, service, passwords))


@cli.command()
def topics(
    file: Path,
    namespace: Namespace = "upstairs",
) -> None:
    """Create the topics listed in a YAML file, and add missing partitions.

    It connects to Kafka with the same settings as a service.
    """
    connection = read_settings(KafkaSettings).kafka
    listed = yaml.safe_load(file.read_text())["topics"]
    specs = {name: TopicSpec.model_validate(spec) for name, spec in listed.items()}
    for line in asyncio.run(create_topics(connection, namespace, specs)):
        typer.echo(line)


@cli.command()
def kafka_acls(
    services: Annotated[list[str], typer.Argument(help="the services")],
    namespace: Namespace = "upstairs",
    principal_prefix: Annotated[
        str, typer.Option(help="before `upstairs_<service>`; for certificates `User:CN=`")
    ] = "User:",
) -> None:
    """Print the commands that give each service the access to Kafka that it needs, and no more."""
    for line in acl_commands(services, namespace, principal_prefix):
        typer.echo(line)


@cli.command()
def signing_keys() -> None:
    """Print a new key for each service that publishes, and the setting that lets all verify."""
    keys = {service: SigningKey.generate() for service in sorted(set(TOPIC_OWNERS.values()))}
    for service, key in keys.items():
        typer.echo(f"# {service} only\nUPSTAIRS_EVENT_SIGNING_KEY={key.seed}")
    public = {service: [key.public] for service, key in keys.items()}
    typer.echo("# every service")
    typer.echo(f"UPSTAIRS_EVENT_VERIFICATION_KEYS={orjson.dumps(public).decode()}")


@cli.command()
def encryption_key() -> None:
    """Print a new key that encrypts the stored secrets of outside systems."""
    typer.echo(Fernet.generate_key().decode())


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
