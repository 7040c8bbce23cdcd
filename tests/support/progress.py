"""Lines that say what a test run is doing, between pytest's own."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest

Report = Callable[[str], None]


class Progress:
    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager

    def report(self, line: str) -> None:
        """Print the line at once, though a test may be running whose output is captured."""
        terminal = self._plugins.get_plugin("terminalreporter")
        if terminal is None:
            return
        capture = self._plugins.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            terminal.ensure_newline()
            terminal.write_line(line)
            terminal.flush()
