"""Quiet hours and quiet days in the form of My notifications."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from console.views.fields import Option, options_of
from console.views.reader import Reader
from console.views.service_problems import FilledForm
from console.views.words import WEEKDAYS

MAX_PERIODS: Final = 3
MAX_DATES: Final = 60
_EMPTY_DATES: Final = 3
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class PeriodRow:
    number: int
    days: tuple[Option, ...]
    begins: str
    ends: str
    problems: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DateRow:
    number: int
    value: str
    problem: str | None


def saved_quiet(quiet: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields as they are filled in with what is in force."""
    values = {"unless_severity": quiet["unless_severity"]}
    for number, period in enumerate(quiet["periods"]):
        values[f"days-{number}"] = " ".join(period["days"])
        values[f"begins-{number}"] = period["begins"]
        values[f"ends-{number}"] = period["ends"]
    return values | {f"date-{number}": day for number, day in enumerate(quiet["dates"])}


def read_quiet(
    values: Mapping[str, str], problems: dict[str, str], reader: Reader
) -> dict[str, Any] | None:
    """Return the quiet hours that the form asks for; what is wrong is added to the problems."""
    periods = [
        period
        for number in range(MAX_PERIODS)
        if (period := _read_period(number, values, problems, reader))
    ]
    dates = list(_read_dates(values, problems, reader))
    if not periods and not dates:
        return None
    unless = values.get("unless_severity", "")
    return {"periods": periods, "dates": dates, "unless_severity": unless}


def _read_period(
    number: int, values: Mapping[str, str], problems: dict[str, str], reader: Reader
) -> dict[str, Any] | None:
    """Read a row of quiet hours; one that is empty is none."""
    _ = reader.texts.gettext
    days = values.get(f"days-{number}", "").split()
    times = {name: values.get(f"{name}-{number}", "") for name in ("begins", "ends")}
    if not days and not any(times.values()):
        return None
    if not days:
        problems[f"days-{number}"] = _("Choose at least one day.")
    for name, written in times.items():
        if not _TIME.fullmatch(written):
            problems[f"{name}-{number}"] = _("Please write a time, such as 22:00.")
    return {"days": days, **times}


def _read_dates(
    values: Mapping[str, str], problems: dict[str, str], reader: Reader
) -> Iterator[str]:
    """Read the days that are quiet, each once; those of the past are left out."""
    read = set()
    for number in range(MAX_DATES):
        written = values.get(f"date-{number}")
        if not written:
            continue
        try:
            read.add(date.fromisoformat(written))
        except ValueError:
            problems[f"date-{number}"] = reader.texts.gettext("Please write a date.")
    yesterday = reader.now.date() - timedelta(days=1)
    return (day.isoformat() for day in sorted(read) if day >= yesterday)


def shown_periods(values: Mapping[str, str]) -> range:
    """Return the rows that are filled in, and one more."""
    filled = [
        number
        for number in range(MAX_PERIODS)
        if any(values.get(f"{name}-{number}") for name in ("days", "begins", "ends"))
    ]
    return range(min(max(filled, default=-1) + 2, MAX_PERIODS))


def date_rows(form: FilledForm) -> Iterator[DateRow]:
    """Return the days that are filled in, and some more."""
    filled = [number for number in range(MAX_DATES) if form.values.get(f"date-{number}")]
    for number in range(min(max(filled, default=-1) + 1 + _EMPTY_DATES, MAX_DATES)):
        name = f"date-{number}"
        yield DateRow(number, form.values.get(name, ""), form.problems.by_field.get(name))


def period_row(number: int, form: FilledForm, reader: Reader) -> PeriodRow:
    days = [(day, reader.texts.gettext(label)) for day, label in WEEKDAYS.items()]
    by_field = form.problems.by_field
    return PeriodRow(
        number=number,
        days=options_of(days, form.values.get(f"days-{number}", "").split()),
        begins=form.values.get(f"begins-{number}", ""),
        ends=form.values.get(f"ends-{number}", ""),
        problems={
            name: by_field[f"{name}-{number}"]
            for name in ("days", "begins", "ends")
            if f"{name}-{number}" in by_field
        },
    )
