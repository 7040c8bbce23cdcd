"""Which words of a customer are a request for a supervisor."""

import pytest

from intake.domain.supervisor_words import asks_for_supervisor


@pytest.mark.parametrize(
    "text",
    [
        "Let me talk to your supervisor",
        "I want to speak to a MANAGER!",
        "can you get me someone higher please",
        "Escalate this to your team lead now",
        "Ich möchte mit Ihrem Vorgesetzten sprechen. Verbinden Sie mich mit dem Teamleiter",
        "Quiero hablar con su jefe",
        "Je veux parler à votre responsable",
    ],
)
def test_request_for_a_supervisor_is_recognised(text: str) -> None:
    assert asks_for_supervisor(text)


@pytest.mark.parametrize(
    "text",
    [
        "My supervisor at work gave me this phone.",
        "The manager was very kind, thank you.",
        "Where is my parcel?",
        "",
    ],
)
def test_other_mention_of_a_supervisor_is_no_request(text: str) -> None:
    assert not asks_for_supervisor(text)
