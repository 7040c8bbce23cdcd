"""The routes of escalation."""

from escalation.api import (
    actions,
    calendar_feeds,
    clocks,
    complaints,
    configuration,
    due_clocks,
    duty,
    duty_versions,
    escalations,
    lateness,
    live,
    responders,
    setting_versions,
    settings,
    simulations,
)

# `live` before `escalations`: /stream is no id of an escalation.
ROUTERS = (
    live.router,
    lateness.router,
    escalations.router,
    actions.router,
    complaints.router,
    clocks.router,
    due_clocks.router,
    duty.router,
    duty_versions.router,
    calendar_feeds.router,
    configuration.router,
    responders.router,
    settings.router,
    simulations.router,
    setting_versions.router,
)
