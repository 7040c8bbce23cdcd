"""The faults that chaos injects, a module for each family; importing this registers them all."""

from chaos.faults import brokers, clocks, databases, processes, receivers, records
from chaos.faults.registry import FAULTS, Fault

__all__ = ["FAULTS", "Fault", "brokers", "clocks", "databases", "processes", "receivers", "records"]
