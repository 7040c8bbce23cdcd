"""The routes of intake."""

from intake.api import contacts, zendesk

ROUTERS = (contacts.router, zendesk.router)
