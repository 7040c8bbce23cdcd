"""Which settings in force depend on one that shall be archived."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from escalation.domain.settings.ladders import Ladder
from escalation.domain.settings.registry import (
    DEFAULT_LADDER,
    KIND_BY_TYPE,
    KINDS,
    Configuration,
    Setting,
    Versioned,
)
from escalation.domain.settings.validation import undefined_references


def dependents(configuration: Configuration, setting: Versioned[Any]) -> Iterator[str]:
    """Name each place in other settings that names this one, as `kind/id: place`."""
    without = configuration.with_versions((replace(setting, archived=True),))
    for kind in KINDS:
        for other in without.all_of(kind.type):
            for place in _dangling(configuration, without, other.body):
                yield f"{kind.path}/{other.id}: {place}"
    if (KIND_BY_TYPE[type(setting.body)].type, setting.id) == (Ladder, DEFAULT_LADDER):
        yield "contacts for which no policy names a ladder"


def _dangling(before: Configuration, after: Configuration, body: Setting) -> list[str]:
    earlier = set(undefined_references(before, body))
    return [
        reference[0] for reference in undefined_references(after, body) if reference not in earlier
    ]
