"""Whether a customer's text asks for a supervisor: by rules and a model, sentence by sentence.

Rules know negations, roles and reports; the model knows typing errors and other words. A request
that both doubt is put to the representative as a question (ADR 0080).
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from intake.domain.understanding.clause import Reading
from intake.domain.understanding.languages import closest_languages
from intake.domain.understanding.lexicon import Kind, Lexicon, lexicon_of, may_open_request
from intake.domain.understanding.model import load_model
from intake.domain.understanding.own_words import fold_own_words
from intake.domain.understanding.supervisor_rules import read_clause
from intake.domain.understanding.text import (
    FoldedText,
    Language,
    clauses,
    join_compounds,
    sentences,
    windows,
    words_of,
)

Answer = Literal["yes", "unsure", "no"]


class SupervisorRequest(NamedTuple):
    """`evidence` names the rule or the model's certainty; it has none of the customer's words."""

    answer: Answer
    evidence: str

    @property
    def is_sure(self) -> bool:
        return self.answer == "yes"

    @property
    def doubt(self) -> str | None:
        """The evidence, if a person has to say whether the customer asked."""
        return self.evidence if self.answer == "unsure" else None


NO_REQUEST: Final = SupervisorRequest("no", "nothing")
# A rule that the model contradicts so clearly only leads to a question.
_CONTRADICTED: Final = 0.01
_CLEAR_RULES: Final = frozenset({"wish-and-contact", "condition"})
# What the model must be sure of, by what the rules say.
_SURE_OF_MENTION: Final = (0.88, 0.3)
_SURE_ALONE: Final = (1.1, 0.97)
_SURE_AGAINST_RULE: Final = 0.99
_SURE_MENTIONS: Final = frozenset({"own_role", "own_supervisor", "thanks"})
_SHORT_SENTENCE: Final = 10
# Of what a question offers besides "you or", as "the shop down the road".
_CHOICE_WORDS: Final = 3
_OR: Final = frozenset({"or", "oder", "o", "ou"})
# What a question about a supervisor may be, before the customer asks to reach that person.
_OPEN_QUESTIONS: Final = frozenset({"negation", "subject"})
# "Your manager, Mr Roy, …": two clauses before the verb, the second one a name.
_APPOSITION: Final = 2
_NAME_WORDS: Final = 3
_OF_REQUESTS: Final = frozenset({"wish", "contact", "please", "now", "negation"})
_ORDER: Final[Sequence[Answer]] = ("yes", "unsure", "no")


def read_request(text: str) -> SupervisorRequest:
    """Return whether the customer's own words ask for a supervisor."""
    return read_folded_request(fold_own_words(text))


def read_folded_request(folded: FoldedText) -> SupervisorRequest:
    """Return what `read_request` does, for the words that `fold_own_words` returns."""
    parts = [(part, words_of(part), question) for part, question in sentences(folded)]
    languages: Sequence[Language] = ()
    model = load_model()
    request = NO_REQUEST
    was_asked = was_mentioned = False
    asked_who: Sequence[str] = ()
    for sentence, words, question in parts:
        readings: list[Reading] = []
        if may_open_request(words):
            languages = languages or closest_languages(words_of(folded))
            readings = list(_readings(sentence, languages, question=question))
        was_asked = was_asked or any(reading.rule == "asked-before" for reading in readings)
        was_asked = was_asked and "settled" not in _kinds(words, languages)
        if was_asked and _is_still_open(words, languages):
            return SupervisorRequest("yes", "rule asked-again")
        if not readings and _refers_back(words, languages, asked_who, mentioned=was_mentioned):
            return SupervisorRequest("yes", "rule refers-back")
        was_mentioned = _is_open_mention(readings, question=question)
        asked_who = words if question else ()
        probability = max(model.request_probability(part) for part in windows(words))
        request = min(request, _combine(readings, probability), key=_place)
        if request.answer == "yes":
            break
    return request


def asks_for_supervisor(text: str) -> bool:
    """Tell whether the text surely asks for a supervisor."""
    return read_request(text).is_sure


def _place(request: SupervisorRequest) -> int:
    return _ORDER.index(request.answer)


def _readings(sentence: str, languages: Sequence[Language], *, question: bool) -> Iterator[Reading]:
    """Yield what the clauses say; if one language denies what another asks, only the denial."""
    words, is_mention = words_of(sentence), False
    for language in languages:
        lexicon = lexicon_of(language)
        if lexicon.declines(words):
            yield Reading("mentions", "declined")
            return
        if question and _is_choice(words, lexicon):
            yield Reading("mentions", "choice")
            return
        readings = _readings_in(language, sentence, question=question)
        asks = any(reading.verdict == "asks" for reading in readings)
        if asks and is_mention:
            # The likelier language knows better whom a word means.
            continue
        is_mention = is_mention or (
            bool(readings) and all(each.rule in _SURE_MENTIONS for each in readings)
        )
        yield from (each for each in readings if not (asks and each.verdict == "denies"))


