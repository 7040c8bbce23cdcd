"""The routes of notifier."""

from notifier.api import acknowledgements, callbacks, notifications, recipients

ROUTERS = (recipients.router, notifications.router, acknowledgements.router, callbacks.router)
