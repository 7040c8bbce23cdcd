"""A customer's own words: without what they quote and how they sign, in bounded time.

No library: those for mail replies know fewer of the six languages (ADR 0080).
"""

import re
from typing import Final

from intake.domain.understanding.text import FoldedText, fold

# Of a long text, the beginning and the end are read: what customers quote stands between.
HEAD_CHARACTERS: Final = 3000
TAIL_CHARACTERS: Final = 1000

_LINE: Final = re.MULTILINE | re.IGNORECASE
_QUOTED_LINE: Final = re.compile(r"^[ \t]*[>|].*$", re.MULTILINE)
# How mail programs introduce the mail that is answered; all that follows is quoted.
_SEPARATOR: Final = re.compile(
    r"^[ \t]*-{2,}[ \t]*(?:original message|forwarded message|urspr.ngliche nachricht"
    r"|weitergeleitete nachricht|mensaje original|mensaje reenviado|message d'origine"
    r"|message transf.r.|mensagem original|mensagem encaminhada|messaggio originale"
    r"|messaggio inoltrato)",
    _LINE,
)
_ATTRIBUTION: Final = re.compile(
    r"^[ \t]*(?:on|am|el|le|il|em|no|na)\b[^\n]{0,120}"
    r"\b(?:wrote|schrieb|escribi.|a .crit|ha scritto|escreveu)\b[^\n]{0,80}$",
    _LINE,
)
_HEADER: Final = re.compile(
    r"^[ \t]*(?:from|von|de|da)[ \t]*:[^\n]{0,200}\n"
    r"[ \t]*(?:sent|to|gesendet|an|enviado|para|envoy.|.|inviato|a|date|datum|fecha|data)[ \t]*:",
    _LINE,
)
_CLOSINGS: Final = (
    "-- ?",
    "_{5,}",
    "((kind|best|warm) )?regards",
    "yours (sincerely|faithfully|truly)",
    "sincerely( yours)?",
    "cheers",
    "best( wishes)?",
    "(mit )?(freundliche|beste|viele|herzliche|sch.ne|liebe)n? gr.(.|ss)en?",
    "gru(.|ss)",
    "gr.(.|ss)e",
    "hochachtungsvoll",
    "mfg",
    "lg",
    "vg",
    "(un |reciba un |cordiales |muchos )?(cordial )?saludos?( cordial(es)?)?",
    "atentamente",
    "(bien )?cordialement",
    "bien . (vous|toi)",
    "(sinc.res )?salutations( distingu.es)?",
    "respectueusement",
    "atenciosamente",
    "(com os )?(melhores )?cumprimentos",
    "att",
    "abra.os?",
    "(cordiali |distinti |tanti )?saluti",
    "cordialmente",
    "in fede",
)
_FORMULA: Final = f"(?:{'|'.join(_CLOSINGS).replace('(', '(?:')})"
_CLOSING: Final = re.compile(rf"^[ \t]*{_FORMULA}[ \t]*[,.!]?[ \t]*$", _LINE)
_NAME: Final = r"[^\W\d_a-z][\w.'-]*"
_SMALL_WORD: Final = "&|and|of|for|the|und|für|der|des|y|de|del|et|du|e|da|do|di"
_TITLE: Final = rf"{_NAME}(?:[ \t](?:{_NAME}|{_SMALL_WORD})){{0,6}}"
_THANKS: Final = (
    "(?:many )?thanks|thank you|danke(?: und gru(?:.|ss))?|gracias|merci|obrigad[oa]|grazie"
)
# "Regards, Ann Lee, Office Manager" at the end of a line.
_SIGNED: Final = re.compile(
    rf"(?:^|(?<=[.!?])[ \t]+)(?i:{_FORMULA}|{_THANKS})[ \t]*,[ \t]*{_NAME}(?:[ \t]{_NAME}){{0,3}}"
    rf"(?:[ \t]*,[ \t]*{_TITLE}){{0,3}}[ \t]*\.?[ \t]*$",
    re.MULTILINE,
)
_DEVICE_WORDS: Final = ("sent", "gesend", "envoy", "envia", "inviat", "outlook")
# What mail programs add: "Sent from my phone".
_DEVICE: Final = re.compile(
    r"(?:^[ \t]*|(?<=[.!?])[ \t]+)(?:sent from (?:my |outlook|yahoo|mail )|get outlook for"
    r"|gesendet (?:von|mit) (?:meine|der|mein|outlook|mail)|von mein\w{1,2} [^\n]{1,30} gesendet"
    r"|diese nachricht wurde von mein|enviado desde (?:mi |outlook|yahoo)|obt.n outlook para"
    r"|envoy. (?:de|depuis|.) (?:mon|partir de mon|outlook)|t.l.charge[rz] outlook"
    r"|enviado (?:do|a partir do|pelo) (?:meu |outlook|yahoo)|obter o outlook"
    r"|inviato (?:da|dal) (?:mio |iphone|ipad|outlook|yahoo|smartphone|android)"
    r"|ottieni outlook)[^\n]{0,80}$",
    _LINE,
)
_NAME_LINE: Final = re.compile(rf"\s*{_NAME}(?: {_NAME}){{1,3}}[ \t]*\n")
_POSTSCRIPT: Final = re.compile(r"^[ \t]*p\.? ?s\b", _LINE)


def fold_own_words(text: str) -> FoldedText:
    """Return what is read of a text, folded; do it once for all who read the text, it is slow."""
    return fold(own_words(text))


def own_words(text: str) -> str:
    """Return what is read of a text: the customer's own words at its beginning and its end."""
    if len(text) > HEAD_CHARACTERS + TAIL_CHARACTERS:
        text = f"{text[:HEAD_CHARACTERS]}\n{text[-TAIL_CHARACTERS:]}"
    if "\n" not in text:
        return _without_last_line(text)
    for quote in (_SEPARATOR, _ATTRIBUTION, _HEADER):
        text = _before(text, quote)
    if (closing := _CLOSING.search(text)) is not None:
        text = _without_signature(text, closing)
    return _without_last_line(_QUOTED_LINE.sub("", text))


def _without_last_line(text: str) -> str:
    """Cut a name and position that stand in the same line as the formula, and the device."""
    lower = text.lower()
    if any(word in lower for word in _DEVICE_WORDS):
        text = _DEVICE.sub("", text)
    return _SIGNED.sub("", text) if "," in text else text


def _before(text: str, quote: re.Pattern[str]) -> str:
    """Return what stands before a quotation, or all if nothing does: it is a forwarded text."""
    match = quote.search(text)
    before = text if match is None else text[: match.start()]
    return before if before.strip() else text


def _without_signature(text: str, closing: re.Match[str]) -> str:
    """Cut name and position below a closing formula; a postscript is the customer's again."""
    before, after = text[: closing.start()], text[closing.end() :]
    if not before.strip() and not _NAME_LINE.match(after):
        # "Saludos," may be a greeting.
        return after
    postscript = _POSTSCRIPT.search(after)
    return before if postscript is None else f"{before}{after[postscript.start() :]}"
