"""The page on which people say how they want to be notified, and what its form means."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from console.views.delivery_reasons import delivery_reason_text
from console.views.fields import Option, options_of, whole_number
from console.views.languages import MESSAGE_LANGUAGES, language_name
from console.views.my_addresses import FIELDS, address_of
from console.views.quiet_hours_form import (
    MAX_PERIODS,
    DateRow,
    PeriodRow,
    date_rows,
    period_row,
    read_quiet,
    saved_quiet,
    shown_periods,
)
from console.views.reader import Reader
from console.views.service_problems import FilledForm, FormProblems, sort_problems
from console.views.stopped_mails import StoppedMailRow, stopped_mail_rows
from console.views.words import NOTIFICATION_STATES, SEVERITIES, medium_label, service_names

_DELAYS_MIN: Final = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120)
_OWN: Final = "own"


@dataclass(frozen=True, slots=True)
class MethodRow:
    """`is_own`: the person enters it here. The first one can't come earlier."""

    medium: str
    label: str
    address: str
    is_verified: bool
    problem: str | None
    is_own: bool
    is_first: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A list to choose from; `label` names it for those who hear the page, `text` on the page."""

    name: str
    label: str
    text: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class SeverityRow:
    severity: str
    label: str
    mode: Choice
    delays: tuple[Choice, ...]
    problem: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TestRow:
    label: str
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class MyNotificationsView:
    """`is_registered`: there is a recipient; without one there is nothing to choose.

    `addable` are the media that the person may add. `etag`: of what is shown. `test_at` is when the
    last test was sent, if there was one.
    """

    is_registered: bool
    methods: tuple[MethodRow, ...]
    addable: tuple[Option, ...]
    etag: str
    severities: tuple[SeverityRow, ...]
    periods: tuple[PeriodRow, ...]
    dates: tuple[DateRow, ...]
    unless_severity: tuple[Option, ...]
    languages: tuple[Option, ...]
    time_zone: str
    test_at: str | None
    test: tuple[TestRow, ...]
    test_problem: str | None
    stopped_mails: tuple[StoppedMailRow, ...]
    problems: FormProblems
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Data:
    """What notifier says; `refusals` are by the medium of a code, or by `test`.

    `etag` is that of the recipient. `stops` are the kinds of mail that are stopped.
    """

    recipient: Mapping[str, Any] | None
    media: Sequence[str] = ()
    test: Mapping[str, Any] | None = None
    refusals: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""
    stops: Sequence[Mapping[str, Any]] = ()


def methods_of(recipient: Mapping[str, Any], *, has_devices: bool) -> tuple[str, ...]:
    """Return the media of a recipient; all devices are one."""
    media = tuple(address["medium"] for address in recipient["media"])
    return (*media, "web_push") if has_devices else media


def saved_form(recipient: Mapping[str, Any], media: Sequence[str]) -> FilledForm:
    """Return the form as it is filled in with what is in force."""
    values = {
        "language": recipient["language"] or "",
        "time_zone": recipient["time_zone"],
        "unless_severity": "critical",
    }
    for severity in SEVERITIES:
        steps = recipient["steps"].get(severity)
        values[f"mode-{severity}"] = "" if steps is None else _OWN
        for medium in media:
            values[f"after-{severity}-{medium}"] = "" if steps else "0"
        for step in steps or ():
            for medium in step["media"]:
                values[f"after-{severity}-{medium}"] = str(step["after_minutes"])
    quiet = recipient["quiet_hours"]
    if quiet is not None:
        values |= saved_quiet(quiet)
    return FilledForm(values)


def read_form(
    values: Mapping[str, str], media: Sequence[str], reader: Reader
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the form asks for, and what is wrong by the names of its fields."""
    problems: dict[str, str] = {}
    steps = {}
    for severity in SEVERITIES:
        if values.get(f"mode-{severity}") != _OWN:
            continue
        minutes = {
            medium: whole_number(text)
            for medium in media
            if (text := values.get(f"after-{severity}-{medium}", ""))
        }
        steps[severity] = _steps(minutes)
        if problem := _steps_problem(minutes, reader):
            problems[f"steps-{severity}"] = problem
    body = {
        "steps": steps,
        "quiet_hours": read_quiet(values, problems, reader),
        "language": values.get("language") or None,
        "time_zone": values.get("time_zone", ""),
    }
    return body, problems


def _steps(minutes: Mapping[str, int | None]) -> list[dict[str, Any]]:
    return [
        {"after_minutes": after, "media": [each for each in minutes if minutes[each] == after]}
        for after in sorted({each for each in minutes.values() if each is not None})
    ]


def _steps_problem(minutes: Mapping[str, int | None], reader: Reader) -> str | None:
    _ = reader.texts.gettext
    if not minutes:
        return _("Choose at least one contact method.")
    if None in minutes.values():
        return _("Please choose one from the list.")
    if 0 in minutes.values():
        return None
    return _("One contact method must be used at once (0 minutes).")


