"""Which policy makes the promise, and what a setting may not say."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import TypeAdapter, ValidationError

from escalation.domain.settings.ladders import Ladder, Level, PersonOnDuty
from escalation.domain.settings.policies import ContactDetails, Match, SlaPolicy, Target
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.settings.validation import undefined_references

CONTACT = ContactDetails(
    channel="chat",
    priority="urgent",
    topic="billing",
    language="de",
    tier="vip",
    region=None,
    customer="Ada",
    subject="?",
    received_at=datetime(2026, 3, 2, tzinfo=UTC),
)
TARGETS = (Target("resolution", 60),)


def policies(**matches: Match) -> Configuration:
    return Configuration(
        policies={
            name: Versioned(name, 1, SlaPolicy(TARGETS, "default", "low", match))
            for name, match in matches.items()
        }
    )


def test_most_specific_covering_policy_wins() -> None:
    configuration = policies(
        default=Match(),
        vip=Match(tier=("vip",)),
        vip_billing=Match(tier=("vip", "premium"), topic=("billing",)),
        calls=Match(channel=("call",), tier=("vip",), topic=("billing",)),
    )
    chosen = configuration.policy_for(CONTACT)
    assert chosen is not None
    assert chosen.id == "vip_billing"


def test_tie_between_policies_goes_to_first_id() -> None:
    chosen = policies(b=Match(tier=("vip",)), a=Match(language=("de",))).policy_for(CONTACT)
    assert chosen is not None
    assert chosen.id == "a"


def test_unknown_region_matches_no_list() -> None:
    assert policies(eu=Match(region=("EU",))).policy_for(CONTACT) is None


def test_references_to_undefined_settings_are_refused() -> None:
    policy = SlaPolicy(TARGETS, "night", "low", calendar_id="berlin")
    assert list(undefined_references(Configuration(), policy)) == [
        ("ladder_id", "ladder night", "night"),
        ("calendar_id", "calendar berlin", "berlin"),
    ]
    ladder = Ladder((Level("supervisors", 5, (PersonOnDuty("duty", "early"),)),), 20, 60)
    assert list(undefined_references(Configuration(), ladder)) == [
        ("levels/0/who/0/schedule_id", "duty schedule early", "early")
    ]


def policy(**changes: Any) -> dict[str, Any]:
    target = {
        "clock": "resolution",
        "target_s": 60,
        "thresholds": [{"action": "warn_representative", "at_percent": 80}],
    }
    return {"targets": [target], "ladder_id": "default", "severity": "low", **changes}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (policy(targets=[]), ("targets",)),
        (policy(targets=[{"clock": "resolution", "target_s": 0}]), ("targets", 0, "target_s")),
        (
            policy(targets=[{"clock": "resolution", "target_s": 365 * 86400}]),
            ("targets", 0, "target_s"),
        ),
        (
            policy(
                targets=[
                    {
                        "clock": "resolution",
                        "target_s": 1,
                        "thresholds": [{"action": "warn_representative", "at_percent": 0}],
                    }
                ]
            ),
            ("targets", 0, "thresholds", 0, "at_percent"),
        ),
        (policy(targets=[{"clock": "resolution", "target_s": 60}] * 2), ("targets",)),
        (policy(targets=[{"clock": "lunch", "target_s": 60}]), ("targets", 0, "clock")),
        (policy(match={"tier": []}), ("match", "tier")),
        (policy(match={"shoe_size": ["44"]}), ("match", "shoe_size")),
        (policy(severity="awful"), ("severity",)),
    ],
)
def test_invalid_policy_is_refused(body: dict[str, Any], place: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(SlaPolicy).validate_python(body)
    assert refused.value.errors()[0]["loc"] == place


def test_ladder_without_levels_is_refused() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Ladder).validate_python({"levels": [], "lease_s": 1, "working_lease_s": 1})


@pytest.mark.parametrize(
    ("of_policy", "of_contact", "covers"),
    [
        ("pt", "pt-BR", True),
        ("PT-br", "pt", True),
        ("pt-BR", "pt-PT", False),
        ("zh", "zh-Hant-TW", True),
        ("es", "pt", False),
    ],
)
def test_policy_covers_regions_of_its_language(
    of_policy: str, of_contact: str, *, covers: bool
) -> None:
    match = TypeAdapter(Match).validate_python({"language": [of_policy]})
    assert match.covers(replace(CONTACT, language=of_contact)) is covers


def test_policy_of_the_very_language_comes_first() -> None:
    configuration = policies(a=Match(language=("pt",)), b=Match(language=("pt-BR",)))
    for language, expected in (("pt-BR", "b"), ("pt", "a"), ("pt-PT", "a")):
        chosen = configuration.policy_for(replace(CONTACT, language=language))
        assert chosen is not None
        assert chosen.id == expected


def test_topic_of_a_policy_is_in_any_case() -> None:
    assert TypeAdapter(Match).validate_python({"topic": ["Billing"]}).covers(CONTACT)


def test_policy_for_no_language_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be a language"):
        TypeAdapter(Match).validate_python({"language": ["english"]})
