"""The routes of intake."""

from intake.api import channels, contacts, customers, surveys

ROUTERS = (contacts.router, surveys.router, customers.router, channels.router)
