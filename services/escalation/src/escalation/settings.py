"""Escalation reads what every service reads."""

from common.settings import ServiceSettings


class Settings(ServiceSettings):
    pass
