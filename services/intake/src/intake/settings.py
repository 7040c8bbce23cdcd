"""Intake reads what every service reads."""

from common.service.settings import ServiceSettings


class Settings(ServiceSettings):
    pass
