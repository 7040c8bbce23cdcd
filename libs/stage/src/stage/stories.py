"""The main job in four stories. Each waits for what must happen and fails when it does not."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from common.contracts.assignments import AssignmentCompleted, ContactAssigned, ContactOffered
from common.contracts.contacts import ContactReceived, ContactResolved, SupervisorRequested
from common.contracts.escalations import (
    ClockBreached,
    ClockMet,
    ClocksStarted,
    ClockWarned,
    EscalationAcknowledged,
    EscalationClimbed,
    EscalationRaised,
    EscalationReasonAdded,
    EscalationResolved,
    EscalationTakenOver,
    PageRequested,
)
from common.contracts.event import ContactId
from common.contracts.notifications import NotificationActedOn, NotificationSent
from stage.cast import Cast
from stage.system import System
from stage.watch import Watch


class NotAsToldError(AssertionError):
    """A story did not end as it is told."""


@dataclass(frozen=True)
class Stage:
    """What a story plays on; `says` is called when a person or an outside system acts."""

    system: System
    cast: Cast
    watch: Watch
    says: Callable[[ContactId | None, str, str], None]


@dataclass(frozen=True)
class Ending:
    """How a story ended, for the summary; latenesses are of its timers."""

    contact_id: ContactId
    told: str
    latenesses_ms: tuple[float, ...]


Story = Callable[[Stage], Awaitable[Ending]]


async def breach(stage: Stage) -> Ending:
    """Nobody answers: a warning, a breach, the supervisor, and the manager, who acknowledges."""
    watch, cast = stage.watch, stage.cast
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
    stage.says(None, "Zendesk", f"delivers ticket 5158, signed: {ticket['subject']}")
    contact_id = ContactId((await cast.zendesk(ticket))["contact_id"])
    assigned = await watch.event(ContactAssigned, contact_id)
    require(assigned.representative_id == "bruno", "Spanish billing goes to bruno")
    warned = await watch.event(ClockWarned, contact_id)
    breached = await watch.event(
        ClockBreached, contact_id, lambda event: event.clock == "first_response"
    )
    raised = await watch.event(EscalationRaised, contact_id)
    require(raised.cause == "breach", "the breach is the cause")
    await told(stage, contact_id, "sara", "raised")
    climbed = await watch.event(EscalationClimbed, contact_id)
    require(climbed.level_name == "manager", "it climbs to the manager")
    await told(stage, contact_id, "marco", "climbed")
    link = await link_in_mail(stage, contact_id, "marco@example.com")
    stage.says(contact_id, "Marco", "opens the signed link in the mail and presses Acknowledge")
    await cast.follow(link)
    acted = await watch.event(NotificationActedOn, contact_id)
    acknowledged = await watch.event(EscalationAcknowledged, contact_id)
    require(acted.person_id == acknowledged.by == "marco", "marco has acknowledged")
    shown = await channel_sees(stage, contact_id, "acknowledged")
    require(shown["by"] == "marco", "the channel sees who has it")
    require(watch.all(EscalationRaised, contact_id) == [raised], "one escalation")
    return Ending(
        contact_id,
        "warned, breached, raised to Sara, climbed to Marco, acknowledged by link",
        (warned.lateness_ms, breached.lateness_ms, climbed.lateness_ms or 0.0),
    )


async def customer_asks(stage: Stage) -> Ending:
    """The customer asks for a supervisor in a chat; the supervisor takes over and resolves."""
    watch, cast = stage.watch, stage.cast
    contact_id = await arrives(stage, "shipping", "My parcel is lost", "chat")
    await watch.event(ContactOffered, contact_id)
    await accepts(stage, contact_id, "chen")
    message = {"author": "customer", "text": "This is no use. Let me talk to your supervisor!"}
    stage.says(contact_id, "Customer", message["text"])
    await cast.call("shop", "intake", "POST", f"/contacts/{contact_id}/messages", message)
    await watch.event(SupervisorRequested, contact_id)
    raised = await watch.event(EscalationRaised, contact_id)
    require(raised.cause == "customer_request", "the customer's wish is the cause")
    await told(stage, contact_id, "sara", "raised")
    stage.says(contact_id, "Sara", "takes over")
    path = f"/escalations/{raised.escalation_id}"
    await cast.call("sara", "escalation", "POST", f"{path}/take-over")
    taken = await watch.event(EscalationTakenOver, contact_id)
    require(taken.by == "sara", "sara owns it")
    outcome = {"outcome": "replacement", "note": "A new parcel leaves today by express."}
    stage.says(contact_id, "Sara", f"resolves: {outcome['outcome']}, {outcome['note']}")
    await cast.call("sara", "escalation", "POST", f"{path}/resolve", outcome)
    await watch.event(EscalationResolved, contact_id)
    resolved = await watch.event(ContactResolved, contact_id)
    require(resolved.by == "sara", "resolved by sara, for the customer too")
    await channel_sees(stage, contact_id, "resolved")
    await settled(stage, contact_id)
    require(not watch.all(EscalationClimbed, contact_id), "nothing climbed past Sara")
    return Ending(contact_id, "raised at once, taken over by Sara, resolved: replacement", ())


async def representative_refers(stage: Stage) -> Ending:
    """A representative refers what breaches too: one escalation, each told once."""
    watch, cast = stage.watch, stage.cast
    contact_id = await arrives(stage, "returns", "I want my money back NOW", "email")
    assigned = await watch.event(ContactAssigned, contact_id)
    require(assigned.representative_id == "rita", "returns go to rita")
    reason = {"reason": "Customer is threatening legal action; above my limit."}
    stage.says(contact_id, "Rita", f"refers: {reason['reason']}")
    await cast.call("rita", "router", "POST", f"/assignments/{contact_id}/refer", reason)
    raised = await watch.event(EscalationRaised, contact_id)
    require(raised.cause == "referral", "the referral is the cause")
    await told(stage, contact_id, "sara", "raised")
    breached = await watch.event(
        ClockBreached, contact_id, lambda event: event.clock == "first_response"
    )
    added = await watch.event(EscalationReasonAdded, contact_id)
    require(added.escalation_id == raised.escalation_id, "the breach joins the same escalation")
    await told(stage, contact_id, "sara", "updated")
    stage.says(contact_id, "Sara", "acknowledges and takes over")
    path = f"/escalations/{raised.escalation_id}"
    await cast.call("sara", "escalation", "POST", f"{path}/acknowledge")
    await cast.call("sara", "escalation", "POST", f"{path}/take-over")
    outcome = {"outcome": "refund", "note": "Refunded in full; customer is calm."}
    stage.says(contact_id, "Sara", f"resolves: {outcome['outcome']}, {outcome['note']}")
    await cast.call("sara", "escalation", "POST", f"{path}/resolve", outcome)
    await settled(stage, contact_id)
    require(len(watch.all(EscalationRaised, contact_id)) == 1, "one escalation")
    pages = [(page.person_id, page.reason) for page in watch.all(PageRequested, contact_id)]
    require(pages == [("sara", "raised"), ("sara", "updated")], f"each reason once: {pages}")
    sent = [(one.person_id, one.medium) for one in watch.all(NotificationSent, contact_id)]
    once = [("sara", "email"), ("sara", "slack")]
    require(sorted(sent) == sorted(once * len(pages)), f"each page once on each medium: {sent}")
    return Ending(
        contact_id,
        "referred by Rita, then breached: one escalation, two reasons, each told once",
        (breached.lateness_ms,),
    )


async def all_well(stage: Stage) -> Ending:
    """Answered in time and resolved: the timers are gone and nobody is told."""
    watch, cast = stage.watch, stage.cast
    contact_id = await arrives(stage, "shipping", "When does my parcel come?", "email")
    started = await watch.event(ClocksStarted, contact_id)
    await watch.event(ContactOffered, contact_id)
    await accepts(stage, contact_id, "chen")
    message = {"author": "representative", "text": "It arrives tomorrow before noon."}
    stage.says(contact_id, "Chen", f"answers: {message['text']}")
    await cast.call("chen", "intake", "POST", f"/contacts/{contact_id}/messages", message)
    await watch.event(ClockMet, contact_id, lambda event: event.clock == "first_response")
    stage.says(contact_id, "Chen", "resolves")
    await cast.call("chen", "intake", "POST", f"/contacts/{contact_id}/resolution", {})
    await settled(stage, contact_id)
    clocks = await cast.call("sara", "escalation", "GET", f"/contacts/{contact_id}/clocks")
    states = {clock["clock"]: clock["state"] for clock in clocks["clocks"]}
    promised = dict.fromkeys((clock.clock for clock in started.clocks), "met")
    require(states == promised, f"every promise was kept: {states}")
    require(not watch.all(PageRequested, contact_id), "nobody is told")
    return Ending(contact_id, "answered by Chen in time, resolved, nobody told", ())


STORIES: dict[str, Story] = {
    "Breach": breach,
    "Customer asks": customer_asks,
    "Representative refers": representative_refers,
    "All well": all_well,
}


async def arrives(stage: Stage, topic: str, subject: str, channel: str) -> ContactId:
    contact = {
        "channel": channel,
        "customer": {"customer_id": f"c-{topic}", "name": "Ada Lovelace"},
        "subject": subject,
        "topic": topic,
        "text": subject,
    }
    stage.says(None, "Customer", f"by {channel}: {subject}")
    answer = await stage.cast.call("shop", "intake", "POST", "/contacts", contact)
    contact_id = ContactId(answer["contact_id"])
    await stage.watch.event(ContactReceived, contact_id)
    return contact_id


async def accepts(stage: Stage, contact_id: ContactId, who: str) -> None:
    stage.says(contact_id, who.capitalize(), "accepts the offer")
    await stage.cast.call(who, "router", "POST", f"/assignments/{contact_id}/accept")
    assigned = await stage.watch.event(ContactAssigned, contact_id)
    require(assigned.representative_id == who, f"{who} has it")


async def settled(stage: Stage, contact_id: ContactId) -> None:
    """Wait until all four services are done with a contact that was resolved."""
    await stage.watch.event(ContactResolved, contact_id)
    await stage.watch.event(AssignmentCompleted, contact_id)
    await stage.watch.event(ClockMet, contact_id, lambda event: event.clock == "resolution")


async def told(stage: Stage, contact_id: ContactId, who: str, reason: str) -> None:
    """Wait until the person was paged and both Slack and the mail server have taken it."""
    page = await stage.watch.event(
        PageRequested,
        contact_id,
        lambda event: (event.person_id, event.reason) == (who, reason),
    )
    for medium in ("slack", "email"):
        await taken(stage, page, medium)
    posts = [post.body for post in stage.system.outside.slack.requests]
    post = next((one for one in reversed(posts) if one["channel"] == f"D0{who.upper()}"), None)
    require(post is not None and page.headline in str(post), f"Slack has a message for {who}")
    button = "Acknowledge" if "Acknowledge" in str(post) else "Open"
    stage.says(contact_id, "Slack", f"shows {who}: {page.headline} [{button}]")
    mails = stage.system.outside.mail.messages
    mail = next((one for one in reversed(mails) if one["To"] == f"{who}@example.com"), None)
    require(mail is not None, f"the mail server has a message for {who}")
    stage.says(contact_id, "Mail", f"for {who}: {mail['Subject'] if mail else ''}")


async def taken(stage: Stage, page: PageRequested, medium: str) -> None:
    await stage.watch.event(
        NotificationSent,
        page.contact_id,
        lambda sent: (sent.page_id, sent.medium) == (page.page_id, medium),
    )


async def link_in_mail(stage: Stage, contact_id: ContactId, address: str) -> str:
    """Return the signed link of the last mail to the address about this contact."""
    notifier = re.escape(stage.system.url("notifier"))
    for message in reversed(stage.system.outside.mail.messages):
        if message["To"] == address:
            body = message.get_body(("plain",))
            found = re.search(rf"{notifier}/v1/acknowledgements/\S+", body.get_content())
            if found:
                return found.group()
    message = f"no mail to {address} about {contact_id} has a signed link"
    raise NotAsToldError(message)


async def channel_sees(stage: Stage, contact_id: ContactId, state: str) -> dict[str, str]:
    """Ask as the channel does until the contact shows the state."""
    async with asyncio.timeout(60):
        while True:
            contact = await stage.cast.call("shop", "intake", "GET", f"/contacts/{contact_id}")
            shown: dict[str, str] | None = contact["escalation"]
            if shown and shown["state"] == state:
                stage.says(contact_id, "Channel", f"sees: {state}, {shown['level']}")
                return shown
            await asyncio.sleep(0.02)


def require(fact: bool, told: str) -> None:  # noqa: FBT001 - reads as the sentence it checks
    if not fact:
        raise NotAsToldError(told)
