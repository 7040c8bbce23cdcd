"""The routes of router."""

from router.api import assignments, people, queues, representatives, staffing

ROUTERS = (
    people.router,
    representatives.router,
    assignments.router,
    queues.router,
    staffing.router,
)
