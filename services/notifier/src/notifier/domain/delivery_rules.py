"""How a person wants to be notified: by which medium after how long, and when not at all.

Steps say so for each severity: the first at once, a later one only while the message is neither
answered nor, as WhatsApp says, read; a link that was opened proves nothing. Without steps all media
are used at once. During quiet hours what is not urgent waits for one summary at their end.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Final, Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, with_config

from common.contracts.escalations import SEVERITIES, Severity
from common.contracts.notifications import Medium
from common.contracts.validation_messages import InvalidValueError
from notifier.domain.reasons import Reason, asks_for

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)
MAX_STEPS: Final = 5
MAX_STEP_MINUTES: Final = 24 * 60
MAX_QUIET_PERIODS: Final = 3
MAX_QUIET_DATES: Final = 60
_HOURS_OF_WEEK: Final = 7 * 24
_ONE_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)


_CONFIG: Final = ConfigDict(extra="forbid", use_attribute_docstrings=True)
WallTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


@with_config(_CONFIG)
@dataclass(frozen=True, slots=True)
class Step:
    """Send on these media so many minutes after the page was requested."""

    after_minutes: Annotated[int, Field(ge=0, le=MAX_STEP_MINUTES)]
    """How long after the page was requested, in minutes; 0 in the first step."""
    media: Annotated[tuple[Medium, ...], Field(min_length=1, max_length=MAX_STEPS)]
    """By which media; each is in one step at most."""


def _require_order(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    minutes = [step.after_minutes for step in steps]
    if minutes and minutes[0] != 0:
        raise InvalidValueError("must begin with a step after 0 minutes", "first-step-waits")
    if any(later <= earlier for earlier, later in pairwise(minutes)):
        raise InvalidValueError(
            "must name steps in order, each later than the one before", "steps-out-of-order"
        )
    media = [medium for step in steps for medium in step.media]
    if len(set(media)) < len(media):
        raise InvalidValueError("must name each medium in one step at most", "medium-twice")
    return steps


Steps = Annotated[
    tuple[Step, ...], Field(min_length=0, max_length=MAX_STEPS), AfterValidator(_require_order)
]
StepsBySeverity = Mapping[Severity, Steps]


@with_config(_CONFIG)
@dataclass(frozen=True, slots=True)
class QuietPeriod:
    """From `begins` on these days until the next `ends`, which may be on the day after.

    Both are times of the wall clock, as `22:00`. If they are the same, it lasts 24 hours.
    """

    days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)]
    """On which days it begins."""
    begins: WallTime
    """When it begins, as `22:00`, in the person's time zone."""
    ends: WallTime
    """When it ends; if that is not later than it begins, on the next day."""


def _require_loud_hour(periods: tuple[QuietPeriod, ...]) -> tuple[QuietPeriod, ...]:
    if is_always_quiet(periods):
        raise InvalidValueError("must leave at least an hour of the week", "always-quiet")
    return periods


@with_config(_CONFIG)
@dataclass(frozen=True, slots=True)
class QuietHours:
    periods: Annotated[
        tuple[QuietPeriod, ...],
        Field(max_length=MAX_QUIET_PERIODS),
        AfterValidator(_require_loud_hour),
    ] = ()
    """When it is quiet; what is not urgent then waits for a summary at the end."""
    unless_severity: Severity = "critical"
    """Pages that are at least so severe are sent all the same."""
    dates: Annotated[tuple[date, ...], Field(max_length=MAX_QUIET_DATES)] = ()
    """Whole days that are quiet, as holidays, in the person's time zone."""

    def __post_init__(self) -> None:
        if not self.periods and not self.dates:
            raise InvalidValueError("must have periods or dates", "never-quiet")


class PersonRules(Struct, frozen=True):
    """What a person has chosen; a severity without steps follows the default of the centre."""

    steps: StepsBySeverity = {}
    quiet_hours: QuietHours | None = None


def steps_for(severity: Severity | None, own: StepsBySeverity, default: StepsBySeverity) -> Steps:
    """Return the steps for a page, the person's before the default; none: all media at once."""
    if severity is None:
        return ()
    return own[severity] if severity in own else default.get(severity, ())


class LateStep(Struct, frozen=True):
    """A step that comes when pages of this severity had to be answered already."""

    severity: Severity
    after_minutes: int
    answer_within_minutes: int


def late_steps(
    steps: StepsBySeverity, times_to_answer: Mapping[Severity, timedelta]
) -> tuple[LateStep, ...]:
    """Return the steps that come too late for an answer within these times."""
    return tuple(
        LateStep(severity, step.after_minutes, int(within / _MINUTE))
        for severity, within in times_to_answer.items()
        for step in steps.get(severity, ())
        if step.after_minutes * _MINUTE >= within
    )


