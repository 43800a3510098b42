"""What a parcel's status is, whatever order a carrier's words arrive in."""

from typing import Final

from msgspec.structs import replace

from shopwire.modules.shipping.api import TrackingStatus
from shopwire.modules.shipping.domain import Shipment

PROGRESS: Final[tuple[TrackingStatus, ...]] = (
    "label",
    "picked_up",
    "in_transit",
    "out_for_delivery",
)
"""Stations of a parcel on its way; it never goes back along them."""


def tracked(shipment: Shipment, status: TrackingStatus, at_ms: int) -> Shipment:
    """The parcel after one of the carrier's words.

    Everything that is kept of the words is a greatest or a least value, so their order and their
    repetition make no difference. What arrived stays arrived, except that it went back to its
    sender. A problem shows until the parcel is seen on its way later than the problem was.
    """
    match status:
        case "delivered":
            first = min(at_ms, shipment.delivered_at_ms or at_ms)
            shipment = replace(shipment, delivered_at_ms=first)
        case "returned_to_sender":
            first = min(at_ms, shipment.returned_at_ms or at_ms)
            shipment = replace(shipment, returned_at_ms=first)
        case "exception":
            last = max(at_ms, shipment.exception_at_ms or at_ms)
            shipment = replace(shipment, exception_at_ms=last)
        case _:
            further = max(status, shipment.progress, key=PROGRESS.index)
            last = max(at_ms, shipment.progress_at_ms)
            shipment = replace(shipment, progress=further, progress_at_ms=last)
    return replace(shipment, status=status_of(shipment))


def status_of(shipment: Shipment) -> TrackingStatus:
    """What the shopper reads; the audit computes the same in SQL."""
    if shipment.returned_at_ms is not None:
        return "returned_to_sender"
    if shipment.delivered_at_ms is not None:
        return "delivered"
    problem = shipment.exception_at_ms
    if problem is not None and problem >= shipment.progress_at_ms:
        return "exception"
    return shipment.progress
