"""The routes of intake."""

from intake.api import channels, contacts, surveys

ROUTERS = (contacts.router, surveys.router, channels.router)
