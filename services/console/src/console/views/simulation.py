"""A simulation: how far it is, and what a change would have made of past contacts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views import words
from console.views.reader import Reader
from console.views.refusal_words import field_text
from console.views.simulation_form import policy_url, try_url

_STATES: Final[Mapping[str, str]] = {
    "queued": mark("It waits until the one before has ended."),
    "running": mark("Past contacts are being tried."),
    "failed": mark("It failed."),
    "cancelled": mark("It was cancelled."),
}
_UNDER_WAY: Final = frozenset(("queued", "running"))


@dataclass(frozen=True, slots=True)
class Line:
    """A number now and with the change; `is_worse` and `is_better` say which way it goes."""

    label: str
    before: int
    after: int
    is_worse: bool = False
    is_better: bool = False

    @property
    def difference(self) -> str:
        return "0" if self.after == self.before else f"{self.after - self.before:+d}"


@dataclass(frozen=True, slots=True)
class TableView:
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class ExampleView:
    contact_id: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ResultView:
    """`is_worse` is about broken promises."""

    summary: str
    is_worse: bool
    tables: tuple[TableView, ...]
    examples: tuple[ExampleView, ...]


@dataclass(frozen=True, slots=True)
class SimulationView:
    """`changes` say what is tried; `total` is None until the contacts are counted."""

    policy: str
    url: str
    again_url: str
    back_url: str
    take_over_url: str
    changes: tuple[str, ...]
    period: str
    assumption: str
    is_under_way: bool
    state_text: str
    failure: str | None
    processed: int
    total: int | None
    result: ResultView | None


def simulation_view(
    policy_id: str, in_force: Mapping[str, Any], job: Mapping[str, Any], reader: Reader
) -> SimulationView:
    tried, result = job["drafts"][0]["body"], job["result"]
    _ = reader.texts.gettext
    return SimulationView(
        policy=words.title_of(policy_id),
        url=f"{try_url(policy_id)}/{job['simulation_id']}",
        again_url=f"{try_url(policy_id)}?from={job['simulation_id']}",
        back_url=policy_url(policy_id),
        take_over_url=f"{policy_url(policy_id)}/edit?simulation={job['simulation_id']}",
        changes=tuple(_changes(in_force, tried, reader)),
        period=_period(job, reader),
        assumption=_assumption(job["answer_after_s"], reader),
        is_under_way=job["state"] in _UNDER_WAY,
        state_text=_(_STATES[job["state"]]) if job["state"] in _STATES else "",
        failure=_failure(job, reader),
        processed=job["processed"],
        total=job["total"],
        result=None if result is None else _result(result, reader),
    )


_FAILURES: Final[Mapping[str, str]] = {
    "fault": mark("Something is wrong in Upstairs: the operators can see what."),
    "interrupted": mark("It was interrupted each time. Try a shorter period."),
    "invalid-settings": mark("Other settings have changed since, and it fits them no more."),
}


def _failure(job: Mapping[str, Any], reader: Reader) -> str | None:
    """Say why it failed; what has no words here in those of the service."""
    code = job["failure_code"]
    if code not in _FAILURES:
        return str(job["failure"]) if job["failure"] else None
    errors = dict.fromkeys(field_text(error, reader) for error in job["errors"])
    return " ".join((reader.texts.gettext(_FAILURES[code]), *errors))


def _changes(
    in_force: Mapping[str, Any], tried: Mapping[str, Any], reader: Reader
) -> Iterator[str]:
    _ = reader.texts.gettext
    present = {target["clock"]: target["target_s"] for target in in_force["targets"]}
    for target in tried["targets"]:
        before, after = present.get(target["clock"]), target["target_s"]
        if before is not None and before != after:
            yield _(
                "%(what)s: %(after)s instead of %(before)s",
                what=_(words.CLOCKS[target["clock"]]),
                before=reader.texts.duration(before),
                after=reader.texts.duration(after),
            )
    if in_force["ladder_id"] != tried["ladder_id"]:
        yield _(
            "%(what)s: %(after)s instead of %(before)s",
            what=_("Ladder"),
            before=words.title_of(in_force["ladder_id"]),
            after=words.title_of(tried["ladder_id"]),
        )


def _period(job: Mapping[str, Any], reader: Reader) -> str:
    return reader.texts.gettext(
        "The latest %(contacts)s contacts from %(since)s to %(until)s",
        contacts=job["latest_contacts"],
        since=reader.time(job["since"]),
        until=reader.time(job["until"]),
    )


def _assumption(answer_after_s: float | None, reader: Reader) -> str:
    _ = reader.texts.gettext
    if answer_after_s is None:
        return _("Assumed: nobody answers.")
    return _(
        "Assumed: people answer after %(duration)s.", duration=reader.texts.duration(answer_after_s)
    )


def _result(result: Mapping[str, Any], reader: Reader) -> ResultView:
    breaches = result["breaches"]
    return ResultView(
        summary=_summary(result, reader),
        is_worse=breaches["after"] > breaches["before"],
        tables=tuple(_tables(result, reader)),
        examples=tuple(
            ExampleView(
                example["contact_id"],
                _outcome(example["before"], reader),
                _outcome(example["after"], reader),
            )
            for example in result["examples"]
        ),
    )


def _summary(result: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    if result["contacts"] == 0:
        return _("No contacts came in this period. Try a longer one.")
    if result["changed"] == 0:
        return reader.texts.ngettext(
            "Nothing would have been different for the only contact.",
            "Nothing would have been different for any of the %(number)s contacts.",
            result["contacts"],
        )
    breaches, escalations = result["breaches"], result["escalations"]
    return _(
        "%(after)s instead of %(before)s promises would have been broken, and "
        "%(raised_after)s instead of %(raised_before)s escalations raised. "
        "%(changed)s of %(contacts)s contacts would have gone another way.",
        before=breaches["before"],
        after=breaches["after"],
        raised_before=escalations["before"],
        raised_after=escalations["after"],
        changed=result["changed"],
        contacts=result["contacts"],
    )


def _tables(result: Mapping[str, Any], reader: Reader) -> Iterator[TableView]:
    _ = reader.texts.gettext
    yield TableView(
        _("All contacts"),
        (
            _line(_("Promises broken"), result["breaches"]),
            _line(_("Escalations"), result["escalations"]),
            _line(_("Unanswered by all levels"), result["unanswered"]),
            _line(_("Messages to people"), result["pages"]),
            _line(_("Contacts without a policy"), result["without_policy"]),
        ),
    )
    for policy in result["policies"]:
        yield TableView(
            _("Policy %(name)s", name=words.title_of(policy["policy_id"])),
            (
                Line(_("Contacts"), **policy["contacts"]),
                _line(_("Escalations"), policy["escalations"]),
                *(
                    _line(
                        _("Broken: %(promise)s", promise=_(words.CLOCKS[clock["clock"]])),
                        clock["breaches"],
                    )
                    for clock in policy["clocks"]
                ),
            ),
        )
    if result["levels"]:
        yield TableView(
            _("Messages by level"),
            tuple(
                _line(words.title_of(level["level"]), level["pages"]) for level in result["levels"]
            ),
        )


def _line(label: str, change: Mapping[str, int]) -> Line:
    before, after = change["before"], change["after"]
    return Line(label, before, after, is_worse=after > before, is_better=after < before)


def _outcome(outcome: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    if outcome["policy_id"] is None:
        return _("No policy applies.")
    clocks = ", ".join(_(words.CLOCKS[clock]) for clock in outcome["breaches"])
    broken = _("Broken: %(promise)s", promise=clocks) if clocks else _("All promises kept")
    if outcome["highest_level"] is None:
        return f"{broken}."
    level = words.title_of(outcome["highest_level"])
    return _("%(broken)s. It goes up to %(level)s.", broken=broken, level=level)
