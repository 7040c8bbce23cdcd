"""The directory: who is below whom, and whose teams a person has."""

from console.people import Directory

_DIRECTORY = Directory(
    names={},
    teams={"mia": None, "sara": "care", "ben": "field", "rita": "care"},
    superiors={"mia": None, "sara": "mia", "ben": "mia", "rita": "sara"},
)


def test_person_has_own_team_and_those_of_people_below() -> None:
    for _ in range(2):
        assert _DIRECTORY.teams_of("mia") == {"care", "field"}
        assert _DIRECTORY.teams_of("sara") == {"care"}
        assert _DIRECTORY.teams_of("nobody") == frozenset()


def test_person_is_not_below_themselves_also_in_a_circle() -> None:
    circle = Directory({}, {}, {"mia": "sara", "sara": "mia"})
    for _ in range(2):
        assert _DIRECTORY.below("mia") == {"sara", "ben", "rita"}
        assert _DIRECTORY.below("rita") == frozenset()
        assert circle.below("mia") == {"sara"}
