"""Memory twins of the log and the storage: the same semantics without a database."""

from shopwire.adapters.memory.log import MemoryLog
from shopwire.adapters.memory.state import MemoryState
from shopwire.adapters.memory.storage import MemoryStorage

__all__ = ["MemoryLog", "MemoryState", "MemoryStorage"]
