"""Words by which customers ask for a supervisor, in English, German, Spanish and French.

The work grows with the text looked at and no faster, whatever is written, and so much is looked at
that a request can hardly be missed. Read texts before a transaction, not within it.
"""

import re
from collections.abc import Iterable, Iterator

# Of a long text, the beginning and the end are read: what customers quote stands between.
HEAD_CHARACTERS = 3000
TAIL_CHARACTERS = 1000
# So many characters may stand between the wish and the supervisor.
_DISTANCE = 60
_QUOTED_LINE = re.compile(r"^[ \t]*>.*$", re.MULTILINE)


def asks_for_supervisor(text: str) -> bool:
    """Tell whether the text asks for a supervisor; a missed request is worse than a false one."""
    return any(
        _are_near(wish, supervisor, part) for part in _parts(text) for wish, supervisor in _REQUESTS
    )


def _parts(text: str) -> Iterator[str]:
    """Cut the text to what is read, without the lines that it quotes."""
    if len(text) <= HEAD_CHARACTERS + TAIL_CHARACTERS:
        yield _QUOTED_LINE.sub("", text)
    else:
        yield _QUOTED_LINE.sub("", text[:HEAD_CHARACTERS])
        yield _QUOTED_LINE.sub("", text[-TAIL_CHARACTERS:])


def _are_near(wish: re.Pattern[str], supervisor: re.Pattern[str], text: str) -> bool:
    """Tell whether a supervisor stands soon after a wish.

    Both are found in one pass: a wish further back than the last one before is never better.
    """
    wishes = (match.end() for match in wish.finditer(text))
    starts = [match.start() for match in supervisor.finditer(text)]
    return bool(starts) and _is_soon_after(wishes, starts)


def _is_soon_after(wishes: Iterable[int], supervisors: list[int]) -> bool:
    supervisor = iter(supervisors)
    start = next(supervisor)
    for end in wishes:
        while start < end:
            following = next(supervisor, None)
            if following is None:
                return False
            start = following
        if start - end <= _DISTANCE:
            return True
    return False


_SUPERVISOR = {
    "en": r"supervisor|manager|team\s*lead(?:er)?|your\s+(?:boss|superior)"
    r"|someone\s+(?:higher|senior|in\s+charge)",
    "de": r"vorgesetzte[rn]?|teamleiter(?:in)?|filialleiter(?:in)?|ihre[nm]?\s+chef",
    "es": r"supervisor[a]?|gerente|encargad[oa]|su\s+(?:jefe|jefa|superior)",
    "fr": r"superviseur[e]?|responsable|votre\s+(?:chef|supérieur|manager)",
}
_WISH = {
    "en": r"(?:speak|talk|get|put|want|like|need|let|escalat|connect|transfer|where|call|pass)",
    "de": r"(?:sprech|reden|möchte|will|verlang|verbind|geben|holen)",
    "es": r"(?:hablar|quiero|quisiera|necesito|p[aá]s[ae]|comuni|exijo)",
    "fr": r"(?:parler|veux|voudrais|souhaite|passe|exige|besoin)",
}
_REQUESTS = tuple(
    (
        re.compile(rf"\b{_WISH[language]}\w*", re.IGNORECASE),
        re.compile(rf"\b(?:{supervisor})\b", re.IGNORECASE),
    )
    for language, supervisor in _SUPERVISOR.items()
)
