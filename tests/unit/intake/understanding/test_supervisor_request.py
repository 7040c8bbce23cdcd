"""Which words of a customer are a request for a supervisor."""

import re
import time
from collections.abc import Callable

import pytest

from intake.domain.understanding.supervisor_request import (
    asks_for_supervisor,
)


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
        "Is there no manager I could talk to?",
        "Gibt es keinen Vorgesetzten, mit dem ich reden kann?",
        "N'y a-t-il pas un responsable à qui je pourrais parler ?",
        "Since you can't, put me through to someone who can.",
        "Já que não resolve, me transfira para quem resolve.",
        "Who is in charge here? Put him on.",
        "Who can approve this, you or your manager? I want to speak to the manager.",
        "I want to talk to the manager about what happened in your shop yesterday.",
        "Ich hätte jetzt gern den Teamleiter gesprochen.",
        "If nothing happens by Friday I will be asking for your manager.",
        "I want it to go to the manager, not to the chat.",
        "C'è un responsabile stasera?",
        "superviser please this chat is useless",
        "I would be obliged if the director of the clinic could telephone me.",
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
        "Where is my parcel? :)",
        "When does it come? \N{THUMBS UP SIGN} \N{CJK UNIFIED IDEOGRAPH-597D}!",
        "?!?\n...",
        "\N{CJK UNIFIED IDEOGRAPH-597D}",
        "Who is responsible for returns, you or the dealer?",
        "Wer ist für Rücksendungen zuständig, Sie oder der Händler?",
        "Chi è responsabile del reso, voi o il negozio?",
        "Können Sie mir die Anleitung für den Manager-Zugang schicken?",
        "Is there no manual?",
        "Dear Manager,\nplease send me the invoice for May.",
        "Monsieur le Directeur,\nje souhaite résilier mon abonnement.",
        "I have an appointment with your branch manager at 3, can I move it?",
        "Your branch manager, Mr. Doyle, was brilliant with my dad.",
        "We are hiring a shift manager, may we put up a notice?",
        "My landlord says I should talk to his boss.",
        "You asked whether I wanted to speak to a supervisor: no thank you.",
        "The person who helped me deserves a medal, tell her boss!",
        "Please don't forward or escalate this.",
        "Which role do I need, admin or manager, to invite users?",
        "I'd like to speak to someone about the power cut.",
        "Hay alguien que pueda arreglar mi caldera hoy?",
        "The door of the manager is broken, who repairs it?",
        "Tell your boss he does well.",
        "In quale direzione devo girare la manopola?",
        "",
    ],
)
def test_other_mention_of_a_supervisor_is_no_request(text: str) -> None:
    assert not asks_for_supervisor(text)


def test_request_at_the_beginning_or_end_of_a_long_text_is_recognised() -> None:
    request, filler = "Let me talk to your supervisor!", "This is how it went. " * 4000
    assert asks_for_supervisor(request + filler)
    assert asks_for_supervisor(filler + request)
    assert not asks_for_supervisor(filler)


def test_quoted_words_are_no_request() -> None:
    answer = "Thank you!\n\nOn Monday somebody wrote:\n> Let me talk to your supervisor\n"
    assert not asks_for_supervisor(answer)
    assert asks_for_supervisor(f"No: I want your manager.\n{answer}")


@pytest.mark.parametrize(
    "unit",
    [
        "want ",
        "want",
        "team  ",
        "your ",
        "supervisor want " + "y" * 61 + " ",
        "> \n",
        "someone in ",
        "want x " * 8 + "managers ",
        "é ",
    ],
)
def test_longest_texts_cost_no_more_than_a_bounded_read(unit: str) -> None:
    """A text of 100,000 characters costs about as much as one of 4,000, whatever is in it."""
    short = _cpu_s(unit * (4000 // len(unit)))
    long = _cpu_s(unit * (100_000 // len(unit)))
    # A calibrating read: one pass of a trivial expression over the longest text.
    trivial = _cpu_s("z " * 50_000, re.compile(r"\bq").search)
    assert long < 10 * max(short, trivial)


def _cpu_s(text: str, read: Callable[[str], object] = asks_for_supervisor) -> float:
    """Return the least CPU time of a few runs: others use the machine too."""
    times = []
    for _ in range(5):
        started = time.thread_time()
        read(text)
        times.append(time.thread_time() - started)
    return min(times)
