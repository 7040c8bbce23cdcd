"""What a text is a sign of besides a request: language, topic, urgency, care."""

import pytest

from intake.domain.understanding.signs import SignReader, SignRules, StatedNeeds, with_own_rules
from intake.text_reading import fill, read_text

RULES = SignRules(topics={"billing": ["charged twice", "rechnung*"]}, urgency_priority="high")
READER = SignReader(with_own_rules(RULES))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my parcel? It should have come on Monday.", "en"),
        ("Wo ist mein Paket? Es sollte am Montag kommen.", "de"),
        ("¿Dónde está mi paquete? Tenía que llegar el lunes.", "es"),
        ("Où est mon colis ? Il devait arriver lundi dernier.", "fr"),
        ("Onde está a minha encomenda? Não chegou ontem.", "pt"),
        ("Dov'è il mio pacco? Doveva arrivare lunedì scorso.", "it"),
    ],
)
def test_language_is_told_by_the_words(text: str, language: str) -> None:
    assert READER.read(text).language == language


@pytest.mark.parametrize("text", ["ok", "4711", "", "こんにちは"])
def test_text_without_clear_language_tells_none(text: str) -> None:
    assert READER.read(text).language is None


def test_text_fills_only_what_the_channel_left_open() -> None:
    reading = read_text("It is urgent: I was charged twice for the same order!", READER)
    vague = fill(StatedNeeds("general", "und", "normal"), reading, READER)
    assert vague == StatedNeeds("billing", "en", "high")
    stated = StatedNeeds("shipping", "de", "urgent")
    assert fill(stated, reading, READER) == stated


def test_urgency_raises_no_priority_without_a_rule() -> None:
    reader = SignReader(with_own_rules(SignRules()))
    reading = read_text("Das ist dringend!", reader)
    assert reading.findings.urgency is not None
    assert fill(StatedNeeds("general", "de", "low"), reading, reader).priority == "low"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("My husband passed away in March, please close his account.", "bereavement"),
        ("Meine Mutter sitzt im Rollstuhl und kann nicht kommen.", "disability"),
        ("No puedo pagar la factura este mes.", "debt"),
        ("Il y a une odeur de gaz dans la cuisine.", "danger"),
        ("O meu pai está doente e precisa do telefone.", "illness"),
        ("Ho perso il lavoro e penso di togliermi la vita.", "self-harm"),
    ],
)
def test_vulnerability_is_seen_with_the_phrase_of_its_rule(text: str, kind: str) -> None:
    findings = READER.read(text).vulnerability
    assert kind in [finding.value for finding in findings]


def test_quoted_words_are_signs_of_nothing() -> None:
    assert READER.read("All well now.\n> It is urgent, I was charged twice").urgency is None


@pytest.mark.parametrize(
    "text",
    [
        "This is urgent, the shop opens tomorrow.",
        "Es eilt, bitte melden Sie sich.",
        "Me urge la entrega, es para mañana.",
        "C'est une urgence, rappelez-moi.",
        "Preciso disto com urgência.",
        "È urgente, il negozio apre domani.",
        "I am not happy. Urgent!",
    ],
)
def test_urgent_text_is_urgent(text: str) -> None:
    assert READER.read(text).urgency is not None


@pytest.mark.parametrize(
    "text",
    [
        "It is not urgent, take your time.",
        "No emergency at all, just a question.",
        "Das ist nicht so dringend.",
        "Kein Notfall, nur eine Frage.",
        "No es tan urgente, gracias.",
        "Ce n'est pas urgent du tout.",
        "Não é muito urgente.",
        "Ihr Kollege hat uns sofort geholfen.",
        "Votre collègue nous a replacés tout de suite.",
        "Non è urgente, grazie.",
        "I am at work right now, write to me.",
    ],
)
def test_text_that_denies_urgency_is_not_urgent(text: str) -> None:
    assert READER.read(text).urgency is None


def test_urgency_that_follows_a_denied_one_is_heard() -> None:
    text = "The invoice is not urgent. The heating is an emergency."
    assert READER.read(text).urgency is not None


@pytest.mark.parametrize(
    "text",
    [
        "My account was disabled yesterday.",
        "Sie schulden mir noch 20 Euro.",
        "Il pacco è scomparso dal magazzino.",
        "Vorrei disabilitare l'account.",
        "The picture is deficient.",
    ],
)
def test_words_with_another_meaning_show_no_need_for_care(text: str) -> None:
    assert READER.read(text).vulnerability == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Mi esposo murió en marzo.", "bereavement"),
        ("Mon mari est mort en mars.", "bereavement"),
        ("O meu marido morreu em março.", "bereavement"),
        ("Mio padre è venuto a mancare a marzo.", "bereavement"),
        ("Mia figlia ha una disabilità.", "disability"),
        ("I am disabled and cannot carry it.", "disability"),
        ("Meine Mutter braucht Sauerstoff.", "illness"),
        ("Sono in dialisi tre volte a settimana.", "illness"),
        ("Ich bin überschuldet.", "debt"),
        ("La prise prend feu.", "danger"),
        ("A tomada está pegando fogo.", "danger"),
        ("Ich denke an Selbstmord.", "self-harm"),
    ],
)
def test_vulnerability_is_seen_in_each_language(text: str, kind: str) -> None:
    assert kind in [finding.value for finding in READER.read(text).vulnerability]
