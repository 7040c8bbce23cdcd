"""People in front of the console: in a browser with the keyboard only, or by its pages."""

from stage.console_users.opening import OfferedUsers, open_console_users
from stage.console_users.user import ConsoleUser, Observation, RowMissingError, Sight

__all__ = [
    "ConsoleUser",
    "Observation",
    "OfferedUsers",
    "RowMissingError",
    "Sight",
    "open_console_users",
]
