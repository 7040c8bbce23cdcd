"""Real PostgreSQL and Kafka on a machine that has nothing."""

from devstack.backend import Backend
from devstack.errors import ExitedEarlyError, StackError
from devstack.processes import Process, free_port
from devstack.servers import LocalServer, Server
from devstack.stack import Stack, start

__all__ = [
    "Backend",
    "ExitedEarlyError",
    "LocalServer",
    "Process",
    "Server",
    "Stack",
    "StackError",
    "free_port",
    "start",
]
