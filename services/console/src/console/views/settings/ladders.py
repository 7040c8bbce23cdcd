"""Ladders: who is asked, how long each level has, and what a holder may do."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from console.texts import Texts, mark
from console.views import words
from console.views.fields import FieldError, whole_number
from console.views.reader import Reader
from console.views.settings.kinds import Body, Kind, Related
from console.views.settings.nodes import UNNAMED, Leaf, Rows
from console.views.settings.phrases import duration, listing
from console.views.settings.values import (
    Choice,
    Choices,
    Duration,
    Line,
    SettingChoice,
    SeveralOf,
    Value,
    WholeNumber,
)
from console.views.words import title_of

_ASK: Final = {"all": mark("all at once"), "in_turn": mark("one after another")}
_WHEN_MET: Final = {
    "close": mark("The escalation is closed"),
    "stay": mark("The escalation stays open"),
}
_MAX_STEPS: Final = 4


class Responder(Value):
    """Who is asked at a level, as `kind:value`."""

    control = "person"

    def write(self, value: Any, _texts: Texts) -> str:
        match value["kind"]:
            case "duty":
                return f"duty:{value['schedule_id']}"
            case "person":
                return f"person:{value['person_id']}"
            case "reporting_line":
                return f"reporting_line:{value['steps']}"
            case _:
                return f"team_supervisors:{value.get('team_id') or ''}"

    def read(self, text: str, texts: Texts) -> dict[str, Any]:
        kind, _, value = text.partition(":")
        match kind:
            case "duty":
                return {"kind": kind, "schedule_id": value}
            case "person":
                return {"kind": kind, "person_id": value}
            case "reporting_line" if (steps := whole_number(value)) is not None:
                return {"kind": kind, "steps": steps}
            case "team_supervisors":
                return {"kind": kind} | ({"team_id": value} if value else {})
            case _:
                raise FieldError(texts.gettext("Please choose one from the list."))

    def show(self, text: str, choices: Choices) -> str:
        _ = choices.texts.gettext
        kind, _colon, value = text.partition(":")
        match kind:
            case "duty":
                return _("who is on duty in %(schedule)s", schedule=title_of(value))
            case "person":
                return choices.reader.name(value)
            case "reporting_line" if value == "1":
                return _("the representative's superior")
            case "reporting_line":
                return _("the superior %(steps)s steps above the representative", steps=value)
            case _ if value:
                return _("the supervisors of team %(team)s", team=title_of(value))
            case _:
                return _("the supervisors of the contact's team")

    def options(self, choices: Choices) -> Iterable[tuple[str, str]]:
        values = [
            *(f"duty:{schedule}" for schedule in choices.ids.get("duty-schedules", ())),
            "team_supervisors:",
            *(f"team_supervisors:{team}" for team in choices.ids.get("teams", ())),
            *(f"reporting_line:{steps}" for steps in range(1, _MAX_STEPS + 1)),
            *(f"person:{person}" for person, _ in _people(choices)),
        ]
        return ((value, self.show(value, choices)) for value in values)


def _people(choices: Choices) -> Iterable[tuple[str, str]]:
    return sorted(choices.reader.names.items(), key=lambda item: item[1].casefold())


_LEVELS: Final = Rows(
    "levels",
    mark("Levels"),
    mark("Level"),
    (
        Leaf("name", Line(), mark("Name")),
        Rows(
            "who",
            mark("Who is asked"),
            mark("Person"),
            (Leaf(UNNAMED, Responder(), mark("Who is asked"), spreads=True),),
            is_ordered=True,
            initial_count=1,
            add_label=mark("Add somebody"),
        ),
        Leaf("acknowledge_within_s", Duration(), mark("Time to answer"), mark("Such as 5 min.")),
        Leaf("ask", Choice(_ASK), mark("How they are asked"), initial="all"),
        Leaf("repeats", WholeNumber(), mark("How often they are asked again"), initial="0"),
        Leaf(
            "media",
            SeveralOf(words.MEDIA),
            mark("Contact methods"),
            mark("Without a tick, all that the person has."),
            is_required=False,
        ),
        Leaf(
            "calendar_id",
            SettingChoice("calendars"),
            mark("Calendar"),
            mark("In its hours the time to answer counts. Left empty, day and night."),
            is_required=False,
        ),
    ),
    mark("The lowest level is first. The last one must name a person."),
    is_ordered=True,
    initial_count=1,
    add_label=mark("Add a level"),
)
_NODES: Final = (
    _LEVELS,
    Leaf("lease_s", Duration(), mark("Time after an acknowledgement"), initial="15 min"),
    Leaf("working_lease_s", Duration(), mark("Time after a take-over"), initial="2 h"),
    Leaf("warn_before_s", Duration(), mark("Warning before that time ends"), initial="2 min"),
    Leaf("snoozes", WholeNumber(), mark("How often somebody may snooze"), initial="2"),
    Leaf("snooze_limit_s", Duration(), mark("Longest snooze"), initial="1 h"),
    Leaf(
        "when_met",
        Choice(_WHEN_MET),
        mark("When all promises are kept after all"),
        mark("As long as nobody has acknowledged."),
        initial="close",
    ),
    Leaf("top_repeats", WholeNumber(), mark("How often the top is asked again"), initial="8"),
    Leaf("longest_repeat_s", Duration(), mark("Longest time between"), initial="1 h"),
)


def ladder_sentence(body: Body, reader: Reader) -> str:
    """Say who is asked when, in one sentence: `At once: supervisor; after 10 min: manager.`"""
    _ = reader.texts.gettext
    steps = []
    passed = 0.0
    for level in body["levels"]:
        name = level["name"]
        steps.append(
            _("after %(duration)s: %(level)s", duration=duration(passed, reader), level=name)
            if passed
            else _("At once: %(level)s", level=name)
        )
        passed += _time_of(level)
    return f"{'; '.join(steps)}."


def _time_of(level: Body) -> float:
    count = len(level["who"]) if level["ask"] == "in_turn" else 1
    return float(level["acknowledge_within_s"] * count * (1 + level["repeats"]))


def _describe(body: Body, reader: Reader, _related: Related) -> list[str]:
    _ = reader.texts.gettext
    return [
        ladder_sentence(body, reader),
        *(_level_sentence(level, reader) for level in body["levels"]),
        _(
            "Who acknowledges has %(lease)s, who takes over %(working)s; "
            "a warning comes %(warning)s before.",
            lease=duration(body["lease_s"], reader),
            working=duration(body["working_lease_s"], reader),
            warning=duration(body["warn_before_s"], reader),
        ),
        reader.texts.ngettext(
            "It can be snoozed once, for %(duration)s at most.",
            "It can be snoozed %(number)s times, for %(duration)s at most.",
            body["snoozes"],
            duration=duration(body["snooze_limit_s"], reader),
        ),
        reader.texts.ngettext(
            "If nobody answers, the top is asked once more.",
            "If nobody answers, the top is asked %(number)s more times.",
            body["top_repeats"],
        ),
        _("%(what)s when all promises are kept after all.", what=_(_WHEN_MET[body["when_met"]])),
    ]


def _level_sentence(level: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    choices, responder = Choices(reader), Responder()
    who = [responder.show(responder.write(rule, reader.texts), choices) for rule in level["who"]]
    sentence = _(
        "%(level)s: %(people)s, with %(duration)s to answer",
        level=level["name"],
        people=", ".join(who),
        duration=duration(level["acknowledge_within_s"], reader),
    )
    details = []
    if len(who) > 1:
        details.append(_(_ASK[level["ask"]]))
    if level["repeats"]:
        again = reader.texts.ngettext(
            "asked once more", "asked %(number)s more times", level["repeats"]
        )
        details.append(again)
    if level.get("calendar_id"):
        calendar = title_of(level["calendar_id"])
        details.append(_("in the hours of %(calendar)s", calendar=calendar))
    if level.get("media"):
        names = (words.medium_label(medium, reader) for medium in level["media"])
        media = listing(names, reader)
        details.append(_("by %(media)s", media=media))
    return f"{'; '.join([sentence, *details])}."


LADDERS: Final = Kind(
    slug="ladders",
    path="ladders",
    title=mark("Ladders"),
    singular=mark("Ladder"),
    purpose=mark("Who is asked about an escalation, and who is next without an answer."),
    nodes=_NODES,
    describe=_describe,
    archive_choices=("keep", "retarget"),
    named_kinds=("duty-schedules", "teams", "calendars"),
)
