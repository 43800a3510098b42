"""X12 4010: a tolerant reader, a strict writer, and the messages of dropshipping.

850 purchase order, 855 acknowledgement, 856 ship notice, 810 invoice, 846 inventory advice, and
997, which answers what came in.
"""

from shopwire.adapters.x12.acknowledging import acknowledge
from shopwire.adapters.x12.deliveries import InventoryAdvice846, Invoice810, ShipNotice856
from shopwire.adapters.x12.messages import Acknowledgement855, PurchaseOrder850
from shopwire.adapters.x12.syntax import (
    Fault,
    Group,
    Interchange,
    MessageInvalid,
    Segment,
    TransactionSet,
    read_interchange,
    read_interchanges,
)
from shopwire.adapters.x12.writing import Envelope, write_interchange, write_segment

__all__ = [
    "Acknowledgement855",
    "Envelope",
    "Fault",
    "Group",
    "Interchange",
    "InventoryAdvice846",
    "Invoice810",
    "MessageInvalid",
    "PurchaseOrder850",
    "Segment",
    "ShipNotice856",
    "TransactionSet",
    "acknowledge",
    "read_interchange",
    "read_interchanges",
    "write_interchange",
    "write_segment",
]
