"""`python -m devstack`: start the stack, or fetch its files."""

import signal
import sys
from typing import NoReturn

import typer

from devstack import jars
from devstack.backend import THIS_MACHINE, java_for_embedded
from devstack.errors import StackError
from devstack.progress import Progress
from devstack.stack import KAFKA_VARIABLE, POSTGRES_VARIABLE, start

cli = typer.Typer(help=__doc__, add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def up() -> None:
    """Start PostgreSQL and Kafka, print their addresses, and run until Ctrl-C."""
    # SIGTERM for process managers. SIGINT too, because a shell ignores it for background jobs.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        with start(progress=Progress(lambda line: typer.echo(line, err=True))) as stack:
            typer.echo(stack.reason, err=True)
            typer.echo(f"{POSTGRES_VARIABLE}={stack.postgres_admin_url}")
            typer.echo(f"{KAFKA_VARIABLE}={stack.kafka_bootstrap}")
            sys.stdout.flush()
            signal.pause()
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)


@cli.command()
def fetch() -> None:
    """Fetch Kafka's jars into the cache, so that later starts need no network."""
    typer.echo(jars.fetch())


@cli.command()
def lock() -> None:
    """Rewrite the list of Kafka's jars and checksums with Maven, after a change of its version."""
    typer.echo(jars.lock())


@cli.command()
def can_embed() -> None:
    """Exit with 0 if Java and Kafka's jars are present or can be fetched."""
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
