"""The settings of intake: those of every service."""

from common.service.settings import ServiceSettings


class Settings(ServiceSettings):
    pass
