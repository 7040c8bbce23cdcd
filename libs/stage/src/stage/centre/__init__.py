"""A small simulated centre: customers, representatives and supervisors at a human pace."""

from stage.centre.pace import Pace
from stage.centre.run import simulated_centre
from stage.centre.staff import CENTRE_ROLES, SIMULATED_LEADERS

__all__ = ["CENTRE_ROLES", "SIMULATED_LEADERS", "Pace", "simulated_centre"]
