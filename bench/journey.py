"""From a channel's request until the contact is assigned and its clocks run."""

from bench import traffic
from bench.summary import Figures, quantiles_ms
from bench.testbed import Testbed, posts
from common.contracts.assignments import ContactAssigned


async def throughput(testbed: Testbed, count: int, concurrency: int) -> Figures:
    """Keep `concurrency` requests open until `count` contacts are created.

    The time ends at the last ContactAssigned or ClocksStarted, so it includes any backlog.
    """
    bodies = traffic.contacts(count, testbed.random)
    before = testbed.cpu_seconds()
    load = await testbed.generator.closed_loop(testbed.intake_target, posts(bodies), concurrency)
    done_at = await testbed.wait_until_tracked([post.contact_id for post in load.sent])
    after = testbed.cpu_seconds()
    begun_at = min(post.intended_at for post in load.sent)
    answered_at = max(post.answered_at for post in load.sent)
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


async def latency(testbed: Testbed, rate: int, seconds: int) -> Figures:
    """Send on a fixed schedule; measure each request from the time at which it should go out."""
    times = traffic.arrivals(rate, seconds, testbed.random)
    bodies = traffic.contacts(len(times), testbed.random)
    before = testbed.cpu_seconds()
    load = await testbed.generator.open_loop(testbed.intake_target, posts(bodies), times)
    await testbed.wait_until_tracked([post.contact_id for post in load.sent])
    after = testbed.cpu_seconds()
    assigned = [
        testbed.topics.first(ContactAssigned, post.contact_id).arrived_at - post.intended_at
        for post in load.sent
    ]
    answered = [post.answered_at - post.intended_at for post in load.sent]
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
