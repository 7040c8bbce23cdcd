"""One table lists the kinds of settings; a kind in it works everywhere."""

from dataclasses import fields
from typing import get_args

from escalation.domain.duty.calendars import Calendar
from escalation.domain.settings.people import Team
from escalation.domain.settings.registry import (
    KIND_BY_PATH,
    KIND_BY_TYPE,
    KINDS,
    NO_LADDER,
    Configuration,
    Ref,
    Setting,
    Versioned,
)
from unit.escalation.examples import LADDER, SAM


def test_table_lists_every_setting_once() -> None:
    assert {kind.type for kind in KINDS} == set(get_args(Setting))
    assert len(KIND_BY_PATH) == len(KIND_BY_TYPE) == len(KINDS)


def test_every_kind_has_its_field_in_configuration() -> None:
    names = {field.name for field in fields(Configuration)}
    assert names == {kind.field for kind in KINDS} | {"earlier_calendars", "archived"}


def test_configuration_keeps_last_version_of_each_setting_and_all_calendars() -> None:
    first, second = (Calendar("UTC", {"mon": (("08:00", end),)}) for end in ("12:00", "13:00"))
    team = Team((SAM,))
    configuration = Configuration.of(
        (Versioned("office", 1, first), Versioned("office", 2, second), Versioned("t", 3, team))
    )
    assert configuration.get(Calendar, "office") == Versioned("office", 2, second)
    assert configuration.calendar_version(Ref("office", 1)) == first
    assert configuration.all_of(Team) == [Versioned("t", 3, team)]


def test_draft_is_the_next_version() -> None:
    configuration = Configuration().with_next("default", LADDER).with_next("default", LADDER)
    assert configuration.ladder_for("default") == Versioned("default", 2, LADDER)


def test_undefined_ladder_is_no_ladder() -> None:
    assert Configuration().ladder_for("none") is NO_LADDER
