"""Rules by which a clause asks for a supervisor, speaks of one otherwise, or wants none."""

from collections.abc import Sequence
from typing import Final

from intake.domain.understanding.clause import (
    AUTHORITY_DISTANCE,
    NEAR,
    WISH_DISTANCE,
    Clause,
    Reading,
    contains,
    follows,
    has_near,
    is_wished,
)
from intake.domain.understanding.lexicon import Cue, Lexicon
from intake.domain.understanding.mentions import mention_of, report_of, was_asked

# So far after a negation a new wish begins, that it does not deny.
_NEW_WISH: Final = 2
_TO_WHOM: Final = frozenset(
    {"to", "in", "an", "ans", "al", "alla", "au", "aux", "ao", "a", "via", "with", "mit", "con"}
    | {"com", "avec", "you", "sie", "lei", "usted", "vous", "voce", "tu", "head"}
)
# How verbs of near languages end that say "to me": "confirmarme".
_TO_ME: Final = ("rme", "rmi")
# After these, a clause tells why: "your boss, que no podés hacer nada".
_REASON: Final = frozenset({"que", "che", "qui", "since", "as", "da", "weil", "car", "pq", "pois"})
_AND: Final = frozenset({"and", "und", "y", "et", "e", "ed"})
_RELATIVE: Final = frozenset({"who", "whom", "der", "die", "qui"})
# "This must be escalated" is a demand too.
_SHORT_CLAUSE: Final = 4
# A clause of no more other words than these, and of these after the supervisor, is a demand.
_WORDS_MORE: Final = 3
_WORDS_AFTER: Final = 0


def read_clause(
    words: Sequence[str], lexicon: Lexicon, *, question: bool, whole: bool = False
) -> Reading | None:
    """Return what a clause says of supervisors, or None if it speaks of none.

    `whole`: it is a sentence of several clauses, of which one may have the wish.
    """
    clause = Clause(words, lexicon)
    readings = [_read_target(clause, target, question=question) for target in clause.targets()]
    if not whole:
        escalations = clause.of("escalate")
        readings += [_read_escalation(clause, cue, question=question) for cue in escalations]
    order = ("asks", "denies", "unsure", "mentions")
    return min(readings, key=lambda reading: order.index(reading.verdict), default=None)


def _read_target(clause: Clause, target: Cue, *, question: bool) -> Reading:
    if (mention := mention_of(clause, target)) is not None:
        return mention
    if _is_condition(clause, target):
        return Reading("asks", "condition")
    if question and _is_missed(clause, target):
        return Reading("asks", "absent")
    return (
        _denial(clause, target)
        or report_of(clause, target)
        or _request(clause, target, question=question)
    )


def _is_condition(clause: Clause, target: Cue) -> bool:
    """The customer goes on when a supervisor comes: "I stay until a manager calls"."""
    conditions = [
        cue for cue in clause.of("until") if 0 <= target.start - cue.end <= AUTHORITY_DISTANCE
    ]
    return bool(conditions) and any(
        cue.end <= conditions[0].start for cue in clause.of("negation", "wish", "contact")
    )


def _is_missed(clause: Clause, target: Cue) -> bool:
    """The customer asks whether there is none to talk to: "Is there no manager I could see?"."""
    return any(cue.start <= target.start < cue.end + NEAR for cue in clause.of("absent"))


def _denial(clause: Clause, target: Cue) -> Reading | None:
    if was_asked(clause, target):
        return Reading("unsure", "asked-before")
    return Reading("denies", "negation") if _is_denied(clause, target) else None


def _request(clause: Clause, target: Cue, *, question: bool) -> Reading:
    if clause.has("contact") and is_wished(clause, target):
        return Reading("asks", "wish-and-contact")
    if _is_demand(clause, target) or _is_object(clause, target):
        return Reading("asks", "demand")
    if _shall_act(clause, target, question=question):
        return Reading("asks", "supervisor-acts")
    return _mention(clause, target, question=question)


def _mention(clause: Clause, target: Cue, *, question: bool) -> Reading:
    """Read a supervisor whom no clear wish is about."""
    is_for_you = question and clause.has("your")
    is_question_for_one = is_for_you or (question and has_near(clause, target, "wish"))
    if target.kind == "target" and is_question_for_one and follows(clause, target, "available"):
        return Reading("asks", "available")
    is_named = (
        has_near(clause, target, "your", "article")
        or target.kind == "authority"
        or (target.start == 0 and len(clause.words) <= _SHORT_CLAUSE)
    )
    if is_named and clause.has("contact") and not _is_owner(clause, target):
        return Reading("asks", "contact")
    return Reading("unsure", "question" if is_for_you else "mention")


