"""The routes of router."""

from router.api import assignments, queues, representatives

ROUTERS = (representatives.router, assignments.router, queues.router)
