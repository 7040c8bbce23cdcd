"""The commands of intake in addition to those of every service."""

import typer

from intake.commands.apply_connections import apply_connections
from intake.commands.erase_customer import erase_customer
from intake.commands.export_customer import export_customer
from intake.commands.import_mail import import_mail
from intake.commands.rotate_key import rotate_key
from intake.commands.understanding import measure_understanding, train_understanding


def install(cli: typer.Typer) -> None:
    """Add the commands to those that every service has."""
    cli.command("erase-customer")(erase_customer)
    cli.command("export")(export_customer)
    cli.command("import-mail")(import_mail)
    cli.command("apply")(apply_connections)
    cli.command("rotate-key")(rotate_key)
    cli.command("train-understanding")(train_understanding)
    cli.command("measure-understanding")(measure_understanding)
