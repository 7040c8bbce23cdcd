"""Makes the words of messages and pages from their data, by the templates, at the time of sending.

`templates/words.j2` has the words, once for all media. Each medium has a folder that lays them out
and escapes them: HTML by Jinja2, Slack's markup by `slack_text`.

Every value that a template writes is put on one line by `finalize`, so no template can forget it.
Words of customers and colleagues stand apart: `quotation` puts them on a line of their own, which
each medium marks as a quotation, and `quoted` in quotation marks where they are part of a sentence.

Each language of `LANGUAGES` has its own environment: texts are translated by gettext.
"""

import re
import textwrap
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import cache, lru_cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from common.core.text import one_line
from notifier.domain.content import Content, Status
from notifier.domain.content_levels import FOUND_BY_RULE
from notifier.domain.reasons import asks_for
from notifier.domain.recipients import DEFAULT_LANGUAGE
from notifier.languages import Language, language_of
from notifier.rule_sentences import explanation, rule_sentence

# Begins a quotation in what `words.j2` writes; every value loses it, so nobody else can write it.
_QUOTATION_MARK = "\ue000"
# What Slack reads as styles: `*bold*`, `~struck~`, code, `_italic_`, and the name of an emoji.
_LOOK_ALIKES = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "\u02cb"})
_QUOTATION_MARKS = str.maketrans({"“": '"', "”": '"', "„": '"', "‟": '"', "»": '"', "«": '"'})
_OUTER_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_EMOJI_COLON = re.compile(r"(?<!\w):(?=[\w+'-]+:)")
_LONGEST_LINE = 600
# A value as Slack's markup: escaped it may be five times as long. Slack refuses texts over 3,000,
# so that one stranger's words leave room for those of others.
_LONGEST_SLACK_VALUE = 700
_MAIL_COLUMNS = 72
# Text between them has its own direction, and what is around it keeps its own.
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
# The blocks of all such characters: to look at each character of a line takes long.
_MAY_BE_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