def service_problems(
    document: Mapping[str, Any], values: Mapping[str, str], reader: Reader
) -> FormProblems:
    """Sort what the service says by the names of the form's fields."""
    rows = [number for number in range(MAX_PERIODS) if values.get(f"days-{number}")]

    def field_of(pointer: str) -> str | None:
        match pointer.removeprefix("body").strip("/").split("/"):
            case ["steps", severity, *_]:
                return f"steps-{severity}"
            case ["quiet_hours", "periods", index, name, *_] if index.isdecimal():
                return f"{name}-{rows[int(index)]}"
            case ["quiet_hours", *_]:
                return "periods"
            case [("language" | "time_zone") as name]:
                return name
            case _:
                return None

    return sort_problems(document, field_of, reader)


def my_notifications_view(
    data: Data, form: FilledForm, missing: Sequence[str], reader: Reader
) -> MyNotificationsView:
    recipient, media, test = data.recipient, data.media, data.test
    _, values = reader.texts.gettext, form.values
    late = recipient["late_steps"] if recipient else ()
    severities = [(severity, _(label)) for severity, label in SEVERITIES.items()]
    languages = [("", _("English, unless you choose"))]
    languages += [(code, language_name(code, reader)) for code in MESSAGE_LANGUAGES]
    return MyNotificationsView(
        is_registered=recipient is not None,
        methods=_methods(recipient, data.refusals, reader) if recipient else (),
        addable=_addable(recipient, reader),
        etag=form.values.get("etag", data.etag),
        severities=tuple(
            _severity_row(severity, media, form, late, reader) for severity in SEVERITIES
        ),
        periods=tuple(period_row(number, form, reader) for number in shown_periods(values)),
        dates=tuple(date_rows(form)),
        unless_severity=options_of(severities, (values.get("unless_severity", ""),)),
        languages=options_of(languages, (values.get("language", ""),)),
        time_zone=values.get("time_zone", ""),
        test_at=reader.time(test["requested_at"]) if test else None,
        test=tuple(_test_row(each, reader) for each in test["messages"]) if test else (),
        test_problem=data.refusals.get("test"),
        stopped_mails=stopped_mail_rows(data.stops, reader),
        problems=form.problems,
        missing=service_names(missing, reader.texts),
    )


def _methods(
    recipient: Mapping[str, Any], refusals: Mapping[str, str], reader: Reader
) -> tuple[MethodRow, ...]:
    rows = []
    for number, address in enumerate(recipient["media"]):
        medium = address["medium"]
        details = (
            str(value) for name, value in address.items() if name not in ("medium", "url") and value
        )
        rows.append(
            MethodRow(
                medium=medium,
                label=medium_label(medium, reader),
                address=next(details, ""),
                is_verified=medium in recipient["verified"],
                problem=refusals.get(medium),
                is_own=medium in FIELDS,
                is_first=number == 0,
            )
        )
    return tuple(rows)


def _addable(recipient: Mapping[str, Any] | None, reader: Reader) -> tuple[Option, ...]:
    media = [medium for medium in FIELDS if address_of(recipient, medium) is None]
    return options_of(((medium, medium_label(medium, reader)) for medium in media), ())


def _test_row(message: Mapping[str, Any], reader: Reader) -> TestRow:
    return TestRow(
        medium_label(message["medium"], reader),
        reader.texts.gettext(NOTIFICATION_STATES[message["state"]]),
        delivery_reason_text(message, reader),
    )


def _severity_row(
    severity: Any,
    media: Sequence[str],
    form: FilledForm,
    late: Iterable[Mapping[str, Any]],
    reader: Reader,
) -> SeverityRow:
    _, label = reader.texts.gettext, reader.texts.gettext(SEVERITIES[severity])
    modes = (("", _("The default of this centre")), (_OWN, _("As I choose")))
    mode = form.values.get(f"mode-{severity}", "")
    return SeverityRow(
        severity=severity,
        label=label,
        mode=Choice(f"mode-{severity}", label, label, options_of(modes, (mode,))),
        delays=tuple(_delays(severity, label, medium, form, reader) for medium in media),
        problem=form.problems.by_field.get(f"steps-{severity}"),
        warnings=tuple(
            _(
                "The step after %(minutes)s min comes late: you had %(within)s min to answer.",
                minutes=step["after_minutes"],
                within=step["answer_within_minutes"],
            )
            for step in late
            if step["severity"] == severity
        ),
    )


def _delays(severity: str, label: str, medium: str, form: FilledForm, reader: Reader) -> Choice:
    _, texts = reader.texts.gettext, reader.texts
    name = f"after-{severity}-{medium}"
    chosen = form.values.get(name, "0")
    minutes = {*_DELAYS_MIN, *([number] if (number := whole_number(chosen)) else ())}
    labels = [("", _("not")), ("0", _("at once"))]
    labels += [
        (str(each), _("after %(duration)s", duration=texts.duration(timedelta(minutes=each))))
        for each in sorted(minutes)
    ]
    method = medium_label(medium, reader)
    return Choice(name, f"{label}: {method}", method, options_of(labels, (chosen,)))
