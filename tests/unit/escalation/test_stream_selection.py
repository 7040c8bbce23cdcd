"""Which events a filtered stream has: those of the escalations that the list has."""

import orjson
from msgspec.structs import replace as replace_struct

from common.contracts.escalations import PagesErased
from common.contracts.event import EscalationId, PersonId, TeamId
from escalation.api.live import StreamQuery
from escalation.domain.model import Escalation, TrackedContact
from escalation.domain.settings.people import Team
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.domain.visibility import Viewer
from escalation.stream.records import StreamEvent
from escalation.stream.selection import UNLISTED_TYPE, Refine, refinement
from escalation.stream.snapshots import Snapshot
from unit.escalation.contact_harness import ContactHarness
from unit.escalation.examples import KIM, MIA, SAM, START

TEAMS = Configuration(
    teams={"front": Versioned("front", 1, Team((SAM,))), "back": Versioned("back", 1, Team((KIM,)))}
)
MANAGER = Viewer(MIA, "manager")
WARNED = "upstairs.clock_warned.v1"


def raised(team: str | None = "front") -> tuple[Escalation, TrackedContact]:
    harness = ContactHarness()
    harness.receive()
    harness.ask_for_supervisor()
    team_id = None if team is None else TeamId(team)
    return harness.open_escalation, replace_struct(harness.contact, team_id=team_id)


def snapshot(escalation: Escalation | None, contact: TrackedContact) -> Snapshot:
    escalations = {escalation.escalation_id: escalation} if escalation else {}
    return Snapshot(escalations, {contact.contact_id: contact}, TEAMS, START)


def event(contact: TrackedContact, escalation_id: EscalationId | None) -> StreamEvent:
    name = "upstairs.escalation_noted.v1" if escalation_id else WARNED
    return StreamEvent(name, contact.contact_id, escalation_id, "{}")


def erasure(contact: TrackedContact) -> StreamEvent:
    content: dict[str, object] = {"contact_id": contact.contact_id, "escalation_id": None}
    content |= {"sequence": 7, "data": {}}
    data = orjson.dumps(content).decode()
    return StreamEvent(PagesErased.type, contact.contact_id, None, data, is_erasure=True)


def refine_for(query: StreamQuery, viewer: Viewer = MANAGER) -> Refine:
    refine = refinement(query, viewer)
    assert refine is not None
    return refine


def test_stream_without_filters_compares_nothing_for_who_sees_all() -> None:
    escalation, _ = raised()
    assert refinement(StreamQuery(), MANAGER) is None
    assert refinement(StreamQuery(contact_id=escalation.contact_id), MANAGER) is None
    assert refinement(StreamQuery(), Viewer(SAM, "supervisor", "all")) is None
    assert refinement(StreamQuery(), Viewer(SAM, "supervisor")) is not None


def test_escalation_that_no_longer_matches_is_unlisted_once_until_it_matches_again() -> None:
    escalation, contact = raised()
    refine = refine_for(StreamQuery(severity=[escalation.severity], state=["raised"]))
    noted = event(contact, escalation.escalation_id)
    now = snapshot(escalation, contact)
    assert refine(noted, now) is noted
    other = StreamQuery(state=["resolved"])
    refine = refine_for(other)
    left = refine(noted, now)
    assert left is not None
    assert left.type == UNLISTED_TYPE
    assert orjson.loads(left.data) == {"escalation_id": escalation.escalation_id}
    assert refine(noted, now) is None
    assert refine_for(StreamQuery(team=["front"]))(noted, now) is noted


def test_escalation_that_is_gone_is_unlisted() -> None:
    escalation, contact = raised()
    left = refine_for(StreamQuery(team=["front"]))(
        event(contact, escalation.escalation_id), snapshot(None, contact)
    )
    assert left is not None
    assert left.type == UNLISTED_TYPE


def test_filter_of_escalations_leaves_other_clocks_out() -> None:
    escalation, contact = raised()
    refine = refine_for(StreamQuery(team=["front"]))
    assert refine(event(contact, None), snapshot(escalation, contact)) is None


def test_supervisor_gets_warnings_of_the_own_team_and_of_what_was_asked() -> None:
    escalation, contact = raised("front")
    warned = event(contact, None)
    outsider = Viewer(PersonId("lee"), "supervisor")
    responder = Viewer(escalation.awaited[0], "supervisor")
    now = snapshot(escalation, contact)
    assert refine_for(StreamQuery(), Viewer(SAM, "supervisor"))(warned, now) is warned
    assert refine_for(StreamQuery(), responder)(warned, now) is warned
    assert refine_for(StreamQuery(), outsider)(warned, now) is None
    escalation, contact = raised(None)
    warned = event(contact, None)
    assert refine_for(StreamQuery(), outsider)(warned, snapshot(escalation, contact)) is warned


def test_supervisor_of_another_team_learns_no_more_than_an_id() -> None:
    escalation, contact = raised("front")
    noted = event(contact, escalation.escalation_id)
    refine = refine_for(StreamQuery(), Viewer(KIM, "supervisor"))
    left = refine(noted, snapshot(escalation, contact))
    assert left is not None
    assert orjson.loads(left.data) == {"escalation_id": escalation.escalation_id}
    assert refine(noted, snapshot(escalation, contact)) is None


def test_erasure_comes_whatever_the_filters_are() -> None:
    escalation, contact = raised("front")
    erased = erasure(contact)
    now = snapshot(escalation, contact)
    assert refine_for(StreamQuery(team=["back"], state=["resolved"]))(erased, now) is erased
    assert refine_for(StreamQuery(), Viewer(SAM, "supervisor"))(erased, now) is erased


def test_supervisor_of_another_team_hears_of_an_erasure_without_ids() -> None:
    escalation, contact = raised("front")
    refine = refine_for(StreamQuery(team=["back"]), Viewer(KIM, "supervisor"))
    heard = refine(erasure(contact), snapshot(escalation, contact))
    assert heard is not None
    assert heard.type == PagesErased.type
    assert orjson.loads(heard.data) == {
        "contact_id": None,
        "escalation_id": None,
        "sequence": None,
        "data": {},
    }
    gone = Snapshot({}, {}, TEAMS, START)
    assert contact.contact_id not in (refine(erasure(contact), gone) or heard).data
