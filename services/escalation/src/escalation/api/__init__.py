"""The routes of escalation."""

from escalation.api import (
    actions,
    calendar_feeds,
    clocks,
    complaints,
    configuration,
    duty,
    duty_versions,
    escalations,
    lateness,
    live,
    settings,
)

# `live` before `escalations`: /stream is no id of an escalation.
ROUTERS = (
    live.router,
    lateness.router,
    escalations.router,
    actions.router,
    complaints.router,
    clocks.router,
    duty.router,
    duty_versions.router,
    calendar_feeds.router,
    configuration.router,
    settings.router,
)
