"""Brings the simulated centre to life beside the running services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stage.actors import Actors
from stage.centre.calls import Calls, Reactions, Report
from stage.centre.customers import Customers
from stage.centre.leaders import Leaders
from stage.centre.pace import Pace
from stage.centre.representatives import Representatives
from stage.centre.settings import put_centre_settings


@asynccontextmanager
async def simulated_centre(actors: Actors, pace: Pace, report: Report) -> AsyncIterator[None]:
    """Put its settings, then let its people act until the end.

    The actors need API keys for `CENTRE_ROLES`. What goes wrong is reported and ends nothing.
    """
    await put_centre_settings(actors, pace)
    calls = Calls(actors)
    reactions = Reactions(report)
    customers = Customers(calls, reactions, pace)
    reactions.start(customers.write)
    Representatives(calls, reactions, pace, customers.plans).start()
    Leaders(calls, reactions, pace, customers.plans).start()
    try:
        yield
    finally:
        await reactions.stop()
