"""The list of dead letters, as `dead-letters list` prints it."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from common.storage.dead_letter_store import DeadLetterSummary

_COLUMNS: Final = ("ID", "STATE", "SINCE", "ATTEMPTS", "TYPE", "KEY", "REASON")
_PIPE_WIDTH: Final = 10_000


def print_table(letters: Iterable[DeadLetterSummary]) -> None:
    table = Table(*_COLUMNS, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.no_wrap = True
    for letter in letters:
        table.add_row(*map(escape, _row(letter)))
    # A file or a pipe gets whole rows, whatever their length.
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=_PIPE_WIDTH)
    console.print(table)


def _row(letter: DeadLetterSummary) -> tuple[str, ...]:
    return (
        str(letter.id),
        letter.state,
        f"{letter.closed_at or letter.at:%Y-%m-%d %H:%M:%S}",
        str(letter.attempts),
        letter.type or "-",
        letter.key or "-",
        " ".join(letter.reason.split()),
    )
