"""Kinds of mail that a person has stopped, as My notifications shows them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views.fallback import Labels
from console.views.reader import Reader

_KINDS: Final[Mapping[str, str]] = Labels(
    {
        "updated": mark("Mails about new reasons of an escalation"),
        "coaching": mark("Mails that ask you to coach someone"),
    }
)


@dataclass(frozen=True, slots=True)
class StoppedMailRow:
    kind: str
    label: str
    since: str


def stopped_mail_rows(
    stops: Iterable[Mapping[str, Any]], reader: Reader
) -> tuple[StoppedMailRow, ...]:
    return tuple(
        StoppedMailRow(
            stop["kind"],
            reader.texts.gettext(_KINDS[stop["kind"]]),
            reader.texts.gettext("stopped: %(time)s", time=reader.time(stop["stopped_at"])),
        )
        for stop in stops
    )
