"""Makes the words of messages and pages from their data, by the templates, at the time of sending.

`templates/words.j2` has the words, once for all media. Each medium has a folder that lays them out
and escapes them: HTML by Jinja2, Slack's markup by `slack_text`.

Every value that a template writes is put on one line by `finalize`, so no template can forget it.
Words of customers and colleagues stand apart: `quotation` puts them on a line of their own, which
each medium marks as a quotation, and `quoted` in quotation marks where they are part of a sentence.
"""

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from common.core.durations import duration_text
from common.core.text import one_line
from notifier.domain.content import Content, Status
from notifier.domain.reasons import asks_for

# Begins a quotation in what `words.j2` writes; every value loses it, so nobody else can write it.
_QUOTATION_MARK = "\ue000"
# What Slack reads as styles: `*bold*`, `~struck~`, code, `_italic_`, and the name of an emoji.
_LOOK_ALIKES = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "\u02cb"})
_QUOTATION_MARKS = str.maketrans({"“": '"', "”": '"', "„": '"', "‟": '"', "»": '"', "«": '"'})
_OUTER_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_EMOJI_COLON = re.compile(r"(?<!\w):(?=[\w+'-]+:)")
_LONGEST_LINE = 600
_MAIL_COLUMNS = 72


@dataclass(frozen=True, slots=True)
class Detail:
    """A line of our own, and what a customer or a colleague said about it."""

    text: str
    quotation: str | None = None

    @property
    def line(self) -> str:
        return self.text if self.quotation is None else f"{self.text} {self.quotation}"


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says, in plain text. No value has a line break.

    `headline`: what it is about. `why_now`: why it goes to this person now. `deadline`: how long
    there is. `task`: what to press or do. `details` and `circumstances` help to judge.
    """

    headline: str
    why_now: str
    deadline: str | None
    task: str
    details: tuple[Detail, ...]
    circumstances: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(detail.line for detail in self.details)


def words(content: Content, at: datetime) -> Words:
    """Write them as they are true at `at`."""
    vocabulary = _vocabulary()
    deadline = _lines(vocabulary.deadline(content, at))
    return Words(
        headline=_line(vocabulary.headline(content, at)),
        why_now=_line(vocabulary.why_now(content, at)),
        deadline=deadline[0] if deadline else None,
        task=_line(vocabulary.task(content)),
        details=tuple(map(_detail, _lines(vocabulary.details(content, at)))),
        circumstances=_lines(vocabulary.circumstances(content)),
    )


def status_text(status: Status) -> str:
    """Write what happened to an escalation: `Acknowledged by Dana`."""
    return _line(_vocabulary().status(status))


def text(template: str, **values: object) -> str:
    """Render a template of plain text or of HTML, whose values are escaped."""
    return _ENVIRONMENT.get_template(template).render(**values).strip()


def slack_text(template: str, **values: object) -> str:
    """Render a template of Slack's markup; values are escaped, the template's own text is not."""
    return _SLACK.get_template(template).render(**values).strip()


def _lines(rendered: str) -> tuple[str, ...]:
    """Return the lines that say something, each once."""
    lines = (_line(line) for line in rendered.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def _detail(line: str) -> Detail:
    own, _, quotation = line.partition(_QUOTATION_MARK)
    return Detail(own.rstrip(), quotation or None)


def _line(rendered: str) -> str:
    return _clipped(rendered, _LONGEST_LINE)


def _one_line(value: str) -> str:
    return one_line(value.replace(_QUOTATION_MARK, ""))


def _clipped(value: str, longest: int) -> str:
    line = one_line(value)
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def _quoted(value: str, longest: int = 300) -> str:
    """Mark the words of a customer or a colleague as a quotation that cannot end early."""
    inner = _one_line(value).translate(_QUOTATION_MARKS)
    return f"“{_clipped(inner, longest)}”"


def _quotation(value: str, longest: int = 300) -> str:
    """Let a quotation begin that each medium sets apart; it takes the rest of the line."""
    return _Layout(_QUOTATION_MARK + _quoted(value, longest))


def _explained(value: str) -> str:
    """Write what Upstairs says, and in quotation marks what a colleague said, after a colon."""
    own, colon, words_of_colleague = _one_line(value).partition(": ")
    if not colon:
        return _sentence(own, 200)
    return f"{_capitalized(_clipped(own, 100))}: {_quoted(words_of_colleague, 200)}"


def _quote_lines(value: str) -> str:
    """Quote as mails do: every line on the screen begins with the mark, however long the text."""
    lines = textwrap.wrap(_one_line(value), _MAIL_COLUMNS)
    return _Layout("\n".join(f"> {line}" for line in lines))


def _sentence(value: str, longest: int = 300) -> str:
    line = _clipped(value, longest)
    line = line[:1].upper() + line[1:]
    return line if line.endswith((".", "!", "?", '"', "…")) else f"{line}."


def _label(value: str) -> str:
    return value.replace("_", " ")


def _capitalized(value: str) -> str:
    return value[:1].upper() + value[1:]


def _utc(moment: datetime, at: datetime | None = None) -> str:
    """Write a time in UTC; if that is on the day of `at`, without its date and with seconds."""
    utc = moment.astimezone(UTC)
    same_day = at is not None and utc.date() == at.astimezone(UTC).date()
    return format(utc, "%H:%M:%S UTC" if same_day else "%a %Y-%m-%d %H:%M UTC")


def _left(until: datetime, at: datetime) -> str:
    """Write how long there is, rounded down to seconds: `12 min 30 s left`."""
    seconds = int((until - at).total_seconds())
    return f"{duration_text(seconds)} left" if seconds > 0 else "time is up"


def _is_ahead(moment: datetime, at: datetime) -> bool:
    return moment - at >= timedelta(seconds=1)


class _Layout(str):
    """Plain text with our own mark or line breaks, which `_plain` leaves as they are."""

    __slots__ = ()


def _plain(value: object) -> object:
    if isinstance(value, Markup | _Layout) or not isinstance(value, str):
        return value
    return _one_line(value)


def _mrkdwn(value: object) -> object:
    """Escape what Slack reads as a mention, a link, an entity, a style or an emoji.

    Slack has no escape for the marks of styles, so characters that look alike replace them.
    """
    if isinstance(value, Markup):
        return value
    line = _one_line(str(value)).translate(_LOOK_ALIKES)
    line = _EMOJI_COLON.sub("\u2236", _OUTER_UNDERSCORE.sub("\u02cd", line))
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _environment(finalize: Callable[[object], object]) -> Environment:
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
        ("clipped", _clipped),
        ("quoted", _quoted),
        ("quotation", _quotation),
        ("explained", _explained),
        ("quote_lines", _quote_lines),
        ("sentence", _sentence),
        ("label", _label),
        ("capitalized", _capitalized),
        ("utc", _utc),
        ("left", _left),
        ("duration", duration_text),
        ("ask", asks_for),
    )
    environment.filters.update(filters)
    environment.tests["ahead_of"] = _is_ahead
    return environment


_ENVIRONMENT = _environment(_plain)
_SLACK = _environment(_mrkdwn)


def _vocabulary() -> Any:
    """Return the macros of `words.j2`."""
    return _ENVIRONMENT.get_template("words.j2").module
