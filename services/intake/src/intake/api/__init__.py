"""The routes of intake."""

from intake.api import (
    channels,
    connection_trials,
    connections,
    contacts,
    customers,
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
    channels.router,
    understanding.router,
)
