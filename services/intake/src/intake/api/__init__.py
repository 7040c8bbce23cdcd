"""The routes of intake."""

from intake.api import (
    channels,
    connection_trials,
    connections,
    contacts,
    customers,
    erasures,
    presence,
    states,
    supervisor_requests,
    surveys,
    understanding,
)

ROUTERS = (
    contacts.router,
    states.router,
    presence.router,
    supervisor_requests.router,
    surveys.router,
    customers.router,
    connections.router,
    connection_trials.router,
    erasures.router,
    channels.router,
    understanding.router,
)
