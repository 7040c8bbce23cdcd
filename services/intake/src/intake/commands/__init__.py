"""The commands of intake in addition to those of every service."""

import typer

from intake.commands.erase_customer import erase_customer
from intake.commands.import_mail import import_mail


def install(cli: typer.Typer) -> None:
    """Add the commands to those that every service has."""
    cli.command("erase-customer")(erase_customer)
    cli.command("import-mail")(import_mail)