class PlannedMedium(Struct, frozen=True):
    """When a page goes out on a medium; `step` counts from 1."""

    medium: Medium
    step: int
    after: timedelta


def plan(
    steps: Sequence[Step],
    media: Sequence[Medium],
    requested: Collection[Medium] = (),
    verified: AbstractSet[Medium] = frozenset(),
) -> tuple[PlannedMedium, ...]:
    """Say when a page goes out on each of these media of the person.

    Media that the page requests are used, if not by a step, then at once. The first step of which
    the person has a medium runs at once, and so does the first with a verified one: nobody relies
    on what may not arrive.
    """
    runnable = [
        (step.after_minutes, [medium for medium in step.media if medium in media]) for step in steps
    ]
    runnable = [(minutes, chosen) for minutes, chosen in runnable if chosen]
    if not runnable:
        return tuple(PlannedMedium(medium, 1, timedelta(0)) for medium in media)
    reliable = (minutes for minutes, chosen in runnable if not verified.isdisjoint(chosen))
    first_minutes = next(reliable, runnable[0][0])
    planned = {
        medium: PlannedMedium(medium, number, timedelta(minutes=max(0, minutes - first_minutes)))
        for number, (minutes, chosen) in enumerate(runnable, 1)
        for medium in chosen
    }
    for medium in media:
        if medium in requested and medium not in planned:
            planned[medium] = PlannedMedium(medium, 1, timedelta(0))
    return tuple(planned[medium] for medium in media if medium in planned)


def quiet_until(
    rules: PersonRules,
    time_zone: str,
    severity: Severity | None,
    reason: Reason,
    at: datetime,
    *,
    on_duty: bool,
) -> datetime | None:
    """Return until when a page waits for the end of the quiet hours; None: it is sent now.

    Who is asked on duty is always told, and so is who holds an escalation about what they hold.
    """
    quiet = rules.quiet_hours
    if quiet is None or on_duty or asks_for(reason) == "progress":
        return None
    if severity and SEVERITIES.index(severity) >= SEVERITIES.index(quiet.unless_severity):
        return None
    return end_of_quiet(quiet, time_zone, at)


def end_of_quiet(quiet: QuietHours, time_zone: str, at: datetime) -> datetime | None:
    """Return when it is no longer quiet, if it is quiet then; periods that touch are one.

    Where a clock change skips or repeats a time, it is quiet for the shorter of both.
    """
    zone = ZoneInfo(time_zone)
    end: datetime | None = None
    # A week has an hour that is not quiet, unless days of it are; so the search ends.
    limit = at + (8 + 7 * len(quiet.dates)) * _ONE_DAY
    while (following := _end_at(quiet, zone, end or at)) and following < limit:
        end = following
    return end


def _end_at(quiet: QuietHours, zone: ZoneInfo, at: datetime) -> datetime | None:
    day = at.astimezone(zone).date()
    spans = [
        _span(period, each, zone)
        for period in quiet.periods
        for each in (day - _ONE_DAY, day)
        if WEEKDAYS[each.weekday()] in period.days
    ]
    if day in quiet.dates:
        spans.append(_span(_WHOLE_DAY, day, zone))
    return max((ends for begins, ends in spans if begins <= at < ends), default=None)


_WHOLE_DAY: Final = QuietPeriod(WEEKDAYS, "00:00", "00:00")


def _span(period: QuietPeriod, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    last_day = day if period.begins < period.ends else day + _ONE_DAY
    return max(_moments(day, period.begins, zone)), min(_moments(last_day, period.ends, zone))


def _moments(day: date, wall_time: str, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the moments at which a clock may show it: two where a clock change repeats it."""
    local = datetime.combine(day, time.fromisoformat(wall_time), zone)
    for fold in (0, 1):
        yield local.replace(fold=fold).astimezone(UTC)


def is_always_quiet(periods: Sequence[QuietPeriod]) -> bool:
    """Return whether the periods leave less than an hour of the week in one piece."""
    minutes = bytearray(_HOURS_OF_WEEK * 60)
    for period in periods:
        begins, ends = _minutes(period.begins), _minutes(period.ends)
        length = (ends - begins) % (24 * 60) or 24 * 60
        for day in period.days:
            first = WEEKDAYS.index(day) * 24 * 60 + begins
            for minute in range(first, first + length):
                minutes[minute % len(minutes)] = 1
    return bytes(60) not in bytes(minutes) * 2


def _minutes(wall_time: str) -> int:
    at = time.fromisoformat(wall_time)
    return at.hour * 60 + at.minute
