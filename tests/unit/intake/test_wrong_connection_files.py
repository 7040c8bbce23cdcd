"""A file of a connection that is odd is named as wrong; it never ends the command with an error."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from intake.channels.registry import CHANNELS
from intake.commands.apply_connections import WrongFilesError, read_changes

_LEVELS = "\n".join(
    f"b{level}: &b{level} [{', '.join([f'*b{level - 1}'] * 9)}]" for level in range(1, 25)
)


@pytest.mark.parametrize(
    "content",
    [
        "options: " + "{a: " * 1500 + "1" + "}" * 1500,
        "expected: {every_minutes: " + "9" * 5000 + "}",
        "options: {topic: 2020-13-45}",
        "options: !!timestamp x",
        "options: !!int ''",
        "options: !!python/object:os.system x",
        "options: &a {topic: *a}",
        f"b0: &b0 [x]\n{_LEVELS}\noptions: {{topic: *b24}}",
        "# " + "x" * 300_000,
        "options: {topic: 'a\x00b'}",
    ],
)
def test_file_that_is_no_connection_is_named_as_wrong(tmp_path: Path, content: str) -> None:
    head = "kind: zendesk\nconnection: acme\nsecrets: [{from_env: CHANNEL_ACME}]\n"
    (tmp_path / "acme.yaml").write_text(head + content, encoding="utf-8")
    with pytest.raises(WrongFilesError) as wrong:
        read_changes(tmp_path, CHANNELS)
    (line,) = wrong.value.lines
    assert line.startswith("acme.yaml: ")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_pipe_or_folder_is_named_as_a_wrong_file(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "acme.yaml")
    with pytest.raises(WrongFilesError) as wrong:
        read_changes(tmp_path, CHANNELS)
    assert wrong.value.lines == ["acme.yaml: it is no YAML file: it is no regular file"]
