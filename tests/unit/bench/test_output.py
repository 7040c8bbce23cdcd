"""What the bench prints while it measures, and how it compares figures with their goals."""

import asyncio

import pytest

from bench.__main__ import measured
from bench.summary import Figures, print_figures


async def test_long_part_says_that_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    printed: list[str] = []

    async def part() -> Figures:
        while not any("still measuring" in line for line in printed):
            printed.append(capsys.readouterr().out)
            await asyncio.sleep(0)
        return {"console_rows": 1}

    assert await measured("console_board", part(), progress_s=0.001) == {"console_rows": 1}
    assert printed[0].startswith("measuring: console_board")
    assert "console_board: done in" in capsys.readouterr().out


@pytest.mark.parametrize(("tasks", "result"), [(0, "reached"), (1, "MISSED")])
def test_goal_of_none_is_compared_too(
    capsys: pytest.CaptureFixture[str], tasks: int, result: str
) -> None:
    print_figures({"console_long_tasks_over_100_ms": tasks})
    assert f"goal at most 0: {result}" in capsys.readouterr().out
