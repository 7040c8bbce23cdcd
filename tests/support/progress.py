"""Progress lines of a test run, between pytest's own."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest

Report = Callable[[str], None]


class Progress:
    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager

    def report(self, line: str) -> None:
        """Print the line at once, even while pytest captures the output of a test."""
        terminal = self._plugins.get_plugin("terminalreporter")
        if terminal is None:
            return
        capture = self._plugins.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            terminal.ensure_newline()
            terminal.write_line(line)
            terminal.flush()
