"""`train-understanding` and `measure-understanding`: the model of what customers ask for."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from intake.commands.training.texts import LabelledText, read_labelled
from intake.commands.training.weights import train
from intake.domain.understanding.model import WEIGHTS
from intake.domain.understanding.supervisor_request import Answer, read_request


class Figures(NamedTuple):
    """How well requests for a supervisor are read; `unsure` counts questions to representatives.

    `noticed` is the share of requests that are recognised or lead to a question.
    """

    recall: float
    precision: float
    noticed: float
    unsure: int
    texts: int


def train_understanding(
    output: Annotated[Path, typer.Option(help="where the weights are written")] = WEIGHTS,
) -> None:
    """Train the weights from texts and templates, in about 90 s; the same ones each time."""
    weights = train()
    output.write_bytes(weights)
    typer.echo(f"{output.name}: {len(weights)} bytes")


def measure_understanding(
    files: Annotated[list[Path], typer.Argument(help="lines of yes or no, a tab, and the text")],
) -> None:
    """Print recall and precision for each file of labelled texts."""
    for file in files:
        figures = measure(list(read_labelled(file)))
        typer.echo(
            f"{file.stem}: recall {figures.recall:.3f}, precision {figures.precision:.3f},"
            f" noticed {figures.noticed:.3f}, unsure {figures.unsure} of {figures.texts}"
        )


def measure(texts: list[LabelledText]) -> Figures:
    """Only a sure yes counts as one."""
    answers: list[tuple[Answer, bool]] = [
        (read_request(labelled.text).answer, labelled.asks) for labelled in texts
    ]
    hits = answers.count(("yes", True))
    sure = sum(answer == "yes" for answer, _ in answers)
    asking = sum(asks for _, asks in answers)
    unsure = sum(answer == "unsure" for answer, _ in answers)
    noticed = hits + answers.count(("unsure", True))
    share = max(asking, 1)
    return Figures(hits / share, hits / max(sure, 1), noticed / share, unsure, len(answers))
