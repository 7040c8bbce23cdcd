"""The catalogue, with all its families read in."""

from chaos.faults import brokers, clocks, databases, processes, receivers, records
from chaos.faults.catalogue import FAULTS, Fault

__all__ = ["FAULTS", "Fault", "brokers", "clocks", "databases", "processes", "receivers", "records"]
