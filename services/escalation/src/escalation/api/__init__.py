"""The routes of escalation."""

from escalation.api import clocks, configuration, escalations

ROUTERS = (escalations.router, clocks.router, configuration.router)
