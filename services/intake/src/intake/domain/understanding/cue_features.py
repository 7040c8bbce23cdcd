"""What the model sees of a sentence besides its letters: which kinds of words it has, and where.

The kinds are the same in all languages, so that what is learnt from one serves the others.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, get_args
from zlib import crc32

from intake.domain.understanding.lexicon import Circumstance, Cue, Kind, Lexicon
from intake.domain.understanding.text import Sentence, windows

CUE_BUCKETS: Final = 1 << 18
# What tells most, alone and of the sentences around.
_ASKING: Final[frozenset[Kind]] = frozenset(
    {"target", "escalate", "authority", "wish", "contact", "negation"}
)
_TELLING: Final[frozenset[Kind]] = frozenset(
    {
        *_ASKING,
        "person",
        "my",
        "your",
        "role",
        "process",
        "past",
        "third",
        "report",
        "other",
        "praise",
        *get_args(Circumstance),
    }
)
# Of several kinds at one place, the first one of these stands for the words.
_ORDER: Final[Sequence[Kind]] = (
    "other",
    "target",
    "escalate",
    "authority",
    "able",
    "needless",
    "declined",
    "wish",
    "contact",
    "negation",
    "my",
    "role",
    "process",
    "asked",
    "relay",
    "advised",
    "praise",
    "third",
    "report",
    "colleague",
    "tool",
    "hiring",
    "please",
    "now",
    "until",
    "why",
    "past",
    "your",
    "person",
    "me",
    "article",
    "pronoun",
    "still",
)
_RANK: Final[Mapping[Kind, int]] = {kind: rank for rank, kind in enumerate(_ORDER)}
# So many cues after one are compared with it, and so near is next to it, or near it.
_COMPARED: Final = 7
_NEXT: Final = 1
_NEAR: Final = 4
# Lengths and places beyond these are all alike.
_LENGTH_STEP: Final = 4
_LONGEST: Final = 6
_LAST_PLACE: Final = 3
_MOST_SENTENCES: Final = 4


class CueReading(NamedTuple):
    """Words that are read together, and their features, each from 0 to before CUE_BUCKETS."""

    words: Sequence[str]
    features: Sequence[int]


class _Part(NamedTuple):
    words: Sequence[str]
    is_question: bool
    cues: Sequence[Cue]
    kinds: frozenset[Kind]


def read_cues(sentences: Iterable[Sentence], lexicon: Lexicon) -> Iterator[CueReading]:
    """Yield what each part of a text has."""
    parts = [
        _part(words, lexicon, is_question=sentence.is_question)
        for sentence in sentences
        for words in windows(sentence.words)
    ]
    counts = Counter(kind for part in parts for kind in part.kinds)
    for place, part in enumerate(parts):
        names = {*_of_kinds(part), *_of_pairs(part), *_of_order(part)}
        elsewhere = {kind for kind in _TELLING if counts[kind] > (kind in part.kinds)}
        names.update(_of_surroundings(parts, place, elsewhere))
        yield CueReading(part.words, [crc32(name.encode()) % CUE_BUCKETS for name in sorted(names)])


def _part(words: Sequence[str], lexicon: Lexicon, *, is_question: bool) -> _Part:
    cues = sorted(lexicon.cues(words), key=lambda cue: (cue.start, cue.end, cue.kind))
    return _Part(words, is_question, cues, frozenset(cue.kind for cue in cues))


def _of_kinds(part: _Part) -> Iterator[str]:
    """Which kinds there are, alone, two by two, and all that tell most."""
    kinds = sorted(part.kinds)
    for place, kind in enumerate(kinds):
        yield f"has {kind}"
        yield f"has {kind} {part.is_question}"
        for other in kinds[place + 1 :]:
            yield f"both {kind} {other}"
    yield f"telling {' '.join(kind for kind in kinds if kind in _TELLING)}"
    yield f"asking {part.is_question} {' '.join(kind for kind in kinds if kind in _ASKING)}"
    yield f"question {part.is_question}"
    yield f"length {min(len(part.words) // _LENGTH_STEP, _LONGEST)}"


def _of_pairs(part: _Part) -> Iterator[str]:
    """Which kind comes before which, and how near."""
    for place, cue in enumerate(part.cues):
        for other in part.cues[place + 1 : place + 1 + _COMPARED]:
            distance = other.start - cue.end
            if distance >= 0:
                yield f"before {cue.kind} {other.kind}"
            if 0 <= distance <= _NEXT:
                yield f"next {cue.kind} {other.kind}"
            elif _NEXT < distance <= _NEAR:
                yield f"near {cue.kind} {other.kind}"


def _of_order(part: _Part) -> Iterator[str]:
    """Two and three that follow each other: kinds, and the words between that have none."""
    longest: dict[int, Cue] = {}
    for cue in sorted(part.cues, key=lambda cue: (cue.start - cue.end, _RANK.get(cue.kind, 99))):
        longest.setdefault(cue.start, cue)
    names, place = ["^"], 0
    while place < len(part.words):
        phrase = longest.get(place)
        names.append(part.words[place] if phrase is None else phrase.kind.upper())
        place = place + 1 if phrase is None else phrase.end
    names.append("$")
    for at in range(len(names) - 1):
        yield f"order {' '.join(names[at : at + 2])}"
        yield f"order {' '.join(names[at : at + 3])}"


def _of_surroundings(
    parts: Sequence[_Part], place: int, elsewhere: Iterable[Kind]
) -> Iterator[str]:
    """What the rest of the text has, and the sentences before and after."""
    asking = _ASKING & parts[place].kinds
    for kind in elsewhere:
        yield f"elsewhere {kind}"
        for own in asking:
            yield f"elsewhere {kind} {own}"
    if place > 0:
        yield from (f"previous {kind}" for kind in parts[place - 1].kinds & _TELLING)
    if place + 1 < len(parts):
        yield from (f"following {kind}" for kind in parts[place + 1].kinds & _TELLING)
    yield f"place {min(place, _LAST_PLACE)} {min(len(parts), _MOST_SENTENCES)}"
    yield f"last {place == len(parts) - 1}"
