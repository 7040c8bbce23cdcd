"""`python -m devstack`: bring the stack up, or fetch what it needs."""

import signal
import sys
from typing import NoReturn

import typer

from devstack import jars
from devstack.backend import THIS_MACHINE, java_for_embedded
from devstack.errors import StackError
from devstack.stack import KAFKA_VARIABLE, POSTGRES_VARIABLE, start

cli = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def up() -> None:
    """Start PostgreSQL and Kafka, print their addresses, stay until Ctrl-C."""
    # An orderly end for process managers too. SIGINT as well: a shell that starts us in the
    # background has it ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        with start() as stack:
            typer.echo(stack.reason, err=True)
            typer.echo(f"{POSTGRES_VARIABLE}={stack.postgres_admin_url}")
            typer.echo(f"{KAFKA_VARIABLE}={stack.kafka_bootstrap}")
            sys.stdout.flush()
            signal.pause()
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)


@cli.command()
def fetch() -> None:
    """Fill the cache with Kafka's jars, so that later starts need no network."""
    typer.echo(jars.fetch())


@cli.command()
def lock() -> None:
    """After a change of Kafka's version: list its jars and their sums anew, with Maven."""
    typer.echo(jars.lock())


@cli.command()
def can_embed() -> None:
    """Exit with 0 when Java and Kafka's jars are here or can be fetched."""
    if java_for_embedded(THIS_MACHINE) is None:
        msg = "no Java 17+ with Maven on this machine, nor the extra `devstack[jvm]`"
        raise StackError(msg)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        cli(prog_name="python -m devstack")
    except StackError as error:
        sys.exit(f"devstack: {error}")
