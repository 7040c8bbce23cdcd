"""The screens Message templates: what messages say, by medium, reason and language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from common.contracts.notifications import Medium
from console.texts import mark
from console.views.fallback import Labels
from console.views.fields import Field, FieldView, Option, field_view, options_of
from console.views.languages import MESSAGE_LANGUAGES, language_name
from console.views.reader import Reader
from console.views.words import medium_label

URL: Final = "/settings/message-templates"
TEMPLATE_MEDIA: Final[Sequence[Medium]] = ("slack", "email", "web_push", "sms", "teams")
REASONS: Final[Mapping[str, str]] = Labels(
    {
        "any": mark("All messages without their own template"),
        "raised": mark("Asked first"),
        "climbed": mark("Moved up to this level"),
        "repeated": mark("Asked again"),
        "returned": mark("Back at this level"),
        "handed_over": mark("Handed over by a colleague"),
        "updated": mark("New reason"),
        "warning": mark("Promise at risk"),
        "lease_ending": mark("Time for an escalation ends"),
        "snooze_over": mark("Snooze is over"),
        "approval_asked": mark("Approval needed"),
        "approval_refused": mark("Approval refused"),
        "unanswered": mark("Nobody has answered"),
        "unreachable": mark("Nobody was reached"),
        "met": mark("Promise kept in the meantime"),
        "coaching": mark("Coaching"),
        "duty_gap": mark("Nobody on duty"),
        "unserved": mark("Nobody serves a queue"),
        "summary": mark("Summary of messages that were held back"),
        "connection_silent": mark("Outside system is silent"),
        "connection_heard_again": mark("Outside system is heard again"),
        "write_back_halted": mark("Write-back halted"),
        "status_webhook_disabled": mark("Status webhook disabled"),
        "maintenance_began": mark("Maintenance begins"),
        "maintenance_ended": mark("Maintenance has ended"),
        "alarm": mark("Alarm of Upstairs itself"),
    }
)
DONE: Final[Mapping[str, str]] = {
    "saved": mark("Saved. Messages from now on are written so."),
    "shipped": mark("The shipped template is used again."),
}
_MAX_TITLE: Final = 500
_MAX_BODY: Final = 4000
_TITLE: Final = Field("title", "line", mark("Title or subject"))
_BODY: Final = Field("body", "text", mark("Text"))
_DATA: Final[Mapping[str, str]] = Labels(
    {
        "usual": mark("Usual data"),
        "shortest": mark("As little data as there can be"),
        "longest": mark("As much data as there can be"),
    }
)


@dataclass(frozen=True, slots=True)
class TemplateChoice:
    """Of what the template is."""

    medium: str
    kind: str
    language: str

    @property
    def is_known(self) -> bool:
        """Whether there is a screen for it; a newer service has more."""
        return (
            self.medium in TEMPLATE_MEDIA
            and self.kind in REASONS
            and self.language in MESSAGE_LANGUAGES
        )

    @property
    def path(self) -> str:
        return f"/v1/templates/{self.medium}/{self.kind}/{self.language}"

    @property
    def url(self) -> str:
        return f"{URL}/{self.medium}/{self.kind}/{self.language}"


@dataclass(frozen=True, slots=True)
class Sources:
    """What the form has: the template, not what it writes."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """`url` is None without a screen for it."""

    name: str
    url: str | None
    changed: str


@dataclass(frozen=True, slots=True)
class TemplateListView:
    rows: tuple[TemplateRow, ...]
    media: tuple[Option, ...]
    kinds: tuple[Option, ...]
    languages: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class SampleView:
    name: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VersionView:
    version: int
    changed: str
    use_url: str | None


@dataclass(frozen=True, slots=True)
class TemplateView:
    """`details` are the service's own sentences about what is wrong, in English."""

    name: str
    url: str
    etag: str
    is_shipped: bool
    limit: str
    fields: tuple[FieldView, ...]
    samples: tuple[SampleView, ...]
    details: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    versions: tuple[VersionView, ...]


def list_view(items: Sequence[Mapping[str, Any]], reader: Reader) -> TemplateListView:
    _ = reader.texts.gettext
    return TemplateListView(
        rows=tuple(_row(item, reader) for item in items),
        media=options_of(
            ((name, medium_label(name, reader)) for name in TEMPLATE_MEDIA), ("email",)
        ),
        kinds=options_of(((name, _(text)) for name, text in REASONS.items()), ("raised",)),
        languages=options_of(
            ((name, language_name(name, reader)) for name in MESSAGE_LANGUAGES),
            (reader.texts.language,),
        ),
    )


def _row(item: Mapping[str, Any], reader: Reader) -> TemplateRow:
    choice = TemplateChoice(item["medium"], item["kind"], item["language"])
    url = choice.url if choice.is_known else None
    return TemplateRow(_name(choice, reader), url, _changed(item, reader))


def template_view(
    choice: TemplateChoice,
    item: Mapping[str, Any],
    sources: Sources,
    etag: str,
    trial: Mapping[str, Any],
    versions: Sequence[Mapping[str, Any]],
    reader: Reader,
) -> TemplateView:
    """`trial` is what the service says of the sources: what they write, and what is wrong."""
    _ = reader.texts.gettext
    problems = trial["problems"]
    return TemplateView(
        name=_name(choice, reader),
        url=choice.url,
        etag=etag,
        is_shipped=item["is_shipped"],
        limit=_(
            "At most %(title)s characters in the title and %(body)s in the text.",
            title=item["longest_title"],
            body=item["longest_body"],
        ),
        fields=(
            replace(_field(_TITLE, sources.title, problems, reader), max_length=_MAX_TITLE),
            replace(_field(_BODY, sources.body, problems, reader), max_length=_MAX_BODY),
        ),
        samples=tuple(
            SampleView(
                f"{_(REASONS[sample['reason']])}: {_(_DATA[sample['data']])}",
                sample["title"],
                tuple(sample["body"].splitlines()),
            )
            for sample in trial["samples"]
        ),
        details=tuple(problem["detail"] for problem in problems),
        variables=tuple({**item["variables"], **item["lists"]}.items()),
        versions=tuple(_version(each, choice, item["version"], reader) for each in versions),
    )


def _field(
    field: Field, value: str, problems: Sequence[Mapping[str, Any]], reader: Reader
) -> FieldView:
    has_problem = any(problem["part"] == field.name for problem in problems)
    text = reader.texts.gettext("This can't be saved: see below what is wrong.")
    return field_view(field, value, text if has_problem else None, (), reader)


def _version(
    version: Mapping[str, Any], choice: TemplateChoice, newest: int, reader: Reader
) -> VersionView:
    number = version["version"]
    use_url = f"{choice.url}?version={number}"
    return VersionView(number, _changed(version, reader), None if number == newest else use_url)


def _changed(item: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    at = reader.full_time(item["changed_at"])
    text = _("%(person)s, %(time)s", person=reader.name(item["changed_by"]), time=at)
    shipped = _("shipped template")
    return f"{text} · {shipped}" if item["is_shipped"] else text


def _name(choice: TemplateChoice, reader: Reader) -> str:
    _ = reader.texts.gettext
    kind, medium = _(REASONS[choice.kind]), medium_label(choice.medium, reader)
    return f"{kind} · {medium} · {language_name(choice.language, reader)}"
