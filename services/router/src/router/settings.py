"""The settings of router: those of every service."""

from common.service.settings import ServiceSettings


class Settings(ServiceSettings):
    pass
