"""The routes of intake."""

from intake.api import (
    channels,
    connection_trials,
    connections,
    contacts,
    customers,
    states,
    supervisor_requests,
    surveys,
    understanding,
)

ROUTERS = (
    contacts.router,
    states.router,
    supervisor_requests.router,
    surveys.router,
    customers.router,
    connections.router,
    connection_trials.router,
    channels.router,
    understanding.router,
)
