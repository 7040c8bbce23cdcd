"""The screen Duty: who is there now, who comes this week, and when nobody does."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from babel.dates import format_skeleton

from console.views.fields import MOMENT
from console.views.reader import Reader, parse_time
from console.views.vacancies import vacancy_text
from console.views.words import service_names, title_of

SHOWN_PERIOD: Final = timedelta(days=7)
_ROUNDING: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class PersonNow:
    """`until` is when the person's duty ends, None if nothing ends it."""

    name: str
    until: str | None
    is_reachable: bool


@dataclass(frozen=True, slots=True)
class LevelNow:
    """`vacancies` say whom the level does not ask, and why."""

    name: str
    people: tuple[PersonNow, ...]
    time_to_answer: str
    vacancies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LadderNow:
    name: str
    levels: tuple[LevelNow, ...]


@dataclass(frozen=True, slots=True)
class ShiftRow:
    person: str
    hours: str
    is_now: bool
    is_you: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """`fill_url` leads to the form that puts somebody on duty then."""

    schedule: str
    day: str
    hours: str
    fill_url: str


@dataclass(frozen=True, slots=True)
class Day:
    title: str
    shifts: tuple[ShiftRow, ...]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of duty: `text` says which, `by` who asked for it, `colleague` who must agree.

    The addresses are for who may: the colleague answers, who asked may withdraw.
    """

    text: str
    period: str
    by: str
    colleague: str
    expires: str
    accept_url: str | None
    refuse_url: str | None
    withdraw_url: str | None


@dataclass(frozen=True, slots=True)
class ChangeInForce:
    """An override or a swap; `withdraw_url` is None for who may not take it back."""

    text: str
    period: str
    withdraw_url: str | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """`override_url` and `swap_url` lead to forms; None for who may not use them."""

    schedule_id: str
    name: str
    now: str
    is_empty_now: bool
    days: tuple[Day, ...]
    changes: tuple[ChangeInForce, ...]
    override_url: str | None
    swap_url: str | None


@dataclass(frozen=True, slots=True)
class ScheduleData:
    schedule_id: str
    on_duty: Sequence[str]
    shifts: Sequence[Mapping[str, Any]]
    gaps: Sequence[Mapping[str, Any]]
    change_requests: Sequence[Mapping[str, Any]]
    changes: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class DutyData:
    """What escalation answered; `ladders` are its previews of who is asked now."""

    ladders: Sequence[Mapping[str, Any]] = ()
    schedules: Sequence[ScheduleData] = ()
    calendar_url: str | None = None


@dataclass(frozen=True, slots=True)
class DutyView:
    ladders: tuple[LadderNow, ...]
    schedules: tuple[Schedule, ...]
    to_answer: tuple[Change, ...]
    asked_by_you: tuple[Change, ...]
    asked_of_others: tuple[Change, ...]
    calendar_url: str | None
    missing: tuple[str, ...]

    @property
    def gaps(self) -> tuple[Gap, ...]:
        return tuple(
            gap for schedule in self.schedules for day in schedule.days for gap in day.gaps
        )


def duty_view(data: DutyData, missing: Sequence[str], reader: Reader) -> DutyView:
    requests = [request for schedule in data.schedules for request in schedule.change_requests]
    return DutyView(
        ladders=tuple(ladder_now(ladder, reader) for ladder in data.ladders),
        schedules=tuple(
            _schedule(schedule, reader)
            for schedule in sorted(data.schedules, key=lambda each: _rank(each, reader))
        ),
        to_answer=tuple(
            _change(request, reader)
            for request in requests
            if request["person_id"] == reader.person
        ),
        asked_by_you=tuple(
            _change(request, reader) for request in requests if request["asked_by"] == reader.person
        ),
        asked_of_others=tuple(
            _change(request, reader)
            for request in requests
            if reader.person not in (request["person_id"], request["asked_by"])
        ),
        calendar_url=data.calendar_url,
        missing=service_names(missing, reader.texts),
    )


def ladder_now(ladder: Mapping[str, Any], reader: Reader) -> LadderNow:
    return LadderNow(
        title_of(ladder["ladder"]["id"]), tuple(_level(level, reader) for level in ladder["levels"])
    )


def _level(level: Mapping[str, Any], reader: Reader) -> LevelNow:
    return LevelNow(
        name=level["name"],
        people=tuple(_person_now(person, reader) for person in level["people"]),
        time_to_answer=reader.texts.duration(level["acknowledge_within_s"]),
        vacancies=tuple(vacancy_text(vacancy, reader) for vacancy in level["vacancies"]),
    )


def _person_now(person: Mapping[str, Any], reader: Reader) -> PersonNow:
    until = parse_time(person["on_duty_until"])
    return PersonNow(
        name=reader.people([person["person_id"]]),
        until=None if until is None else reader.texts.time(until, reader.now),
        is_reachable=bool(person["media"]),
    )


def _rank(schedule: ScheduleData, reader: Reader) -> tuple[bool, bool, str]:
    """Put schedules with gaps first, then those in which the reader has turns."""
    people = {shift["person_id"] for shift in schedule.shifts}
    return not schedule.gaps, reader.person not in people, schedule.schedule_id


def _schedule(schedule: ScheduleData, reader: Reader) -> Schedule:
    url = schedule_url(schedule.schedule_id)
    people = {shift["person_id"] for shift in schedule.shifts}
    return Schedule(
        schedule_id=schedule.schedule_id,
        name=title_of(schedule.schedule_id),
        now=reader.people(schedule.on_duty),
        is_empty_now=not schedule.on_duty,
        days=_days(schedule, reader),
        changes=tuple(
            _change_in_force(change, schedule.schedule_id, reader)
            for change in sorted(schedule.changes, key=lambda change: str(change["from"]))
        ),
        # In a gap everybody may put themselves on duty: it has a link of its own.
        override_url=f"{url}/override" if _may_plan(people, reader) else None,
        # A swap is of one's own turns.
        swap_url=f"{url}/swap" if reader.person in people and len(people) > 1 else None,
    )


def _may_plan(people: Collection[str], reader: Reader) -> bool:
    """Tell whether the service lets the reader change the duty of one of these people."""
    return reader.may_decide_all or bool({reader.person, *reader.people_below} & {*people})


def _change_in_force(change: Mapping[str, Any], schedule_id: str, reader: Reader) -> ChangeInForce:
    names = ("person_id", "instead_of", "first", "second")
    people = [change[name] for name in names if change.get(name) is not None]
    kind = "overrides" if "override_id" in change else "swaps"
    change_id = change.get("override_id") or change["swap_id"]
    is_of_reader = reader.person in people or reader.people_below >= {*people}
    url = f"{schedule_url(schedule_id)}/changes/{kind}/{change_id}/withdraw"
    return ChangeInForce(
        text=_change_text({"change": change, "schedule_id": schedule_id, "removes": False}, reader),
        period=_period(change, reader),
        withdraw_url=url if reader.may_decide_all or is_of_reader else None,
    )


def schedule_url(schedule_id: str) -> str:
    return f"/duty/{schedule_id}"


def _days(schedule: ScheduleData, reader: Reader) -> tuple[Day, ...]:
    """List the days of the period on which a shift or a gap begins, or goes on at first."""
    shifts, gaps = _by_day(schedule.shifts, reader), _by_day(schedule.gaps, reader)
    return tuple(
        Day(
            day_title(day, reader),
            tuple(_shift(shift, reader) for shift in shifts.get(day, ())),
            tuple(_gap(gap, schedule.schedule_id, day, reader) for gap in gaps.get(day, ())),
        )
        for day in sorted(shifts.keys() | gaps.keys())
    )


def _by_day(
    periods: Iterable[Mapping[str, Any]], reader: Reader
) -> dict[date, list[Mapping[str, Any]]]:
    """Sort by the day on which each begins; what began before today is today's."""
    days: dict[date, list[Mapping[str, Any]]] = {}
    zone = reader.texts.zone
    for period in sorted(periods, key=lambda each: each["start"]):
        begin = max(datetime.fromisoformat(period["start"]), reader.now)
        days.setdefault(begin.astimezone(zone).date(), []).append(period)
    return days


