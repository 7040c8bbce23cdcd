"""Four stories about the main job; each waits for the expected events and fails without them."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from common.contracts.assignments import AssignmentCompleted, ContactAssigned, ContactOffered
from common.contracts.clocks import ClockBreached, ClockMet, ClocksStarted, ClockWarned
from common.contracts.contacts import ContactReceived, ContactResolved, SupervisorRequested
from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationCauseAdded,
    EscalationClimbed,
    EscalationRaised,
    EscalationResolved,
    EscalationTakenOver,
    PageRequested,
)
from common.contracts.event import ContactId
from common.contracts.notifications import NotificationActedOn, NotificationSent
from stage.actors import Actors
from stage.console_users import ConsoleUser, Observation, Sight
from stage.event_log import EventLog
from stage.system import System


class StoryFailedError(AssertionError):
    """A story did not end as expected."""


@dataclass(frozen=True)
class Scenario:
    """What a story needs; `narrate` gets each action of a person or an outside system.

    People of `console_users` look at the console and act there, the others by the API.
    """

    system: System
    actors: Actors
    event_log: EventLog
    narrate: Callable[[ContactId | None, str, str], None]
    console_users: Mapping[str, ConsoleUser] = field(default_factory=dict)
    observations: list[Observation] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """The result of a story; the latenesses are those of its timers."""

    contact_id: ContactId
    summary: str
    latenesses_ms: tuple[float, ...]


Story = Callable[[Scenario], Awaitable[Outcome]]
# What the console offers first after an action, since an acknowledgement is for a minute here, and
# nothing once the escalation has ended.
_NEXT_ACTIONS: Final[Mapping[str, str]] = {"acknowledge": "renew", "take_over": "resolve"}


async def missed_deadline(scenario: Scenario) -> Outcome:
    """Nobody answers in time; the supervisor does not react, so the manager is paged, too."""
    event_log, actors = scenario.event_log, scenario.actors
    ticket = {
        "id": "5158",
        "subject": "Me han cobrado dos veces",
        "description": "Veo la misma factura dos veces en mi tarjeta.",
        "priority": "HIGH",
        "status": "NEW",
        "requester_id": "8447388090494",
        "tags": ["invoice", "lang_es"],
        "created_at": "2026-11-22T10:12:07Z",
    }
    scenario.narrate(None, "Zendesk", f"delivers ticket 5158, signed: {ticket['subject']}")
    (result,) = (await actors.deliver_zendesk_ticket(ticket))["results"]
    contact_id = ContactId(result["contact_id"])
    assigned = await event_log.wait_for(ContactAssigned, contact_id)
    require(assigned.representative_id == "bruno", "a Spanish billing contact is assigned to bruno")
    warned = await event_log.wait_for(ClockWarned, contact_id)
    breached = await event_log.wait_for(
        ClockBreached, contact_id, lambda event: event.clock == "first_response"
    )
    raised = await event_log.wait_for(EscalationRaised, contact_id)
    require(raised.cause == "breach", "the cause is the breach")
    await wait_for_page(scenario, contact_id, "sara", "raised")
    climbed = await event_log.wait_for(EscalationClimbed, contact_id)
    require(climbed.level_name == "manager", "it climbs to the manager")
    await wait_for_page(scenario, contact_id, "marco", "climbed")
    link = await link_in_mail(scenario, contact_id, "marco@example.com")
    sight = await look(scenario, "marco", raised, "acknowledge")
    scenario.narrate(
        contact_id, "Marco", "opens the signed link in the mail and presses Acknowledge"
    )
    await actors.press_link(link)
    acted = await event_log.wait_for(NotificationActedOn, contact_id)
    acknowledged = await event_log.wait_for(EscalationAcknowledged, contact_id)
    require(acted.person_id == acknowledged.by == "marco", "marco acknowledged")
    await see_change(scenario, "marco", raised, sight, "acknowledge")
    shown = await wait_for_escalation_state(scenario, contact_id, "acknowledged")
    require(shown["by"] == "marco", "the contact shows the holder")
    require(event_log.find_all(EscalationRaised, contact_id) == [raised], "there is one escalation")
    return Outcome(
        contact_id,
        "deadline missed, Sara paged, no reaction, Marco paged, acknowledged by mail link",
        (warned.lateness_ms, breached.lateness_ms, climbed.lateness_ms or 0.0),
    )


async def customer_asks_for_supervisor(scenario: Scenario) -> Outcome:
    """A customer asks for a supervisor; the supervisor takes over and resolves the contact."""
    event_log, actors = scenario.event_log, scenario.actors
    contact_id = await create_contact(scenario, "shipping", "My parcel is lost", "chat")
    await event_log.wait_for(ContactOffered, contact_id)
    await accept_offer(scenario, contact_id, "chen")
    message = {"author": "customer", "text": "This does not help. Let me talk to your supervisor!"}
    scenario.narrate(contact_id, "Customer", message["text"])
    await actors.call("shop", "intake", "POST", f"/contacts/{contact_id}/messages", message)
    await event_log.wait_for(SupervisorRequested, contact_id)
    raised = await event_log.wait_for(EscalationRaised, contact_id)
    require(raised.cause == "customer_request", "the cause is the customer's request")
    await wait_for_page(scenario, contact_id, "sara", "raised")
    scenario.narrate(contact_id, "Sara", "takes over")
    await press(scenario, "sara", raised, "take_over", offered="acknowledge")
    taken = await event_log.wait_for(EscalationTakenOver, contact_id)
    require(taken.by == "sara", "sara took it over")
    outcome = {
        "outcome": "replacement",
        "note": "A new parcel leaves today by express.",
        "amount": "35.00",
        "currency": "EUR",
    }
    scenario.narrate(contact_id, "Sara", f"resolves: {outcome['outcome']}, {outcome['note']}")
    await press(scenario, "sara", raised, "resolve", outcome)
    await event_log.wait_for(EscalationResolved, contact_id)
    resolved = await event_log.wait_for(ContactResolved, contact_id)
    require(resolved.by == "sara", "sara resolved the contact, too")
    await wait_for_escalation_state(scenario, contact_id, "resolved")
    await wait_until_completed(scenario, contact_id)
    require(not event_log.find_all(EscalationClimbed, contact_id), "it did not climb past Sara")
    return Outcome(contact_id, "Sara paged at once, took over, resolved: replacement", ())


async def representative_refers(scenario: Scenario) -> Outcome:
    """A representative refers a contact that then misses a deadline: still one escalation."""
    event_log, actors = scenario.event_log, scenario.actors
    contact_id = await create_contact(scenario, "returns", "I want my money back NOW", "email")
    assigned = await event_log.wait_for(ContactAssigned, contact_id)
    require(assigned.representative_id == "rita", "a returns contact is assigned to rita")
    reason = {"reason": "Customer is threatening legal action; above my limit."}
    scenario.narrate(contact_id, "Rita", f"refers: {reason['reason']}")
    await actors.call("rita", "router", "POST", f"/assignments/{contact_id}/refer", reason)
    raised = await event_log.wait_for(EscalationRaised, contact_id)
    require(raised.cause == "referral", "the cause is the referral")
    await wait_for_page(scenario, contact_id, "sara", "raised")
    breached = await event_log.wait_for(
        ClockBreached, contact_id, lambda event: event.clock == "first_response"
    )
    added = await event_log.wait_for(EscalationCauseAdded, contact_id)
    require(
        added.escalation_id == raised.escalation_id, "the breach is added to the same escalation"
    )
    await wait_for_page(scenario, contact_id, "sara", "updated")
    scenario.narrate(contact_id, "Sara", "acknowledges and takes over")
    await press(scenario, "sara", raised, "acknowledge")
    await press(scenario, "sara", raised, "take_over", offered="renew")
    outcome = {
        "outcome": "refund",
        "note": "Refunded in full; customer is calm.",
        "amount": "80.00",
        "currency": "EUR",
    }
    scenario.narrate(contact_id, "Sara", f"resolves: {outcome['outcome']}, {outcome['note']}")
    await press(scenario, "sara", raised, "resolve", outcome)
    await wait_until_completed(scenario, contact_id)
    require(len(event_log.find_all(EscalationRaised, contact_id)) == 1, "there is one escalation")
    pages = [
        (page.person_id, page.reason) for page in event_log.find_all(PageRequested, contact_id)
    ]
    require(
        pages == [("sara", "raised"), ("sara", "updated")], f"there is one page per reason: {pages}"
    )
    sent = [
        (event.person_id, event.medium)
        for event in event_log.find_all(NotificationSent, contact_id)
    ]
    media = [("sara", "email"), ("sara", "slack")]
    require(
        sorted(sent) == sorted(media * len(pages)), f"each page was sent once per medium: {sent}"
    )
    return Outcome(
        contact_id,
        "referred by Rita, then a missed deadline: one escalation, two reasons, one page each",
        (breached.lateness_ms,),
    )


async def answered_in_time(scenario: Scenario) -> Outcome:
    """Answered in time and resolved; nobody is paged."""
    event_log, actors = scenario.event_log, scenario.actors
    subject = "When will my parcel arrive?"
    contact_id = await create_contact(scenario, "shipping", subject, "email")
    started = await event_log.wait_for(ClocksStarted, contact_id)
    await event_log.wait_for(ContactOffered, contact_id)
    await accept_offer(scenario, contact_id, "chen")
    message = {"author": "representative", "text": "It arrives tomorrow before noon."}
    scenario.narrate(contact_id, "Chen", f"answers: {message['text']}")
    await actors.call("chen", "intake", "POST", f"/contacts/{contact_id}/messages", message)
    await event_log.wait_for(ClockMet, contact_id, lambda event: event.clock == "first_response")
    scenario.narrate(contact_id, "Chen", "resolves")
    await actors.call("chen", "intake", "POST", f"/contacts/{contact_id}/resolve", {})
    await wait_until_completed(scenario, contact_id)
    clocks = await actors.call("sara", "escalation", "GET", f"/contacts/{contact_id}/clocks")
    states = {clock["clock"]: clock["state"] for clock in clocks["clocks"]}
    expected = dict.fromkeys((clock.clock for clock in started.clocks), "met")
    require(states == expected, f"every clock was met: {states}")
    require(not event_log.find_all(PageRequested, contact_id), "nobody is paged")
    for person, user in scenario.console_users.items():
        require(not await user.shows(subject), f"the console does not ask {person}")
    return Outcome(contact_id, "answered in time by Chen, resolved, nobody paged", ())


STORIES: dict[str, Story] = {
    "Missed deadline": missed_deadline,
    "Customer asks for a supervisor": customer_asks_for_supervisor,
    "Representative refers": representative_refers,
    "Answered in time": answered_in_time,
}


async def create_contact(scenario: Scenario, topic: str, subject: str, channel: str) -> ContactId:
    contact = {
        "channel": channel,
        "customer": {"customer_id": f"c-{topic}", "name": "Ada Lovelace"},
        "subject": subject,
        "topic": topic,
        "text": subject,
    }
    scenario.narrate(None, "Customer", f"by {channel}: {subject}")
    answer = await scenario.actors.call("shop", "intake", "POST", "/contacts", contact)
    contact_id = ContactId(answer["contact_id"])
    await scenario.event_log.wait_for(ContactReceived, contact_id)
    return contact_id


async def accept_offer(scenario: Scenario, contact_id: ContactId, person: str) -> None:
    scenario.narrate(contact_id, person.capitalize(), "accepts the offer")
    await scenario.actors.call(person, "router", "POST", f"/assignments/{contact_id}/accept")
    assigned = await scenario.event_log.wait_for(ContactAssigned, contact_id)
    require(assigned.representative_id == person, f"the contact is assigned to {person}")


async def press(
    scenario: Scenario,
    person: str,
    raised: EscalationRaised,
    action: str,
    form: Mapping[str, str] | None = None,
    *,
    offered: str = "",
) -> None:
    """Let a person act; `offered` is what the console offers first, if it is another action."""
    escalation_id, user = raised.escalation_id, scenario.console_users.get(person)
    if user is None:
        path = f"/escalations/{escalation_id}/{action.replace('_', '-')}"
        await scenario.actors.call(person, "escalation", "POST", path, form)
        return
    sight = await look(scenario, person, raised, offered or action)
    confirmation = await user.press(escalation_id, action, form or {})
    await see_change(scenario, person, raised, sight, action, confirmation)


async def look(
    scenario: Scenario, person: str, raised: EscalationRaised, action: str
) -> Sight | None:
    """Return what the person sees once the console offers the action; None without a console."""
    user = scenario.console_users.get(person)
    if user is None:
        return None
    sight = await user.find_row(raised.escalation_id, action)
    require(sight.band in ("needs_you", "yours"), f"it needs {person}: {sight.band}")
    require(bool(sight.time_left and sight.reasons), "the console says how long is left, and why")
    line = " · ".join((sight.time_left, sight.headline, *sight.reasons, sight.who))
    name = person.capitalize()
    scenario.narrate(raised.contact_id, "Console", f"to {name}: {line} [{sight.button}]")
    return sight


async def see_change(
    scenario: Scenario,
    person: str,
    raised: EscalationRaised,
    sight: Sight | None,
    action: str,
    confirmation: str = "",
) -> None:
    """Wait until the console shows the person what has changed after the action."""
    user, next_action = scenario.console_users.get(person), _NEXT_ACTIONS.get(action)
    if user is None or sight is None:
        return
    if next_action is None:
        await user.wait_until_gone(raised.escalation_id)
        change = "The row is gone."
    else:
        row = await user.find_row(raised.escalation_id, next_action)
        require(row.who == "You have it", f"{person} has it: {row.who}")
        change = f"{row.who}: {row.time_left} [{row.button}]"
    after = f"{confirmation} {change}".strip()
    scenario.narrate(raised.contact_id, "Console", f"to {person.capitalize()}: {after}")
    scenario.observations.append(Observation(person, sight, action, after))


async def wait_until_completed(scenario: Scenario, contact_id: ContactId) -> None:
    """Wait until all services have handled the resolution of the contact."""
    await scenario.event_log.wait_for(ContactResolved, contact_id)
    await scenario.event_log.wait_for(AssignmentCompleted, contact_id)
    await scenario.event_log.wait_for(
        ClockMet, contact_id, lambda event: event.clock == "resolution"
    )


async def wait_for_page(
    scenario: Scenario, contact_id: ContactId, person: str, reason: str
) -> None:
    """Wait until the person is paged and Slack and the mail server have the message."""
    page = await scenario.event_log.wait_for(
        PageRequested,
        contact_id,
        lambda event: (event.person_id, event.reason) == (person, reason),
    )
    for medium in ("slack", "email"):
        await wait_until_sent(scenario, page, medium)
    posts = [post.body for post in scenario.system.receivers.slack.requests]
    post = next(
        (body for body in reversed(posts) if body["channel"] == f"D0{person.upper()}"), None
    )
    customer = page.contact.customer_name if page.contact else None
    require(post is not None and (customer or "") in str(post), f"Slack has a message for {person}")
    button = "Acknowledge" if "Acknowledge" in str(post) else "Open"
    text = post["text"] if post else ""
    scenario.narrate(contact_id, "Slack", f"to {person}: {text} [{button}]")
    mails = scenario.system.receivers.mail.messages
    mail = next(
        (message for message in reversed(mails) if message["To"] == f"{person}@example.com"), None
    )
    require(mail is not None, f"the mail server has a message for {person}")
    scenario.narrate(contact_id, "Mail", f"to {person}: {mail['Subject'] if mail else ''}")


async def wait_until_sent(scenario: Scenario, page: PageRequested, medium: str) -> None:
    await scenario.event_log.wait_for(
        NotificationSent,
        page.contact_id,
        lambda sent: (sent.page_id, sent.medium) == (page.page_id, medium),
    )


async def link_in_mail(scenario: Scenario, contact_id: ContactId, address: str) -> str:
    """Return the signed link of the last mail to this address."""
    notifier = re.escape(scenario.system.url("notifier"))
    for message in reversed(scenario.system.receivers.mail.messages):
        if message["To"] == address:
            body = message.get_body(("plain",))
            link = re.search(rf"{notifier}/v1/acknowledgements/\S+", body.get_content())
            if link:
                return link.group()
    message = f"no mail to {address} about {contact_id} has a signed link"
    raise StoryFailedError(message)


async def wait_for_escalation_state(
    scenario: Scenario, contact_id: ContactId, state: str
) -> dict[str, str]:
    """Poll the contact as the supervisor until its escalation has this state."""
    async with asyncio.timeout(60):
        while True:
            contact = await scenario.actors.call("sara", "intake", "GET", f"/contacts/{contact_id}")
            shown: dict[str, str] | None = contact["escalation"]
            if shown and shown["state"] == state:
                scenario.narrate(contact_id, "Contact", f"shows: {state}, {shown['level']}")
                return shown
            await asyncio.sleep(0.02)


def require(holds: bool, expectation: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise StoryFailedError(f"expected: {expectation}")
