"""A message of which nobody can be sure that it asks for a supervisor."""

from pathlib import Path
from typing import Final

from intake.commands.training.texts import read_labelled
from intake.domain.understanding.supervisor_request import read_request

_TEXTS: Final = Path(__file__).parents[1] / "unit/intake/understanding/kept_apart/en.txt"


def _shortest() -> str:
    """Find one: what the model is sure of changes whenever it is trained."""
    texts = (labelled.text for labelled in read_labelled(_TEXTS))
    return min((text for text in texts if read_request(text).answer == "unsure"), key=len)


DOUBTFUL: Final = _shortest()