def day_title(day: date, reader: Reader) -> str:
    today = reader.now.astimezone(reader.texts.zone).date()
    if day == today:
        return reader.texts.gettext("Today")
    if day == today + timedelta(days=1):
        return reader.texts.gettext("Tomorrow")
    noon = datetime.combine(day, time(12))
    return format_skeleton("MMMEd", noon, locale=reader.texts.locale)


def _gap(gap: Mapping[str, Any], schedule_id: str, day: date, reader: Reader) -> Gap:
    zone = reader.texts.zone
    start, end = (datetime.fromisoformat(gap[name]).astimezone(zone) for name in ("start", "end"))
    query = urlencode({"from": start.strftime(MOMENT), "until": end.strftime(MOMENT)})
    return Gap(
        schedule=title_of(schedule_id),
        day=day_title(day, reader),
        hours=_hours(gap, reader),
        fill_url=f"{schedule_url(schedule_id)}/override?{query}",
    )


def _shift(shift: Mapping[str, Any], reader: Reader) -> ShiftRow:
    start, end = (datetime.fromisoformat(shift[name]) for name in ("start", "end"))
    is_you = shift["person_id"] == reader.person
    return ShiftRow(
        person=reader.texts.gettext("you") if is_you else reader.name(shift["person_id"]),
        hours=_hours(shift, reader),
        is_now=start <= reader.now < end,
        is_you=is_you,
    )


