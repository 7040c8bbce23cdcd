"""Rules by which a clause speaks of a supervisor whom it does not ask for."""

from collections.abc import Sequence
from typing import Final

from intake.domain.understanding.clause import NEAR, Clause, Reading, contains, has_near, is_wished
from intake.domain.understanding.lexicon import Cue, Kind

# "The director of the clinic could telephone me."
_REACHED_DISTANCE: Final = 5


def _own_supervisor(clause: Clause, target: Cue) -> bool:
    return target.kind != "authority" and any(
        0 <= target.start - cue.end < NEAR
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
    return 0 <= target.start - role.end < NEAR and not between


def _thanks(clause: Clause, target: Cue) -> bool:
    """The customer thanks for a supervisor who came."""
    return any(cue.end <= target.start for cue in clause.of("thanks"))


def _salutation(clause: Clause, target: Cue) -> bool:
    """A letter begins: "Dear manager, …"."""
    return target.end == len(clause.words) and any(
        cue.start == 0 and 0 <= target.start - cue.end <= 1 for cue in clause.of("greeting")
    )


def _appointment(clause: Clause, target: Cue) -> bool:
    """The customer has an appointment with the supervisor, and wishes no other one."""
    first_wish = min((cue.start for cue in clause.of("wish")), default=len(clause.words))
    booked = [*clause.of("booking"), *(c for c in clause.of("booked") if c.start <= first_wish)]
    return any(0 <= target.start - cue.end <= NEAR for cue in booked)


def _advice(clause: Clause, target: Cue) -> bool:
    """Somebody told the customer whom to ask: "my landlord says I should talk to his boss"."""
    advice = [cue for cue in clause.of("advised") if cue.end <= target.start]
    return bool(advice) and not any(
        cue.end <= advice[0].start
        or (cue.kind == "wish" and advice[0].end <= cue.start < target.start)
        for cue in clause.of("your", "wish")
    )


def _offer(clause: Clause, target: Cue) -> bool:
    """Somebody asked whether the customer wants one; "whether I may speak to one" asks."""
    return not clause.has("may") and any(cue.end <= target.start for cue in clause.of("offered"))


def _third_party(clause: Clause, target: Cue) -> bool:
    contacts = clause.of("contact")
    starts = {cue.start for cue in clause.of("third")} - {cue.start for cue in contacts}
    is_third = target.end in starts
    is_reached_after = any(0 < cue.start - target.end <= _REACHED_DISTANCE for cue in contacts)
    is_asked = any(cue.start < target.start for cue in contacts) and (
        is_wished(clause, target) or is_reached_after
    )
    wishes_before = any(cue.start < target.start for cue in clause.of("wish"))
    return is_third and not is_asked and not (wishes_before and is_reached_after)


def _report(clause: Clause, target: Cue) -> bool:
    """A supervisor who says or needs something: the subject of a sentence, not asked for."""
    reports = [cue for cue in clause.of("report") if 0 <= cue.start - target.end <= 1]
    if not reports or target.kind == "authority":
        return False
    is_asked = any(cue.start >= reports[0].end for cue in clause.of("contact"))
    return not is_asked and not any(cue.end <= target.start for cue in clause.of("wish"))


def _subject(clause: Clause, target: Cue) -> bool:
    """A supervisor who does something: "the manager accepted it"."""
    if target.kind == "authority" or target.start > NEAR or target.end >= len(clause.words):
        return False
    if any(cue.start == target.end for cue in clause.of("filler")):
        return False
    before = [cue for cue in clause.of("wish", "contact", "please") if cue.start < target.start]
    after = clause.of("wish", "contact", "please", "now", "still")
    return not before and not any(cue.start >= target.end for cue in after)


# Of these, "your manager was supposed to call" is none: it asks again.
_NOT_OF_REQUESTS: Final = (_third_party, _report, _subject)
_RULES: Final = (
    _own_supervisor,
    _own_role,
    _thanks,
    _salutation,
    _appointment,
    _advice,
    _offer,
    *_NOT_OF_REQUESTS,
)


def mention_of(clause: Clause, target: Cue) -> Reading | None:
    """Return the rule by which a clause speaks of the supervisor only."""
    for rule in _RULES:
        if rule in _NOT_OF_REQUESTS and was_asked(clause, target):
            return Reading("unsure", "asked-before")
        if rule(clause, target):
            return Reading("mentions", rule.__name__.strip("_"))
    return None


def report_of(clause: Clause, target: Cue) -> Reading | None:
    """Return what the clause says of a supervisor whom nobody asks for."""
    if is_past(clause, target):
        return Reading("mentions", "past")
    if clause.has("process") and not clause.has("contact"):
        return Reading("mentions", "process")
    if clause.has("praise") and has_near(clause, target, "relay"):
        return Reading("mentions", "praise")
    if clause.has("praise") and not (clause.has("contact") and is_wished(clause, target)):
        return Reading("mentions", "praise")
    return None


def is_past(clause: Clause, target: Cue) -> bool:
    wishes = clause.of("wish")
    subject = _start_of_subject(clause, target)
    past = [
        cue
        for cue in clause.of("past")
        if not any(contains(wish, cue) for wish in wishes) and cue.start < subject
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


def was_asked(clause: Clause, target: Cue) -> bool:
    """The customer asked for one before, or was promised one."""
    is_new = _is_requested(clause, target)
    requests = [
        cue
        for cue in clause.of("asked")
        if not _follows_negation(clause, cue) and not (is_new and cue.start >= target.end)
    ]
    wishes = any(
        cue.start >= target.start and not any(contains(request, cue) for request in requests)
        for cue in clause.of("wish")
    )
    return bool(requests) and not wishes


def _follows_negation(clause: Clause, request: Cue) -> bool:
    return any(0 <= request.start - cue.start <= NEAR for cue in clause.of("negation"))
