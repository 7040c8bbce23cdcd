"""People in front of the console: in a browser with the keyboard only, or by its pages."""

from stage.chairs.chair import Chair, Observation, RowMissingError, Sight
from stage.chairs.opening import OfferedChairs, open_chairs

__all__ = ["Chair", "Observation", "OfferedChairs", "RowMissingError", "Sight", "open_chairs"]
