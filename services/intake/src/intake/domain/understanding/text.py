"""A customer's own words: without what they quote and how they sign, in bounded time."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final, Literal, get_args

Language = Literal["en", "de", "es", "fr", "pt", "it"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

# Of a long text, the beginning and the end are read: what customers quote stands between.
HEAD_CHARACTERS: Final = 3000
TAIL_CHARACTERS: Final = 1000

_QUOTED_LINE: Final = re.compile(r"^[ \t]*[>|].*$", re.MULTILINE)
# How mail programs introduce the mail that is answered; all that follows is quoted.
_QUOTE_HEADERS: Final = re.compile(
    r"^[ \t]*(?:"
    r"-{2,}[ \t]*(?:original message|urspr.ngliche nachricht|mensaje original|message d'origine"
    r"|message transf.r.|mensagem original|messaggio originale|forwarded message)"
    r"|(?:on|am|el|le|il giorno|il|em|no dia|na|no)\b[^\n]{0,120}"
    r"\b(?:wrote|schrieb|escribi.|a .crit|ha scritto|escreveu)\b[^\n]{0,80}:?[ \t]*$"
    r"|(?:from|von|de|da)[ \t]*:[^\n]{0,200}\n[ \t]*(?:sent|to|gesendet|an|enviado|para|envoy."
    r"|.|inviato|a|date|datum|fecha|data)[ \t]*:"
    r")",
    re.MULTILINE | re.IGNORECASE,
)
# A closing formula that is a line of its own: name and position follow.
_CLOSING: Final = re.compile(
    r"^[ \t]*(?:-- ?|_{5,}"
    r"|(?:(?:kind|best|warm|many thanks and|with kind) )?regards|yours (?:sincerely|faithfully|truly)"
    r"|sincerely(?: yours)?|cheers|best wishes|best"
    r"|(?:mit )?(?:freundlichen|besten|vielen|herzlichen|sch.nen|liebe|lieben|beste|viele|freundliche)"
    r" gr.(?:.|ss)en?|gru(?:.|ss)|gr.(?:.|ss)e|hochachtungsvoll|mfg|lg|vg"
    r"|(?:un |reciba un |cordiales |muchos )?(?:cordial )?saludos?(?: cordial(?:es)?)?|atentamente"
    r"|(?:bien )?cordialement|bien . (?:vous|toi)|salutations(?: distingu.es)?"
    r"|sinc.res salutations|respectueusement"
    r"|atenciosamente|cumprimentos|com os melhores cumprimentos|melhores cumprimentos|att|abra.os?"
    r"|(?:cordiali |distinti |tanti )?saluti|cordialmente|in fede"
    r")[ \t]*[,.!]?[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_NAME_LINE: Final = re.compile(r"\s*[^\W\d_a-z][\w.'-]*(?: [^\W\d_a-z][\w.'-]*){1,3}[ \t]*\n")
_POSTSCRIPT: Final = re.compile(r"^[ \t]*p\.? ?s\b", re.MULTILINE | re.IGNORECASE)
_CONTRACTION: Final = re.compile(r"'(t|s|d|ll|ve|re|m)\b")
_FOLDED: Final = str.maketrans({"ß": "ss", "’": "'", "‘": "'", "´": "'", "œ": "oe", "¿": ". ", "¡": ". ", "–": " - ", "—": " - "})
_SENTENCE: Final = re.compile(r"[.!?…]+|\n+|[;:]\s")
# A word that begins another clause, so that a negation before it does not reach further.
_CLAUSE_WORDS: Final[Mapping[Language, str]] = {
    "en": "but|until|so|then|because|or|unless|otherwise|therefore",
    "de": "aber|sondern|bis|oder|sonst|weil|ansonsten|deshalb",
    "es": "pero|sino|hasta que|entonces|porque|asi que",
    "fr": "mais|jusqu|donc|alors|sinon|car|soit",
    "pt": "mas|ate|entao|senao|portanto",
    "it": "ma|pero|finche|quindi|allora|altrimenti",
}
# A comma before a relative pronoun does not end what it speaks of: "jemanden, der entscheidet".
_RELATIVE: Final = r"(?!\s*(?:der|die|das|dem|den|who|that|qui|que|che|please|bitte|por favor)\b)"
_CLAUSE: Final[Mapping[Language, re.Pattern[str]]] = {
    language: re.compile(rf",{_RELATIVE}|\s[-(]\s?|\b(?:{words})\b")
    for language, words in _CLAUSE_WORDS.items()
}
_WORD: Final = re.compile(r"[a-z0-9]+")
# A sentence without punctuation is read in windows, so that its ends do not explain each other.
_WINDOW_WORDS: Final = 24


def own_words(text: str) -> str:
    """Return what is read of a text: the customer's own words at its beginning and its end."""
    if len(text) > HEAD_CHARACTERS + TAIL_CHARACTERS:
        text = f"{text[:HEAD_CHARACTERS]}\n{text[-TAIL_CHARACTERS:]}"
    if "\n" not in text:
        return text
    if (quote := _QUOTE_HEADERS.search(text)) is not None and text[: quote.start()].strip():
        text = text[: quote.start()]
    if (closing := _CLOSING.search(text)) is not None:
        text = _without_signature(text, closing)
    return _QUOTED_LINE.sub("", text)


def _without_signature(text: str, closing: re.Match[str]) -> str:
    """Cut name and position below a closing formula; a postscript is the customer's again."""
    before, after = text[: closing.start()], text[closing.end() :]
    if not before.strip() and not _NAME_LINE.match(after):
        # "Saludos," may be a greeting.
        return after
    postscript = _POSTSCRIPT.search(after)
    return before if postscript is None else f"{before}{after[postscript.start() :]}"


def fold(text: str) -> str:
    """Return the text in lower case, without accents and apostrophes."""
    text = text.lower()
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.translate(_FOLDED))
        text = decomposed.encode("ascii", "ignore").decode()
    return _CONTRACTION.sub(r"\1", text) if "'" in text else text


def sentences(folded: str) -> Iterator[tuple[str, bool]]:
    """Cut a folded text into sentences; each comes with whether it is a question."""
    start = 0
    for end in _SENTENCE.finditer(folded):
        if sentence := folded[start : end.start()].strip():
            yield sentence, "?" in end.group()
        start = end.end()
    if sentence := folded[start:].strip():
        yield sentence, False


def clauses(sentence: str, language: Language) -> list[list[str]]:
    """Cut a sentence into clauses, each a list of its words."""
    parts = (words_of(part) for part in _CLAUSE[language].split(sentence))
    return [words for words in parts if words]


def words_of(folded: str) -> list[str]:
    return _WORD.findall(folded)


def windows(words: list[str]) -> Iterator[list[str]]:
    """Yield overlapping parts of a long list of words, or the list itself."""
    if len(words) <= _WINDOW_WORDS:
        yield words
        return
    step = _WINDOW_WORDS // 2
    for start in range(0, len(words) - step, step):
        yield words[start : start + _WINDOW_WORDS]
