"""Payment providers: a simulated one that can be told to misbehave, and Stripe."""

from shopwire.adapters.payments.books import Book, FileBook, MemoryBook
from shopwire.adapters.payments.simulator import Simulator

__all__ = ["Book", "FileBook", "MemoryBook", "Simulator"]
