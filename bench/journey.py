"""From a channel's request to a contact that somebody has and whose clocks run."""

from bench import traffic
from bench.summary import Figures, quantiles_ms
from bench.testbed import Ground, posts
from common.contracts.assignments import ContactAssigned


async def throughput(ground: Ground, count: int, concurrency: int) -> Figures:
    """Keep `concurrency` requests under way for `count` contacts; the clock stops at the last
    ContactAssigned or ClocksStarted, so a backlog anywhere counts."""
    bodies = traffic.contacts(count, ground.random)
    before = ground.cpu_seconds()
    load = await ground.generator.closed(ground.intake, posts(bodies), concurrency)
    done_at = await ground.safe([one.contact_id for one in load.sent])
    after = ground.cpu_seconds()
    begun_at = min(one.intended_at for one in load.sent)
    answered_at = max(one.answered_at for one in load.sent)
    thousands = count / 1000
    return {
        "journey_contacts": count,
        "journey_concurrency": concurrency,
        "journey_contacts_per_s": count / (done_at - begun_at),
        "journey_posts_per_s": count / (answered_at - begun_at),
        "generator_cpu_seconds_per_1000_contacts": load.cpu_seconds / thousands,
        **{
            f"cpu_seconds_{name}_per_1000_contacts": (after[name] - before[name]) / thousands
            for name in after
        },
    }


async def latency(ground: Ground, rate: int, seconds: int) -> Figures:
    """Send on a schedule that no slow answer delays; count from when each should have gone out."""
    times = traffic.arrivals(rate, seconds, ground.random)
    bodies = traffic.contacts(len(times), ground.random)
    before = ground.cpu_seconds()
    load = await ground.generator.open(ground.intake, posts(bodies), times)
    await ground.safe([one.contact_id for one in load.sent])
    after = ground.cpu_seconds()
    assigned = [
        ground.topics.first(ContactAssigned, one.contact_id).arrived_at - one.intended_at
        for one in load.sent
    ]
    answered = [one.answered_at - one.intended_at for one in load.sent]
    return {
        "open_loop_rate_per_s": rate,
        "open_loop_seconds": seconds,
        "open_loop_contacts": len(times),
        "open_loop_variance_over_mean_per_s": traffic.dispersion(times, seconds),
        **quantiles_ms("post_to_assigned", assigned),
        **quantiles_ms("post_to_answered", answered),
        **{
            f"open_loop_cpu_percent_{name}": 100 * (after[name] - before[name]) / seconds
            for name in after
        },
    }
