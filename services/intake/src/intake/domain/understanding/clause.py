"""A clause by the kinds of its words, and what lies near what in it."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from intake.domain.understanding.lexicon import Cue, Kind, Lexicon

Verdict = Literal["asks", "denies", "mentions", "unsure"]


class Reading(NamedTuple):
    """What one clause says, and the rule that says so."""

    verdict: Verdict
    rule: str


# So many words may stand between a possessive or a role and the supervisor.
NEAR: Final = 3
# Between "someone" and "decide", for verbs at the end of a clause.
AUTHORITY_DISTANCE: Final = 7
WISH_DISTANCE: Final = 9
_AND: Final = frozenset({"and", "und", "y", "et", "e", "ed"})


class Clause:
    """The cues of a clause, by kind."""

    def __init__(self, words: Sequence[str], lexicon: Lexicon) -> None:
        self.words = words
        self._cues: dict[Kind, list[Cue]] = {}
        for cue in lexicon.cues(words):
            self._cues.setdefault(cue.kind, []).append(cue)

    def of(self, *kinds: Kind) -> list[Cue]:
        return [cue for kind in kinds for cue in self._cues.get(kind, ())]

    def has(self, *kinds: Kind) -> bool:
        return any(kind in self._cues for kind in kinds)

    def targets(self) -> list[Cue]:
        """Return who is asked for: the supervisor, or somebody with authority."""
        return [*self.of("target"), *self._people_with_authority()]

    def _people_with_authority(self) -> list[Cue]:
        able = (cue for cue in self.of("able") if self._is_whole(cue))
        return [
            Cue("authority", person.start, authority.end)
            for authority in (*self.of("authority"), *able)
            for person in self.of("person")
            if authority.start == person.start or self._belongs(authority, person)
        ]

    def _belongs(self, authority: Cue, person: Cue) -> bool:
        """Tell whether a person has it; "somebody about the power cut" does not."""
        return 0 <= authority.start - person.end <= AUTHORITY_DISTANCE and not any(
            person.end <= cue.start < authority.start for cue in self.of("about")
        )

    def _is_whole(self, able: Cue) -> bool:
        """Tell whether no verb follows, but a request: "who can (repair it)", "who can and …"."""
        if able.end == len(self.words):
            return True
        requests = {cue.start for cue in self.of("contact")}
        return self.words[able.end] in _AND and able.end + 1 in requests


def is_wished(clause: Clause, target: Cue) -> bool:
    wishes = clause.of("wish", "please", "now")
    return any(
        -WISH_DISTANCE <= target.start - cue.end <= WISH_DISTANCE
        or 0 <= cue.start - target.end <= WISH_DISTANCE
        for cue in wishes
    )


def follows(clause: Clause, target: Cue, kind: Kind) -> bool:
    return any(0 <= cue.start - target.end <= NEAR for cue in clause.of(kind))


def contains(cue: Cue, other: Cue) -> bool:
    return cue.start <= other.start and other.end <= cue.end


def has_near(clause: Clause, target: Cue, *kinds: Kind) -> bool:
    return any(0 <= target.start - cue.end < NEAR for cue in clause.of(*kinds))
