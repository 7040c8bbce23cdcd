"""Rules by which a clause asks for a supervisor, speaks of one otherwise, or wants none."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from intake.domain.understanding.lexicon import Cue, Kind, Lexicon

Verdict = Literal["asks", "denies", "mentions", "unsure"]


class Reading(NamedTuple):
    """What one clause says, and the rule that says so."""

    verdict: Verdict
    rule: str


# So many words may stand between a possessive or a role and the supervisor.
_NEAR: Final = 3
# Between "someone" and "decide", for verbs at the end of a clause.
_AUTHORITY_DISTANCE: Final = 7
# So far after a negation a new wish begins, that it does not deny.
_NEW_WISH: Final = 2
# How verbs of near languages end that say "to me": "confirmarme".
_TO_ME: Final = ("rme", "rmi")
# After these, a clause tells why: "your boss, que no podés hacer nada".
_REASON: Final = frozenset({"que", "che", "qui", "since", "as", "da", "weil", "car", "pq", "pois"})
_AND: Final = frozenset({"and", "und", "y", "et", "e", "ed"})
_WISH_DISTANCE: Final = 9
# "The director of the clinic could telephone me."
_REACHED_DISTANCE: Final = 5
# "This must be escalated" is a demand too.
_SHORT_CLAUSE: Final = 4
# A clause of no more other words than these, and of these after the supervisor, is a demand.
_WORDS_MORE: Final = 3
_WORDS_AFTER: Final = 0


class Clause:
    """The cues of a clause, by kind."""

    def __init__(self, words: Sequence[str], lexicon: Lexicon) -> None:
        self.words = words
        self._cues: dict[Kind, list[Cue]] = {}
        for cue in lexicon.cues(words):
            self._cues.setdefault(cue.kind, []).append(cue)

    def of(self, *kinds: Kind) -> list[Cue]:
        return [cue for kind in kinds for cue in self._cues.get(kind, ())]

    def has(self, *kinds: Kind) -> bool:
        return any(kind in self._cues for kind in kinds)

    def targets(self) -> list[Cue]:
        """Return who is asked for: the supervisor, or somebody with authority."""
        return [*self.of("target"), *self._people_with_authority()]

    def _people_with_authority(self) -> list[Cue]:
        able = (cue for cue in self.of("able") if self._is_whole(cue))
        return [
            Cue("authority", person.start, authority.end)
            for authority in (*self.of("authority"), *able)
            for person in self.of("person")
            if authority.start == person.start or self._belongs(authority, person)
        ]

    def _belongs(self, authority: Cue, person: Cue) -> bool:
        """Tell whether a person has it; "somebody about the power cut" does not."""
        return 0 <= authority.start - person.end <= _AUTHORITY_DISTANCE and not any(
            person.end <= cue.start < authority.start for cue in self.of("about")
        )

    def _is_whole(self, able: Cue) -> bool:
        """Tell whether no verb follows, but a request: "who can (repair it)", "who can and …"."""
        if able.end == len(self.words):
            return True
        requests = {cue.start for cue in self.of("contact")}
        return self.words[able.end] in _AND and able.end + 1 in requests


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
    for rule in _MENTIONS:
        if rule in (_third_party, _report, _subject) and _was_asked(clause, target):
            # "Your manager was supposed to call" is no report.
            return Reading("unsure", "asked-before")
        if rule(clause, target):
            return Reading("mentions", rule.__name__.strip("_"))
    if _is_condition(clause, target):
        return Reading("asks", "condition")
    if question and _is_missed(clause, target):
        return Reading("asks", "absent")
    return (
        _denial(clause, target)
        or _report_of(clause, target)
        or _request(clause, target, question=question)
    )


def _is_condition(clause: Clause, target: Cue) -> bool:
    """The customer goes on when a supervisor comes: "I stay until a manager calls"."""
    conditions = [
        cue for cue in clause.of("until") if 0 <= target.start - cue.end <= _AUTHORITY_DISTANCE
    ]
    return bool(conditions) and any(
        cue.end <= conditions[0].start for cue in clause.of("negation", "wish", "contact")
    )


def _is_missed(clause: Clause, target: Cue) -> bool:
    """The customer asks whether there is none to talk to: "Is there no manager I could see?"."""
    return any(cue.start <= target.start < cue.end + _NEAR for cue in clause.of("absent"))


def _denial(clause: Clause, target: Cue) -> Reading | None:
    if _was_asked(clause, target):
        return Reading("unsure", "asked-before")
    return Reading("denies", "negation") if _is_denied(clause, target) else None


def _report_of(clause: Clause, target: Cue) -> Reading | None:
    """Return what the clause says of a supervisor whom nobody asks for."""
    if _is_past(clause, target):
        return Reading("mentions", "past")
    if clause.has("process") and not clause.has("contact"):
        return Reading("mentions", "process")
    if clause.has("praise") and _has_near(clause, target, "relay"):
        return Reading("mentions", "praise")
    if clause.has("praise") and not (clause.has("contact") and _wishes(clause, target)):
        return Reading("mentions", "praise")
    return None


def _request(clause: Clause, target: Cue, *, question: bool) -> Reading:
    if clause.has("contact") and _wishes(clause, target):
        return Reading("asks", "wish-and-contact")
    if _is_demand(clause, target) or _is_object(clause, target):
        return Reading("asks", "demand")
    if _shall_act(clause, target, question=question):
        return Reading("asks", "supervisor-acts")
    return _mention(clause, target, is_for_you=question and clause.has("your"))


def _mention(clause: Clause, target: Cue, *, is_for_you: bool) -> Reading:
    """Read a supervisor whom no clear wish is about."""
    if is_for_you and _follows(clause, target, "available"):
        return Reading("asks", "available")
    is_named = _has_near(clause, target, "your", "article") or target.kind == "authority"
    if is_named and clause.has("contact"):
        return Reading("asks", "contact")
    return Reading("unsure", "question" if is_for_you else "mention")


def _wishes(clause: Clause, target: Cue) -> bool:
    wishes = clause.of("wish", "please", "now")
    return any(
        -_WISH_DISTANCE <= target.start - cue.end <= _WISH_DISTANCE
        or 0 <= cue.start - target.end <= _WISH_DISTANCE
        for cue in wishes
    )


def _is_demand(clause: Clause, target: Cue) -> bool:
    """Tell whether little more than the supervisor is said: "Manager, now!", "I want a manager"."""
    urging = {cue.start for cue in clause.of("please", "now")}
    if target.start <= 1 and target.end in urging:
        return True
    polite = clause.of("please", "now", "your", "article", "wish", "still")
    covered = {place for cue in (*polite, target) for place in range(cue.start, cue.end)}
    more = [place for place in range(len(clause.words)) if place not in covered]
    after = [place for place in more if place >= target.end]
    return len(after) <= _WORDS_AFTER and len(more) <= _WORDS_MORE


def _is_object(clause: Clause, target: Cue) -> bool:
    """Tell whether a clause ends with a wish and the supervisor: "what I want is your manager"."""
    return target.end == len(clause.words) and _has_near(clause, target, "wish")


def _shall_act(clause: Clause, target: Cue, *, question: bool) -> bool:
    """Tell whether the supervisor is to do something: "I want that the manager sees it"."""
    if target.kind == "authority":
        return False
    wishes = [cue for cue in clause.of("wish") if 0 <= target.start - cue.end <= _WISH_DISTANCE]
    links = clause.of("that")
    is_linked = any(
        wish.end - 1 <= link.start <= target.start <= link.end + _NEAR or link.start == target.end
        for wish in wishes
        for link in links
    )
    if is_linked:
        return True
    is_for_me = clause.has("me") or any(word.endswith(_TO_ME) for word in clause.words)
    return question and is_for_me and (bool(wishes) or _follows(clause, target, "wish"))


def _follows(clause: Clause, target: Cue, kind: Kind) -> bool:
    return any(0 <= cue.start - target.end <= _NEAR for cue in clause.of(kind))


def _read_escalation(clause: Clause, cue: Cue, *, question: bool) -> Reading:
    if _is_denied(clause, cue):
        return Reading("denies", "negation")
    is_level = cue.end - cue.start > 1
    if is_level and clause.has("contact") and not clause.has("past"):
        return Reading("asks", "level")
    if clause.has("process") or (question and not clause.has("wish", "please", "contact")):
        return Reading("mentions", "process")
    is_past = clause.has("past", "settled") and not clause.has("wish", "please")
    if is_past or any(_contains(past, cue) for past in clause.of("past")):
        return Reading("mentions", "past")
    if clause.has("wish", "please", "now") or cue.start <= 1 or len(clause.words) <= _SHORT_CLAUSE:
        return Reading("asks", "escalate")
    return Reading("unsure", "escalate")


def _own_supervisor(clause: Clause, target: Cue) -> bool:
    return target.kind != "authority" and any(
        0 <= target.start - cue.end < _NEAR
        and not any(cue.end <= other.start < target.start for other in clause.of("your", "article"))
        for cue in clause.of("my")
    )


def _own_role(clause: Clause, target: Cue) -> bool:
    return (
        target.kind != "authority"
        and any(
            cue.start <= target.start < cue.end or _is_role_of(clause, target, cue)
            for cue in clause.of("role")
        )
    ) or any(cue.start == target.end for cue in clause.of("become"))


def _is_role_of(clause: Clause, target: Cue, role: Cue) -> bool:
    between = [cue for cue in clause.of("contact", "wish") if role.end <= cue.start < target.start]
    return 0 <= target.start - role.end < _NEAR and not between


def _thanks(clause: Clause, target: Cue) -> bool:
    """The customer thanks for a supervisor who came."""
    return any(cue.end <= target.start for cue in clause.of("thanks"))


def _greeted(clause: Clause, target: Cue) -> bool:
    """A letter begins: "Dear manager, …"."""
    return target.end == len(clause.words) and any(
        cue.start == 0 and 0 <= target.start - cue.end <= 1 for cue in clause.of("greeting")
    )


def _booked(clause: Clause, target: Cue) -> bool:
    """The customer has an appointment with the supervisor, and wishes no other one."""
    booked = [cue for cue in clause.of("booked") if 0 <= target.start - cue.end <= _NEAR]
    return bool(booked) and not any(cue.start < booked[0].start for cue in clause.of("wish"))


def _advised(clause: Clause, target: Cue) -> bool:
    """Somebody told the customer whom to ask: "my landlord says I should talk to his boss"."""
    advice = [cue for cue in clause.of("advised") if cue.end <= target.start]
    return bool(advice) and not any(cue.end <= advice[0].start for cue in clause.of("your"))


def _third_party(clause: Clause, target: Cue) -> bool:
    contacts = clause.of("contact")
    starts = {cue.start for cue in clause.of("third")} - {cue.start for cue in contacts}
    is_third = target.end in starts
    is_reached_after = any(0 < cue.start - target.end <= _REACHED_DISTANCE for cue in contacts)
    is_asked = any(cue.start < target.start for cue in contacts) and (
        _wishes(clause, target) or is_reached_after
    )
    is_wished = any(cue.start < target.start for cue in clause.of("wish"))
    return is_third and not is_asked and not (is_wished and is_reached_after)


def _report(clause: Clause, target: Cue) -> bool:
    """A supervisor who says or needs something: the subject of a sentence, not asked for."""
    reports = [cue for cue in clause.of("report") if 0 <= cue.start - target.end <= 1]
    if not reports or target.kind == "authority":
        return False
    is_asked = any(cue.start >= reports[0].end for cue in clause.of("contact"))
    return not is_asked and not any(cue.end <= target.start for cue in clause.of("wish"))


def _subject(clause: Clause, target: Cue) -> bool:
    """A supervisor who does something: "the manager accepted it"."""
    if target.kind == "authority" or target.start > _NEAR or target.end >= len(clause.words):
        return False
    before = [cue for cue in clause.of("wish", "contact", "please") if cue.start < target.start]
    after = clause.of("wish", "contact", "please", "now", "still")
    return not before and not any(cue.start >= target.end for cue in after)


_MENTIONS: Final = (
    _own_supervisor,
    _own_role,
    _thanks,
    _greeted,
    _booked,
    _advised,
    _third_party,
    _report,
    _subject,
)


def _is_denied(clause: Clause, target: Cue) -> bool:
    if any(cue.end <= target.start for cue in clause.of("needless")):
        return True
    return any(_denies(clause, target, cue) for cue in clause.of("negation"))


def _denies(clause: Clause, target: Cue, negation: Cue) -> bool:
    if target.start <= negation.start < target.end:
        return False
    if negation.start >= target.end:
        # "Manager, not another robot" asks for one.
        is_contrast = any(cue.start == negation.end for cue in clause.of("article"))
        return not is_contrast and not _is_in_next_clause(clause, target, negation)
    if any(cue.start < negation.start for cue in clause.of("why")):
        return False
    wishes = [cue for cue in clause.of("wish") if negation.end < cue.start < target.start]
    return not any(
        cue.start >= negation.end + _NEW_WISH
        or not _AND.isdisjoint(clause.words[negation.end : cue.start])
        for cue in wishes
    )


def _is_in_next_clause(clause: Clause, target: Cue, negation: Cue) -> bool:
    """Tell whether what is denied begins after the request: "a manager, and I won't hang up"."""
    is_request = any(cue.start < target.start for cue in clause.of("wish", "contact"))
    return is_request and not (_AND | _REASON).isdisjoint(clause.words[target.end : negation.start])


def _was_asked(clause: Clause, target: Cue) -> bool:
    """The customer asked for one before, or was promised one."""
    requests = [cue for cue in clause.of("asked") if not _follows_negation(clause, cue)]
    wishes = any(
        cue.start >= target.start and not any(_contains(request, cue) for request in requests)
        for cue in clause.of("wish")
    )
    return bool(requests) and not wishes


def _follows_negation(clause: Clause, request: Cue) -> bool:
    return any(0 <= request.start - cue.start <= _NEAR for cue in clause.of("negation"))


def _is_past(clause: Clause, target: Cue) -> bool:
    wishes = clause.of("wish")
    subject = _start_of_subject(clause, target)
    past = [
        cue
        for cue in clause.of("past")
        if not any(_contains(wish, cue) for wish in wishes) and cue.start < subject
    ]
    if not past or any(cue.start < past[0].start for cue in clause.of("polite")):
        return False
    last = max(cue.end for cue in past)
    return not any(cue.start >= last for cue in wishes)


def _start_of_subject(clause: Clause, target: Cue) -> int:
    """Return where the clause goes on to what the supervisor is to hear or to explain.

    "Could the manager tell me why it was refused" tells nothing of the manager, nor does "I want
    to talk to the manager about what happened".
    """
    kinds: Sequence[Kind] = ("why", "how", "about") if _is_requested(clause, target) else ("why",)
    starts = (cue.start for cue in clause.of(*kinds) if cue.start >= target.end)
    return min(starts, default=len(clause.words))


def _is_requested(clause: Clause, target: Cue) -> bool:
    """Tell whether a wish and then a verb of contact stand before the supervisor."""
    first = min((cue.start for cue in clause.of("wish")), default=target.start)
    return any(first <= cue.start < target.start for cue in clause.of("contact"))


def _contains(cue: Cue, other: Cue) -> bool:
    return cue.start <= other.start and other.end <= cue.end


def _has_near(clause: Clause, target: Cue, *kinds: Kind) -> bool:
    return any(0 <= target.start - cue.end < _NEAR for cue in clause.of(*kinds))
