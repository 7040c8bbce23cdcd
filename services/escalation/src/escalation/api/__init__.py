"""The routes of escalation."""

from escalation.api import actions, clocks, configuration, duty, escalations, feeds, lateness, live

# `live` before `escalations`: /stream is no id of an escalation.
ROUTERS = (
    live.router,
    lateness.router,
    escalations.router,
    actions.router,
    clocks.router,
    duty.router,
    feeds.router,
    configuration.router,
)