class Line(str):
    """A line that `words` has made: every value in it is on one line and isolated."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Detail:
    """A line of our own, and what a customer or a colleague said about it."""

    text: Line
    quotation: Line | None = None

    @property
    def line(self) -> Line:
        return self.text if self.quotation is None else Line(f"{self.text} {self.quotation}")


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says, in plain text. No value has a line break.

    `headline`: what it is about. `why_now`: why it goes to this person now. `deadline`: how long
    there is. `task`: what to press or do. `details` and `circumstances` help to judge.
    """

    headline: Line
    why_now: Line
    deadline: Line | None
    task: Line
    details: tuple[Detail, ...]
    circumstances: tuple[Line, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(detail.line for detail in self.details)


def words(
    content: Content,
    at: datetime,
    *,
    has_console: bool = False,
    language: str = DEFAULT_LANGUAGE,
) -> Words:
    """Write them as they are true at `at`, with times in its time zone.

    With `has_console` a link of the message leads to where the reader does what is asked.
    """
    return _words(content, at, at.tzinfo, has_console, language)


# All media of a page say the same, and so do messages of one event. Times are equal in all zones,
# hence the zone.
@lru_cache(maxsize=64)
def _words(
    content: Content, at: datetime, _zone: tzinfo | None, has_console: object, language: str
) -> Words:
    vocabulary = _vocabulary(language)
    deadline = _lines(vocabulary.deadline(content, at))
    return Words(
        headline=_line(vocabulary.headline(content, at)),
        why_now=_line(vocabulary.why_now(content, at)),
        deadline=deadline[0] if deadline else None,
        task=_line(vocabulary.task(content, has_console)),
        details=tuple(map(_detail, _lines(vocabulary.details(content, at, has_console)))),
        circumstances=_lines(vocabulary.circumstances(content)),
    )


def status_text(status: Status, at: datetime, language: str = DEFAULT_LANGUAGE) -> Line:
    """Write what happened to an escalation: `Acknowledged by Dana`; times as in `words`."""
    return _line(_vocabulary(language).status(status, at))


def label(text: str, language: str = DEFAULT_LANGUAGE) -> str:
    """Translate what stands on a button or a link; it is marked where it is written."""
    return language_of(language).gettext(text)


def text(template: str, *, language: str = DEFAULT_LANGUAGE, **values: object) -> str:
    """Render a template of plain text or of HTML, whose values are escaped."""
    environment = _environment_of(language_of(language).name)
    return environment.get_template(template).render(values).strip()


def slack_text(template: str, *, language: str = DEFAULT_LANGUAGE, **values: object) -> str:
    """Render a template of Slack's markup; values are escaped, the template's own text is not."""
    environment = _slack_environment_of(language_of(language).name)
    return environment.get_template(template).render(values).strip()


def slack_clipped(markup: str, longest: int) -> str:
    """Cut markup that is too long once it is escaped, but no entity in two: `&amp;`."""
    if len(markup) <= longest:
        return markup
    cut = markup[: longest - 1]
    if cut.rfind("&") > cut.rfind(";"):
        cut = cut[: cut.rfind("&")]
    return f"{cut}…"


def labelled_lines(text: str) -> tuple[tuple[str, str], ...]:
    """Read what a template wrote as `label: value` lines; a value may have further colons."""
    lines = (line.partition(": ") for line in text.splitlines())
    return tuple((label, value) for label, _, value in lines)


def _lines(rendered: str) -> tuple[Line, ...]:
    """Return the lines that say something, each once."""
    lines = (_line(line) for line in rendered.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def _detail(line: Line) -> Detail:
    own, _, quotation = line.partition(_QUOTATION_MARK)
    return Detail(Line(own.rstrip()), Line(quotation) if quotation else None)


def _line(rendered: str) -> Line:
    """Put what a macro wrote on one line; its values are safe, and their isolates stay."""
    line = " ".join(rendered.split())
    if len(line) > _LONGEST_LINE:
        line = cut(line, _LONGEST_LINE)
        line += _END_ISOLATE * (line.count(_ISOLATE) - line.count(_END_ISOLATE))
    return Line(line)


def _isolated(line: str) -> str:
    """Keep words that are read from right to left from turning our own words around."""
    return f"{_ISOLATE}{line}{_END_ISOLATE}" if is_right_to_left(line) else line


def is_right_to_left(line: str) -> bool:
    """Return whether a part of it is read from right to left."""
    return any(
        unicodedata.bidirectional(match[0]) in _RIGHT_TO_LEFT
        for match in _MAY_BE_RIGHT_TO_LEFT.finditer(line)
    )


def _one_line(value: str) -> str:
    return one_line(value.replace(_QUOTATION_MARK, ""))


def clipped(value: str, longest: int) -> str:
    return cut(one_line(value), longest)


def cut(text: str, longest: int) -> str:
    """Return at most `longest` characters, with "…" where the text goes on."""
    return text if len(text) <= longest else f"{text[: max(0, longest - 1)].rstrip()}…"


def quoted(language: Language, value: str, longest: int = 300) -> str:
    """Mark the words of a customer or a colleague as a quotation that cannot end early."""
    begin, end = language.quotation_marks
    inner = _one_line(value).translate(_QUOTATION_MARKS)
    return f"{begin}{clipped(inner, longest)}{end}"


def _quotation(language: Language, value: str, longest: int = 300) -> str:
    """Let a quotation begin that each medium sets apart; it takes the rest of the line."""
    return Layout(_QUOTATION_MARK + quoted(language, value, longest))


def _explained(language: Language, value: str) -> str:
    """Write what Upstairs says, and in quotation marks what a colleague said, after a colon."""
    own, colon, words_of_colleague = _one_line(value).partition(": ")
    own = explanation(own, language)
    if not colon:
        return _sentence(own, 200)
    quotation = quoted(language, words_of_colleague, 200)
    return f"{_capitalized(clipped(own, 100))}: {quotation}"


def _rule_sentence(language: Language, value: str) -> str:
    return _sentence(rule_sentence(value, language))


def _quote_lines(value: str) -> str:
    """Quote as mails do: every line on the screen begins with the mark, however long the text."""
    lines = textwrap.wrap(_one_line(value), _MAIL_COLUMNS)
    return Layout("\n".join(f"> {line}" for line in lines))


def _sentence(value: str, longest: int = 300) -> str:
    line = clipped(value, longest)
    line = line[:1].upper() + line[1:]
    return line if line.endswith((".", "!", "?", '"', "…")) else f"{line}."


def _label(value: str) -> str:
    return value.replace("_", " ")


def _capitalized(value: str) -> str:
    return value[:1].upper() + value[1:]


def _is_ahead(moment: datetime, at: datetime) -> bool:
    return moment - at >= timedelta(seconds=1)


class Layout(str):
    """Plain text with our own mark or line breaks, which `plain_value` leaves as they are."""

    __slots__ = ()


def plain_value(value: object) -> object:
    if isinstance(value, Markup | Layout | Line) or not isinstance(value, str):
        return value
    return _isolated(_one_line(value))


def slack_value(value: object) -> object:
    """Escape what Slack reads as a mention, a link, an entity, a style or an emoji.

    Slack has no escape for the marks of styles, so characters that look alike replace them.
    """
    if isinstance(value, Markup):
        return value
    line = value if isinstance(value, Line) else _isolated(_one_line(str(value)))
    line = _EMOJI_COLON.sub("\u2236", _OUTER_UNDERSCORE.sub("\u02cd", line.translate(_LOOK_ALIKES)))
    escaped = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return slack_clipped(escaped, _LONGEST_SLACK_VALUE)


def _translated(language: Language, text: str, /, **values: object) -> str:
    """Translate our own text; its values are made safe as those that a template writes."""
    return Layout(language.gettext(text, **_plain_values(values)))


def _counted(
    language: Language, singular: str, plural: str, number: int, /, **values: object
) -> str:
    return Layout(language.ngettext(singular, plural, number, **_plain_values(values)))


def _plain_values(values: Mapping[str, object]) -> dict[str, object]:
    return {name: plain_value(value) for name, value in values.items()}


def _environment(finalize: Callable[[object], object], language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("notifier", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: Sequence[tuple[str, Callable[..., str]]] = (
        ("clipped", clipped),
        ("quoted", partial(quoted, language)),
        ("quotation", partial(_quotation, language)),
        ("explained", partial(_explained, language)),
        ("rule_sentence", partial(_rule_sentence, language)),
        ("quote_lines", _quote_lines),
        ("sentence", _sentence),
        ("label", _label),
        ("capitalized", _capitalized),
        ("time", language.time),
        ("date_time", language.date_time),
        ("left", language.left),
        ("duration", language.duration),
        ("number", language.number),
        ("ask", asks_for),
    )
    environment.filters.update(filters)
    environment.tests["ahead_of"] = _is_ahead
    environment.globals |= {
        "_": partial(_translated, language),
        "ngettext": partial(_counted, language),
        "language": language.name,
        "FOUND_BY_RULE": FOUND_BY_RULE,
    }
    return environment


@cache
def _environment_of(language: str) -> Environment:
    return _environment(plain_value, language_of(language))


@cache
def _slack_environment_of(language: str) -> Environment:
    return _environment(slack_value, language_of(language))


def _vocabulary(language: str) -> Any:
    """Return the macros of `words.j2`."""
    return _environment_of(language_of(language).name).get_template("words.j2").module
