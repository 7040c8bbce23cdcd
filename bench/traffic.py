"""Contacts in the mix and with the bursts of a bank's call centre (see README.md)."""

from collections.abc import Sequence
from random import Random

import orjson

TYPES = {"regular": 65, "new-customer": 16, "internet": 8, "stock": 8}
PRIORITIES = {"normal": 55, "high": 16, "urgent": 29}
TEAMS = 20

# Variance over mean of the arrivals in one second; the source counts intervals of five minutes.
DISPERSION = 2


def team(number: int) -> str:
    return f"team-{number}"


def contacts(count: int, random: Random, *, tier: str = "standard") -> list[bytes]:
    """Return bodies for `POST /v1/contacts`: calls, and chats with a first message."""
    types = random.choices(list(TYPES), list(TYPES.values()), k=count)
    priorities = random.choices(list(PRIORITIES), list(PRIORITIES.values()), k=count)
    return [
        _contact(kind, priority, tier, random)
        for kind, priority in zip(types, priorities, strict=True)
    ]


def _contact(kind: str, priority: str, tier: str, random: Random) -> bytes:
    customer = random.randrange(1_000_000)
    chat = {"text": "I have tried it three times and it does not work."}
    return orjson.dumps(
        {
            "channel": "chat" if kind == "internet" else "call",
            "customer": {
                "customer_id": f"c-{customer}",
                "name": f"Customer {customer}",
                "tier": tier,
                "region": team(random.randrange(TEAMS)),
            },
            "subject": f"A question about {kind} business",
            "topic": kind,
            "priority": priority,
            **(chat if kind == "internet" else {}),
        }
    )


def arrivals(rate: float, seconds: int, random: Random) -> list[float]:
    """Draw arrival times in seconds: Poisson, with a gamma-distributed rate in each second."""
    times: list[float] = []
    for second in range(seconds):
        scale = DISPERSION - 1
        intensity = random.gammavariate(rate / scale, scale)
        at = second + random.expovariate(intensity)
        while at < second + 1:
            times.append(at)
            at += random.expovariate(intensity)
    return times


def dispersion(times: Sequence[float], seconds: int) -> float:
    """Return variance over mean of the counts per second."""
    counts = [0] * seconds
    for at in times:
        counts[int(at)] += 1
    mean = len(times) / seconds
    return sum((count - mean) ** 2 for count in counts) / seconds / mean
