"""Whether a customer's text asks for a supervisor: by a model over words and their kinds.

A request that it is not sure of is put to the representative as a question (ADR 0080).
"""

from typing import Final, Literal, NamedTuple

from intake.domain.understanding.cue_features import read_cues
from intake.domain.understanding.languages import guess_language
from intake.domain.understanding.lexicon import lexicon_of, may_open_request
from intake.domain.understanding.model import load_model
from intake.domain.understanding.own_words import fold_own_words
from intake.domain.understanding.text import FoldedText, sentences, windows, words_of

Answer = Literal["yes", "unsure", "no"]


class SupervisorRequest(NamedTuple):
    """`evidence` is the model's certainty; it has none of the customer's words."""

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
# Chosen by texts that were new to the model: of 100 sure requests 95 were some.
_SURE: Final = 0.6
_UNSURE: Final = 0.25
# Words without any of a request are only read further if their letters speak for one so much.
_LIKE_A_REQUEST: Final = 0.0


def read_request(text: str) -> SupervisorRequest:
    """Return whether the customer's own words ask for a supervisor."""
    return read_folded_request(fold_own_words(text))


def read_folded_request(folded: FoldedText) -> SupervisorRequest:
    """Return what `read_request` does, for the words that `fold_own_words` returns."""
    parts = list(sentences(folded))
    if not any(may_open_request(part.words) or _is_like_a_request(part.words) for part in parts):
        return NO_REQUEST
    language = guess_language(words_of(folded)).language
    readings = read_cues(parts, lexicon_of(language))
    certainty = max(map(load_model().request_probability, readings))
    if certainty < _UNSURE:
        return NO_REQUEST
    return SupervisorRequest("yes" if certainty >= _SURE else "unsure", f"model {certainty:.2f}")


def asks_for_supervisor(text: str) -> bool:
    """Tell whether the text surely asks for a supervisor."""
    return read_request(text).is_sure


def _is_like_a_request(words: list[str]) -> bool:
    model = load_model()
    return any(model.wording_score(part) >= _LIKE_A_REQUEST for part in windows(words))
