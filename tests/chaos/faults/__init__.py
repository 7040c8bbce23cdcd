"""The catalogue of faults; importing this package registers all families."""

from chaos.faults import brokers, clocks, databases, processes, receivers, records
from chaos.faults.catalogue import FAULTS, Fault

__all__ = ["FAULTS", "Fault", "brokers", "clocks", "databases", "processes", "receivers", "records"]
