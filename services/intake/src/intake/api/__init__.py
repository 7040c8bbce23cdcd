"""The routes of intake."""

from intake.api import (
    channels,
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
    channels.router,
    understanding.router,
)