def _is_choice(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Tell whether a question ends with "you or the shop": whose task it is, not whom to get."""
    if _OR.isdisjoint(words[-_CHOICE_WORDS - 1 :]):
        return False
    cues = list(lexicon.cues(words))
    end = max((cue.end for cue in cues if cue.kind == "choice"), default=None)
    if end is None or len(words) - end > _CHOICE_WORDS:
        return False
    return not any(cue.start >= end and cue.kind in ("target", "authority") for cue in cues)


def _readings_in(language: Language, sentence: str, *, question: bool) -> Sequence[Reading]:
    sentence = join_compounds(sentence, language)
    parts = _join_apposition(clauses(sentence, language), lexicon_of(language))
    readings = list(_read_parts(parts, language, question=question))
    if any(each.verdict == "asks" for each in readings):
        readings = _without_asides(readings, parts, lexicon_of(language), question=question)
    if len(parts) == 1 or any(each.verdict != "unsure" for each in readings):
        return readings
    # The wish may stand in another clause than the supervisor.
    whole = [words_of(sentence)]
    return [*readings, *_read_parts(whole, language, question=question, whole=True)]


def _without_asides(
    readings: list[Reading], parts: Sequence[list[str]], lexicon: Lexicon, *, question: bool
) -> list[Reading]:
    """Return the readings of clauses, mindful of what the clauses beside them say."""
    if _is_praise_for([word for part in parts for word in part], lexicon):
        return [Reading("mentions", "praise") for _ in readings]
    if question and any(cue.kind == "process" for cue in lexicon.cues(parts[0])):
        # "Which role do I need, admin or manager?" demands none.
        return [Reading("mentions", "process") if r.rule == "demand" else r for r in readings]
    return readings


def _is_praise_for(words: Sequence[str], lexicon: Lexicon) -> bool:
    """Tell whether a sentence is about somebody's merits: "She was great, tell her boss"."""
    cues = list(lexicon.cues(words))
    ends = {cue.end for cue in cues if cue.kind == "target"}
    return len(words) in ends and {"praise", "relay"} <= {cue.kind for cue in cues}


def _join_apposition(parts: list[list[str]], lexicon: Lexicon) -> list[list[str]]:
    """Read "Your manager, Mr Roy, was kind" as one clause."""
    if len(parts) <= _APPOSITION or len(parts[1]) > _NAME_WORDS:
        return parts
    subject = {cue.kind for cue in lexicon.cues(parts[0])}
    is_name = not any(cue.kind in _OF_REQUESTS for cue in lexicon.cues(parts[1]))
    if not is_name or "target" not in subject or not subject.isdisjoint(_OF_REQUESTS):
        return parts
    return [[word for part in parts[: _APPOSITION + 1] for word in part], *parts[_APPOSITION + 1 :]]


def _read_parts(
    parts: Sequence[list[str]], language: Language, *, question: bool, whole: bool = False
) -> Iterator[Reading]:
    lexicon = lexicon_of(language)
    for words in (window for part in parts for window in windows(part)):
        reading = read_clause(words, lexicon, question=question, whole=whole)
        if reading is not None:
            yield reading


def _is_still_open(words: Sequence[str], languages: Sequence[Language]) -> bool:
    """Tell whether the request that was made before waits for an answer."""
    kinds = _kinds(words, languages)
    return "still" in kinds and "settled" not in kinds


def _is_open_mention(readings: Sequence[Reading], *, question: bool) -> bool:
    """Tell whether the next sentence may ask for whom this one names: "Who decides? Get them."."""
    return any(
        reading.verdict == "unsure" or (question and reading.rule in _OPEN_QUESTIONS)
        for reading in readings
    )


def _refers_back(
    words: Sequence[str],
    languages: Sequence[Language],
    asked_who: Sequence[str],
    *,
    mentioned: bool,
) -> bool:
    """Tell whether a short sentence wishes to reach whom the one before names, or asks for."""
    if len(words) > _SHORT_SENTENCE or not (mentioned or asked_who):
        return False
    languages = languages or closest_languages([*asked_who, *words])
    kinds = _kinds(words, languages)
    if not mentioned:
        # "Who may decide it? I want to talk to that person."
        is_for_person = {"contact", "wish", "pronoun"} <= kinds and "negation" not in kinds
        question_kinds = _kinds(asked_who, languages)
        return (
            is_for_person
            and "person" in question_kinds
            and not question_kinds.isdisjoint({"authority", "able"})
        )
    return len(kinds & {"contact", "wish", "pronoun"}) > 1 and "negation" not in kinds


def _kinds(words: Sequence[str], languages: Sequence[Language]) -> set[Kind]:
    return {cue.kind for language in languages for cue in lexicon_of(language).cues(words)}


def _combine(readings: Sequence[Reading], probability: float) -> SupervisorRequest:
    verdicts = {reading.verdict for reading in readings}
    if "denies" in verdicts:
        return _against("negation", probability)
    asks = next((reading.rule for reading in readings if reading.verdict == "asks"), None)
    if asks is not None:
        is_doubtful = probability < _CONTRADICTED and asks not in _CLEAR_RULES
        return SupervisorRequest("unsure" if is_doubtful else "yes", f"rule {asks}")
    if "unsure" in verdicts:
        return _by_model(probability, _SURE_OF_MENTION)
    if readings:
        return _against(readings[0].rule, probability)
    return _by_model(probability, _SURE_ALONE)


def _against(rule: str, probability: float) -> SupervisorRequest:
    if probability >= _SURE_AGAINST_RULE:
        return SupervisorRequest("unsure", f"model {probability:.2f} against rule {rule}")
    return SupervisorRequest("no", f"rule {rule}")


def _by_model(probability: float, thresholds: tuple[float, float]) -> SupervisorRequest:
    yes, unsure = thresholds
    answer: Answer = "yes" if probability >= yes else "unsure" if probability >= unsure else "no"
    return SupervisorRequest(answer, f"model {probability:.2f}")
