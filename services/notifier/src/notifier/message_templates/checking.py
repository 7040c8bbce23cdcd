"""Tries a template with sample data before it is saved."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from notifier.domain import sms_segments
from notifier.domain.content_levels import ContentLevel, content_at
from notifier.domain.message_samples import SAMPLE_TIME, samples_of
from notifier.domain.message_templates import TemplateKey, reasons_of
from notifier.domain.reasons import Reason
from notifier.message_templates.limits import limits_of
from notifier.message_templates.sandbox import Sandbox, TemplateRefusedError, render
from notifier.message_templates.variables import values_of

Part = Literal["title", "body"]
# How to answer a text message stands after what the template writes.
_ROOM_FOR_HINT: Final = 60


@dataclass(frozen=True, slots=True)
class Sample:
    """What a template writes for made-up data; `name` is usual, shortest or longest."""

    reason: Reason
    name: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    part: Part
    detail: str


@dataclass(frozen=True, slots=True)
class Trial:
    """Without problems the template can be saved, and is never too long when it is sent."""

    samples: tuple[Sample, ...]
    problems: tuple[TemplateProblem, ...]


def try_template(
    key: TemplateKey, title: str, body: str, level: ContentLevel = "quotations"
) -> Trial:
    """Render it with usual, the shortest and the longest data of every reason that it is for.

    `level`: how much its medium may show; variables of what it may not show are empty.
    """
    sandbox, limits = Sandbox(key.medium, key.language), limits_of(key.medium)
    sources: dict[Part, tuple[str, int]] = {
        "title": (title, limits.title),
        "body": (body, limits.body),
    }
    compiled, problems = {}, []
    for part, (source, _) in sources.items():
        try:
            compiled[part] = sandbox.compile(source)
        except TemplateRefusedError as error:
            problems.append(TemplateProblem(part, str(error)))
    if problems:
        return Trial((), tuple(problems))
    samples = []
    for reason, name, values in _data(key, level):
        rendered: dict[Part, str] = {}
        for part, (_, longest) in sources.items():
            try:
                rendered[part] = render(compiled[part], values, longest)
            except TemplateRefusedError as error:
                problems.append(TemplateProblem(part, f"{error} (data of {reason}, {name})"))
                continue
            if problem := _length_problem(rendered[part], longest):
                problems.append(TemplateProblem(part, f"{problem} (data of {reason}, {name})"))
        one_line_title = " ".join(rendered.get("title", "").split())
        samples.append(Sample(reason, name, one_line_title, rendered.get("body", "")))
    problems += _segment_problems(samples, limits.segments)
    return Trial(tuple(samples), tuple(dict.fromkeys(problems)))


def _data(key: TemplateKey, level: ContentLevel) -> Iterator[tuple[Reason, str, dict[str, object]]]:
    for reason in reasons_of(key.kind):
        for name, content in samples_of(reason).items():
            shown = content_at(level, content)
            yield reason, name, values_of(shown, SAMPLE_TIME, language=key.language)


def _segment_problems(samples: Iterable[Sample], most: int | None) -> Iterator[TemplateProblem]:
    for sample in samples if most else ():
        text = sms_segments.plain(f"{sample.title} {sample.body}{' ' * _ROOM_FOR_HINT}")
        segments = sms_segments.count_segments(text)
        if most and segments > most:
            yield TemplateProblem(
                "body",
                f"It takes {segments} text messages with the title and how to answer: at most"
                f" {most}. (data of {sample.reason}, {sample.name})",
            )


def _length_problem(text: str, longest: int) -> str | None:
    if not text:
        return "It writes nothing."
    if len(text) > longest:
        return f"It is too long: more than {longest} characters."
    return None
