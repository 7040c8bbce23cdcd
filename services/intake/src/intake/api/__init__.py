"""The routes of intake."""

from intake.api import channels, contacts, customers, states, surveys

ROUTERS = (contacts.router, states.router, surveys.router, customers.router, channels.router)
