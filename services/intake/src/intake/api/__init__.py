"""The routes of intake."""

from intake.api import (
    channels,
    contacts,
    customers,
    erasures,
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
    erasures.router,
    channels.router,
    understanding.router,
)
