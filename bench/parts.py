"""What can be measured, by name: with the four services running, or by itself."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import devstack
from bench import (
    business_time,
    classifier,
    clock_lateness,
    escalation_clocks,
    intake,
    journey,
    notify,
    outbox,
    pages,
    resources,
    simulation,
    storage,
    takeover,
    timers_drain,
    timers_lateness,
    webhooks,
)
from bench.console import board, followers
from bench.console import pages as console_pages
from bench.console.leaders import put_leaders
from bench.reference import reference_rows_per_s
from bench.summary import Figures
from bench.testbed import Testbed


@dataclass(frozen=True)
class Plan:
    """How much of each; rates are those that the goals name, unless it is brief."""

    warm_up: int = 1000
    journey: int = 6000
    concurrency: int = 192
    open_rate: int = 200
    open_seconds: int = 30
    clock_timers: int = 100_000
    breach_rate: int = 200
    breach_seconds: int = 12
    pages: int = 300
    stored_contacts: int = 20_000
    page_rate: int = 50
    idle_seconds: int = 10
    reference_seconds: float = 5
    simulated_clocks: int = 1_000_000
    drain_timers: int = 200_000
    drain_easy_jobs: int = 100_000
    drain_slow_jobs: int = 5_000
    timers_pending: int = 1_000_000
    timers_seconds: int = 20
    outbox_backlog: int = 200_000
    outbox_stream: int = 1_000_000
    additions: int = 500_000
    classified: int = 200_000
    intake_posts: int = 5000
    intake_batches: int = 200
    intake_messages: int = 300
    intake_seconds: int = 20
    event_contacts: int = 10_000
    clocks_open: int = 1_000_000
    clocks_due_seconds: int = 20
    escalations_raised: int = 10_000
    explained: int = 2000
    notified_recipients: int = 2000
    notified_pages: int = 500
    burst_escalations: int = 500
    webhook_statuses: int = 5000
    console_rows: int = 1000
    console_change_rate: float = 20
    console_seconds: int = 60
    console_reads: int = 200
    console_boards: int = 200

    @property
    def short_target_s(self) -> float:
        """The first breach comes when the last contact has, and those before it are settled."""
        return self.breach_seconds + 4


QUICK = replace(
    Plan(),
    warm_up=200,
    journey=1000,
    open_seconds=5,
    clock_timers=10_000,
    breach_seconds=3,
    pages=60,
    stored_contacts=2000,
    reference_seconds=2,
    simulated_clocks=60_000,
    drain_timers=20_000,
    drain_easy_jobs=10_000,
    drain_slow_jobs=2000,
    timers_pending=100_000,
    timers_seconds=3,
    outbox_backlog=20_000,
    outbox_stream=20_000,
    additions=100_000,
    classified=40_000,
    intake_posts=1500,
    intake_batches=40,
    intake_messages=100,
    intake_seconds=5,
    event_contacts=1000,
    clocks_open=50_000,
    clocks_due_seconds=3,
    escalations_raised=1000,
    explained=200,
    notified_recipients=400,
    notified_pages=100,
    webhook_statuses=1000,
    console_rows=250,
    console_seconds=10,
    console_reads=40,
)
# Enough to see that each part works, on a machine that others use too.
BRIEF = replace(
    QUICK,
    warm_up=50,
    journey=200,
    concurrency=16,
    open_rate=20,
    clock_timers=1000,
    breach_rate=10,
    pages=10,
    page_rate=2,
    stored_contacts=200,
    idle_seconds=5,
    reference_seconds=1,
    simulated_clocks=3000,
    drain_timers=2000,
    drain_easy_jobs=1000,
    drain_slow_jobs=200,
    timers_pending=5000,
    outbox_backlog=2000,
    outbox_stream=2000,
    additions=10_000,
    intake_posts=100,
    intake_batches=4,
    intake_messages=5,
    intake_seconds=2,
    event_contacts=100,
    clocks_open=2000,
    escalations_raised=100,
    explained=40,
    notified_recipients=20,
    notified_pages=20,
    burst_escalations=50,
    webhook_statuses=100,
    console_rows=30,
    console_change_rate=5,
    console_seconds=4,
    console_reads=5,
    console_boards=10,
)


async def _journey(testbed: Testbed, plan: Plan) -> Figures:
    reference = await reference_rows_per_s(testbed.admin_url, plan.reference_seconds)
    figures = await journey.throughput(testbed, plan.journey, plan.concurrency)
    figures["reference_rows_per_s"] = reference
    figures["journey_over_reference"] = float(figures["journey_contacts_per_s"]) / reference
    return figures


async def _latency(testbed: Testbed, plan: Plan) -> Figures:
    return await journey.latency(testbed, plan.open_rate, plan.open_seconds)


async def _pages(testbed: Testbed, plan: Plan) -> Figures:
    return await pages.latency(testbed, plan.pages, plan.page_rate)


async def _clock_lateness(testbed: Testbed, plan: Plan) -> Figures:
    return await clock_lateness.lateness(
        testbed, plan.clock_timers, plan.breach_rate, plan.breach_seconds
    )


async def _storage(testbed: Testbed, plan: Plan) -> Figures:
    return await storage.bytes_per_contact(testbed, plan.stored_contacts, plan.concurrency)


async def _idle(testbed: Testbed, plan: Plan) -> Figures:
    return await resources.idle(testbed, plan.idle_seconds)


async def _console_board(testbed: Testbed, plan: Plan) -> Figures:
    await put_leaders(testbed.actors)
    return await board.figures(
        testbed,
        rows=plan.console_rows,
        rate=plan.console_change_rate,
        seconds=plan.console_seconds,
    )


async def _console_pages(testbed: Testbed, plan: Plan) -> Figures:
    await put_leaders(testbed.actors)
    return await console_pages.figures(testbed, rows=plan.console_rows, reads=plan.console_reads)


async def _console_followers(testbed: Testbed, plan: Plan) -> Figures:
    await put_leaders(testbed.actors)
    figures = await followers.figures(
        testbed,
        boards=plan.console_boards,
        rows=plan.console_rows,
        rate=plan.console_change_rate,
        seconds=plan.console_seconds,
    )
    return figures | await followers.idle_figures(testbed, seconds=plan.idle_seconds)


async def _timers_drain(stack: devstack.Stack, plan: Plan) -> Figures:
    return await timers_drain.drain(
        stack, plan.drain_timers, plan.drain_easy_jobs, plan.drain_slow_jobs
    )


async def _timers_lateness(stack: devstack.Stack, plan: Plan) -> Figures:
    figures = await timers_lateness.compare_with_baselines(stack)
    return figures | await timers_lateness.measure_with_pending(
        stack, plan.timers_pending, plan.timers_seconds
    )


async def _outbox(stack: devstack.Stack, plan: Plan) -> Figures:
    figures = await outbox.throughput(stack, plan.outbox_backlog)
    figures |= await outbox.lag(stack)
    return figures | await outbox.stream(stack, plan.outbox_stream)


async def _takeover(stack: devstack.Stack, _plan: Plan) -> Figures:
    return await takeover.seconds(stack)


async def _business_time(_stack: devstack.Stack, plan: Plan) -> Figures:
    return await business_time.additions(plan.additions)


async def _classifier(_stack: devstack.Stack, plan: Plan) -> Figures:
    return await classifier.texts_per_s(plan.classified)


async def _intake(stack: devstack.Stack, plan: Plan) -> Figures:
    return await intake.figures(
        stack,
        posts=plan.intake_posts,
        batches=plan.intake_batches,
        messages=plan.intake_messages,
        seconds=plan.intake_seconds,
    )


async def _escalation_clocks(stack: devstack.Stack, plan: Plan) -> Figures:
    return await escalation_clocks.figures(
        stack,
        contacts=plan.event_contacts,
        pending=plan.clocks_open,
        seconds=plan.clocks_due_seconds,
        raised=plan.escalations_raised,
        shown=plan.explained,
    )


async def _notify(stack: devstack.Stack, plan: Plan) -> Figures:
    return await notify.figures(
        stack,
        recipients=plan.notified_recipients,
        burst=plan.burst_escalations,
        pages=plan.notified_pages,
    )


async def _webhooks(stack: devstack.Stack, plan: Plan) -> Figures:
    return await webhooks.figures(stack, plan.webhook_statuses)


async def _simulation(stack: devstack.Stack, plan: Plan) -> Figures:
    return await simulation.seconds(stack, plan.simulated_clocks)


# In this order: each part finds what the earlier ones left in the system.
SYSTEM_PARTS: Mapping[str, Callable[[Testbed, Plan], Awaitable[Figures]]] = {
    "journey": _journey,
    "latency": _latency,
    # Before the first escalation: an open escalation keeps the services busy.
    "idle": _idle,
    "pages": _pages,
    "clock_lateness": _clock_lateness,
    "storage": _storage,
    "console_board": _console_board,
    "console_pages": _console_pages,
    "console_followers": _console_followers,
}
# Before the services start: these parts need the machine for themselves.
ISOLATED_PARTS: Mapping[str, Callable[[devstack.Stack, Plan], Awaitable[Figures]]] = {
    "timers_drain": _timers_drain,
    "timers_lateness": _timers_lateness,
    "outbox": _outbox,
    "takeover": _takeover,
    "business_time": _business_time,
    "classifier": _classifier,
    "intake": _intake,
    "escalation_clocks": _escalation_clocks,
    "notify": _notify,
    "webhooks": _webhooks,
    "simulation": _simulation,
}
