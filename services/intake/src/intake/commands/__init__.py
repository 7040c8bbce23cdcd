"""The commands of intake in addition to those of every service."""

import typer

from intake.commands.erase_customer import erase_customer


def install(cli: typer.Typer) -> None:
    """Add the commands to those that every service has."""
    cli.command("erase-customer")(erase_customer)
