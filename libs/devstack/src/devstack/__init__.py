"""Real PostgreSQL and Kafka on any machine with Python."""

from devstack.backend import Backend
from devstack.errors import ExitedEarlyError, StackError
from devstack.kafka import SecureListener
from devstack.processes import Process, free_port
from devstack.progress import Progress
from devstack.servers import LocalServer, Server
from devstack.stack import Stack, start

__all__ = [
    "Backend",
    "ExitedEarlyError",
    "LocalServer",
    "Process",
    "Progress",
    "SecureListener",
    "Server",
    "Stack",
    "StackError",
    "free_port",
    "start",
]
