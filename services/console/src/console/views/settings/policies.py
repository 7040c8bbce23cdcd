"""Policies: which contacts, what is promised to them, and who hears of a broken promise."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from common.contracts.clocks import ThresholdAction
from console.texts import mark
from console.views import words
from console.views.reader import Reader
from console.views.settings.kinds import Body, Kind, Related
from console.views.settings.ladders import ladder_sentence
from console.views.settings.nodes import KEY, VALUE, Group, Leaf, Rows
from console.views.settings.phrases import (
    PRIORITIES,
    TIERS,
    business_duration,
    days,
    duration,
    labels,
    listing,
)
from console.views.settings.thresholds import ALIASES, ThresholdPlace
from console.views.settings.values import (
    Choice,
    Duration,
    Flag,
    Line,
    SettingChoice,
    SeveralOf,
    WholeNumber,
    Words,
)
from console.views.words import title_of

THRESHOLD_ACTIONS: Final[Mapping[ThresholdAction, str]] = {
    "warn_representative": mark("Warn the representative"),
    "warn_supervisor": mark("Warn the supervisor"),
    "raise": mark("Escalate"),
    "change_priority": mark("Change the priority"),
}
_ON_REOPENING: Final = {
    "full": mark("All promises start again"),
    "continue": mark("Promises that were not kept run on"),
}
_MATCH: Final = (
    Leaf("channel", SeveralOf(words.CHANNELS), mark("Channels"), is_required=False),
    Leaf("priority", SeveralOf(PRIORITIES), mark("Priorities"), is_required=False),
    Leaf("tier", SeveralOf(TIERS), mark("Customers' tiers"), is_required=False),
    Leaf("topic", Words(), mark("Topics"), mark("Several with commas between."), is_required=False),
    Leaf("language", Words(), mark("Languages"), mark("Such as en, de, pt-BR."), is_required=False),
    Leaf("region", Words(), mark("Regions"), is_required=False),
    Leaf("campaign", Words(), mark("Campaigns"), is_required=False),
)
_THRESHOLDS: Final = Rows(
    "thresholds",
    mark("Before and after"),
    mark("Threshold"),
    (
        Leaf("action", Choice(THRESHOLD_ACTIONS), mark("What happens")),
        Leaf(
            "at",
            ThresholdPlace(),
            mark("When"),
            mark("80 %%, 30 min before, or 1 h after the promise ends."),
            aliases=ALIASES,
            spreads=True,
        ),
        Leaf(
            "priority",
            Choice(PRIORITIES),
            mark("New priority"),
            mark("Only where the priority changes."),
            is_required=False,
        ),
    ),
    mark("At its end a promise always escalates."),
    add_label=mark("Add a threshold"),
)
_TARGETS: Final = Rows(
    "targets",
    mark("Promises"),
    mark("Promise"),
    (
        Leaf("clock", Choice(words.CLOCKS), mark("What is promised")),
        Leaf(
            "target_s",
            Duration(has_days=False),
            mark("Within"),
            mark("Such as 10 min, 1 h 30 min."),
        ),
        Leaf("runs_while_waiting", Flag(), mark("Time runs on while we wait for the customer")),
        _THRESHOLDS,
    ),
    initial_count=1,
    add_label=mark("Add a promise"),
)
_RAISE_WHEN: Final = Group(
    "raise_when",
    mark("Escalate also"),
    (
        Leaf("vip", Flag(), mark("Every contact of a VIP customer")),
        Leaf(
            "feedback_at_most",
            WholeNumber(),
            mark("Feedback of at most"),
            mark("A score from 1 to 5."),
            is_required=False,
        ),
        Group(
            "repeated",
            mark("Customers who come again and again"),
            (
                Leaf("contacts", WholeNumber(), mark("Number of contacts")),
                Leaf("within_days", WholeNumber(), mark("Within how many days")),
                Leaf("same_topic", Flag(), mark("Only about the same topic"), initial="on"),
            ),
            mark("Leave the numbers empty if this is not wanted."),
            is_optional=True,
        ),
    ),
)
_NODES: Final = (
    Group(
        "match",
        mark("For which contacts"),
        _MATCH,
        mark(
            "What is left empty does not matter. "
            "Of several policies the one that asks for most applies."
        ),
    ),
    _TARGETS,
    Leaf("severity", Choice(words.SEVERITIES), mark("Severity of an escalation"), initial="medium"),
    Leaf(
        "ladder_id", SettingChoice("ladders"), mark("Ladder"), mark("Who is asked, and then who.")
    ),
    Rows(
        "ladder_by_severity",
        mark("Other ladders by severity"),
        mark("Severity"),
        (
            Leaf(KEY, Choice(words.SEVERITIES), mark("Severity")),
            Leaf(VALUE, SettingChoice("ladders"), mark("Ladder")),
        ),
        shape="map",
        add_label=mark("Add a severity"),
    ),
    Leaf(
        "calendar_id",
        SettingChoice("calendars"),
        mark("Calendar"),
        mark("Left empty, time runs day and night."),
        is_required=False,
    ),
    Rows(
        "calendar_by_region",
        mark("Other calendars by region"),
        mark("Region"),
        (
            Leaf(KEY, Line(), mark("Region")),
            Leaf(VALUE, SettingChoice("calendars"), mark("Calendar")),
        ),
        shape="map",
        add_label=mark("Add a region"),
    ),
    _RAISE_WHEN,
    Leaf(
        "on_reopening",
        Choice(_ON_REOPENING),
        mark("When a contact is opened again"),
        initial="full",
    ),
    Leaf(
        "wait_limit_s",
        Duration(),
        mark("Longest wait for the customer"),
        mark("After it time runs on anyway."),
        initial="14 d",
    ),
)


def _describe(body: Body, reader: Reader, related: Related) -> list[str]:
    _ = reader.texts.gettext
    return [
        _("For %(contacts)s.", contacts=match_text(body["match"], reader)),
        *(_target_sentence(target, body, reader) for target in body["targets"]),
        *_regions(body, reader),
        *_escalations(body, reader, related),
        *_raise_sentences(body["raise_when"], reader),
        _("%(what)s when a contact is opened again.", what=_(_ON_REOPENING[body["on_reopening"]])),
        _(
            "Time stops while we wait for the customer, for %(duration)s at most.",
            duration=duration(body["wait_limit_s"], reader),
        ),
    ]


def match_text(match: Body, reader: Reader) -> str:
    """Say which contacts a policy is for: `premium or VIP customers; topic billing; call`."""
    _ = reader.texts.gettext
    parts = list(_match_parts(match, reader))
    return "; ".join(parts) if parts else _("all contacts")


def _match_parts(match: Body, reader: Reader) -> Iterator[str]:
    _ = reader.texts.gettext
    if tiers := match.get("tier"):
        yield _("customers of the tier %(tiers)s", tiers=labels(tiers, TIERS, reader))
    if channels := match.get("channel"):
        yield _("channel %(channels)s", channels=labels(channels, words.CHANNELS, reader))
    if priorities := match.get("priority"):
        yield _("priority %(priorities)s", priorities=labels(priorities, PRIORITIES, reader))
    if topics := match.get("topic"):
        yield _("topic %(topics)s", topics=listing(topics, reader))
    if languages := match.get("language"):
        yield _(
            "language %(languages)s", languages=listing(map(_language(reader), languages), reader)
        )
    if regions := match.get("region"):
        yield _("region %(regions)s", regions=listing(regions, reader))
    if campaigns := match.get("campaign"):
        yield _("campaign %(campaigns)s", campaigns=listing(campaigns, reader))


def _language(reader: Reader) -> Any:
    languages = reader.texts.locale.languages
    return lambda tag: languages.get(tag.replace("-", "_"), tag)


def _target_sentence(target: Body, body: Body, reader: Reader) -> str:
    _ = reader.texts.gettext
    calendar = body.get("calendar_id")
    promise = _(
        "%(clock)s within %(duration)s",
        clock=_(words.CLOCKS[target["clock"]]),
        duration=business_duration(target["target_s"], reader),
    )
    hours = (
        _("in the hours of %(calendar)s", calendar=title_of(calendar))
        if calendar
        else _("day and night")
    )
    steps = [_threshold_text(rule, reader) for rule in target["thresholds"]]
    tail = f" ({'; '.join(steps)})" if steps else ""
    sentence = f"{promise}, {hours}{tail}."
    if not target["runs_while_waiting"]:
        return sentence
    runs_on = _("Time runs on while we wait for the customer.")
    return f"{sentence} {runs_on}"


def _threshold_text(rule: Body, reader: Reader) -> str:
    _ = reader.texts.gettext
    action = _(THRESHOLD_ACTIONS[rule["action"]])
    if rule.get("priority"):
        action = f"{action}: {_(PRIORITIES[rule['priority']])}"
    return f"{ThresholdPlace().write(rule, reader.texts)}: {action}"


def _regions(body: Body, reader: Reader) -> Iterator[str]:
    for region, calendar in body["calendar_by_region"].items():
        yield reader.texts.gettext(
            "In the region %(region)s the hours of %(calendar)s count.",
            region=region,
            calendar=title_of(calendar),
        )


def _escalations(body: Body, reader: Reader, related: Related) -> Iterator[str]:
    _ = reader.texts.gettext
    yield _(
        "A broken promise escalates with severity %(severity)s by ladder %(ladder)s.",
        severity=_(words.SEVERITIES[body["severity"]]),
        ladder=title_of(body["ladder_id"]),
    )
    ladder = related.get(("ladders", body["ladder_id"]))
    if ladder is not None:
        yield ladder_sentence(ladder, reader)
    for severity, other in body["ladder_by_severity"].items():
        yield _(
            "With severity %(severity)s it goes by ladder %(ladder)s.",
            severity=_(words.SEVERITIES[severity]),
            ladder=title_of(other),
        )


def _raise_sentences(rules: Body, reader: Reader) -> Iterator[str]:
    _ = reader.texts.gettext
    if rules["vip"]:
        yield _("Every contact of a VIP customer escalates.")
    if repeated := rules["repeated"]:
        yield _repeat_sentence(repeated, reader)
    if rules["feedback_at_most"] is not None:
        yield _("Feedback of at most %(score)s escalates.", score=rules["feedback_at_most"])


def _repeat_sentence(rule: Body, reader: Reader) -> str:
    numbers = {"count": rule["contacts"], "time": days(rule["within_days"], reader)}
    if rule["same_topic"]:
        return reader.texts.gettext(
            "A customer who comes %(count)s times within %(time)s about the same topic escalates.",
            **numbers,
        )
    return reader.texts.gettext(
        "A customer who comes %(count)s times within %(time)s escalates.", **numbers
    )


POLICIES: Final = Kind(
    slug="policies",
    path="sla-policies",
    title=mark("Policies"),
    singular=mark("Policy"),
    purpose=mark("What is promised to which contacts, and when somebody is asked."),
    nodes=_NODES,
    describe=_describe,
    archive_choices=("keep", "retarget", "release"),
    asks_for_open_contacts=True,
    named_kinds=("ladders", "calendars"),
)