def _hours(period: Mapping[str, Any], reader: Reader) -> str:
    """Write from when until when, with the day of the end if it is another one."""
    start, end = (datetime.fromisoformat(period[name]) for name in ("start", "end"))
    begin, texts = max(start, reader.now), reader.texts
    if end >= reader.now + SHOWN_PERIOD - _ROUNDING:
        # The service cuts at the end of the period what goes on.
        return texts.gettext("from %(time)s", time=texts.time(begin, begin))
    # As seen from the begin: the end has its date if it is on another day.
    return f"{texts.time(begin, begin)}\u2013{texts.time(end, begin)}"


def _change(request: Mapping[str, Any], reader: Reader) -> Change:
    is_asked = request["person_id"] == reader.person
    url = f"{schedule_url(request['schedule_id'])}/requests/{request['request_id']}"
    return Change(
        text=_change_text(request, reader),
        period=_period(request["change"], reader),
        by=reader.name(request["asked_by"]),
        colleague=reader.name(request["person_id"]),
        expires=reader.time(request["expires_at"]),
        accept_url=f"{url}/accept" if is_asked else None,
        refuse_url=f"{url}/refuse" if is_asked else None,
        withdraw_url=f"{url}/withdraw" if request["asked_by"] == reader.person else None,
    )


def _period(change: Mapping[str, Any], reader: Reader) -> str:
    start, end = (datetime.fromisoformat(change[name]) for name in ("from", "until"))
    texts = reader.texts
    return f"{texts.time(start, reader.now)} \u2013 {texts.time(end, reader.now)}"


def _change_text(request: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    change = request["change"]
    values = {"schedule": title_of(request["schedule_id"])}
    if "first" in change:
        values |= {"first": reader.name(change["first"]), "second": reader.name(change["second"])}
        if request["removes"]:
            return _("%(first)s and %(second)s take their own turns again (%(schedule)s)", **values)
        return _("%(first)s and %(second)s swap their turns (%(schedule)s)", **values)
    values |= {"person": reader.name(change["person_id"])}
    if request["removes"]:
        return _("%(person)s is no longer on duty instead of others (%(schedule)s)", **values)
    if change.get("instead_of") is None:
        return _("%(person)s is on duty (%(schedule)s)", **values)
    values |= {"colleague": reader.name(change["instead_of"])}
    return _("%(person)s is on duty instead of %(colleague)s (%(schedule)s)", **values)
