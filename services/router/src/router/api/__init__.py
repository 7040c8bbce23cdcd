"""The routes of router."""

from router.api import (
    adjustments,
    assignments,
    entry_versions,
    people,
    queues,
    representatives,
    staffing,
)

ROUTERS = (
    people.router,
    representatives.router,
    adjustments.router,
    entry_versions.router,
    assignments.router,
    queues.router,
    staffing.router,
)
