"""How long is left: in words, and how urgent that is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from console.views.reader import Reader

# From here on a countdown is urgent, and a holder should renew.
SOON_S: Final = 120

Tone = Literal["calm", "soon", "over"]


@dataclass(frozen=True, slots=True)
class Countdown:
    """`text` is how long is left at the time of the page; a browser ticks on to `until`."""

    text: str
    until: datetime
    tone: Tone
    meaning: str

    @classmethod
    def of(cls, until: datetime, meaning: str, reader: Reader) -> "Countdown":
        seconds = reader.seconds_until(until)
        return cls(reader.texts.time_left(seconds), until, tone(seconds), meaning)


def tone(seconds: float) -> Tone:
    if seconds < 0:
        return "over"
    return "soon" if seconds <= SOON_S else "calm"