def _is_owner(clause: Clause, target: Cue) -> bool:
    """Tell whether a thing is the supervisor's, as in "the office of the manager"."""
    contacts = {cue.end for cue in clause.of("contact")}
    return any(cue.end == target.start and cue.start not in contacts for cue in clause.of("of"))


def _is_demand(clause: Clause, target: Cue) -> bool:
    """Tell whether little more than the supervisor is said: "Manager, now!", "I want a manager"."""
    urging = {cue.start for cue in clause.of("please", "now")}
    if target.start <= 1 and target.end in urging:
        return True
    polite = clause.of("please", "now", "your", "article", "wish", "still", "filler")
    covered = {place for cue in (*polite, target) for place in range(cue.start, cue.end)}
    more = [place for place in range(len(clause.words)) if place not in covered]
    after = [place for place in more if place >= target.end]
    return len(after) <= _WORDS_AFTER and len(more) <= _WORDS_MORE


def _is_object(clause: Clause, target: Cue) -> bool:
    """Tell whether a clause ends with a wish and the supervisor: "what I want is your manager"."""
    return target.end == len(clause.words) and has_near(clause, target, "wish")


def _shall_act(clause: Clause, target: Cue, *, question: bool) -> bool:
    """Tell whether the supervisor is to do something: "I want that the manager sees it"."""
    if target.kind == "authority":
        return False
    wishes = [cue for cue in clause.of("wish") if 0 <= target.start - cue.end <= WISH_DISTANCE]
    links = clause.of("that")
    is_linked = any(
        wish.end - 1 <= link.start <= target.start <= link.end + NEAR or link.start == target.end
        for wish in wishes
        for link in links
    )
    if is_linked:
        return True
    is_for_me = clause.has("me") or any(word.endswith(_TO_ME) for word in clause.words)
    return question and is_for_me and (bool(wishes) or follows(clause, target, "wish"))


def _read_escalation(clause: Clause, cue: Cue, *, question: bool) -> Reading:
    if _is_denied(clause, cue):
        return Reading("denies", "negation")
    is_level = cue.end - cue.start > 1
    if is_level and clause.has("contact") and not clause.has("past"):
        return Reading("asks", "level")
    if clause.has("process") or (question and not clause.has("wish", "please", "contact")):
        return Reading("mentions", "process")
    is_past = clause.has("past", "settled") and not clause.has("wish", "please")
    if is_past or any(contains(past, cue) for past in clause.of("past")):
        return Reading("mentions", "past")
    if clause.has("wish", "please", "now") or cue.start <= 1 or len(clause.words) <= _SHORT_CLAUSE:
        return Reading("asks", "escalate")
    return Reading("unsure", "escalate")


def _is_denied(clause: Clause, target: Cue) -> bool:
    if any(cue.end <= target.start for cue in clause.of("needless")):
        return True
    return any(_denies(clause, target, cue) for cue in clause.of("negation"))


def _denies(clause: Clause, target: Cue, negation: Cue) -> bool:
    if target.start <= negation.start < target.end:
        return False
    if negation.start >= target.end:
        # "Manager, not another robot" asks for one.
        is_contrast = any(cue.start == negation.end for cue in clause.of("article")) or (
            _is_recipient(clause.words[negation.end :])
            and any(cue.start < target.start for cue in clause.of("wish", "contact"))
        )
        return not is_contrast and not _is_in_next_clause(clause, target, negation)
    if any(cue.start < negation.start for cue in clause.of("why")):
        return False
    if negation.start > 0 and clause.words[negation.start - 1] in _RELATIVE:
        # "Somebody who isn't a robot, and can decide."
        return False
    wishes = [cue for cue in clause.of("wish") if negation.end < cue.start < target.start]
    return not any(
        cue.start >= negation.end + _NEW_WISH
        or not _AND.isdisjoint(clause.words[negation.end : cue.start])
        for cue in wishes
    )


def _is_recipient(words: Sequence[str]) -> bool:
    """Tell whether words name whom else the customer reaches: "the manager, not to the chat"."""
    return bool(words) and words[0] in _TO_WHOM


def _is_in_next_clause(clause: Clause, target: Cue, negation: Cue) -> bool:
    """Tell whether what is denied begins after the request: "a manager, and I won't hang up"."""
    is_request = any(cue.start < target.start for cue in clause.of("wish", "contact"))
    return is_request and not (_AND | _REASON).isdisjoint(clause.words[target.end : negation.start])
