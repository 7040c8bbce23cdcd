"""The routes of router."""

from router.api import adjustments, assignments, people, queues, representatives, staffing

ROUTERS = (
    people.router,
    representatives.router,
    adjustments.router,
    assignments.router,
    queues.router,
    staffing.router,
)
