"""The rows of the error table that belong to buying and selling: 2105 to 2699.

2105 to 2199 stock, 2200 prices, 2300 carts, 2400 orders, 2500 payments, 2600 shipping. The rules
for all rows stand in `shopwire.kernel.errors`.
"""

from shopwire.kernel.errors import ShopwireError

# -- 2100: stock ------------------------------------------------------------------------------


class HoldGone(ShopwireError):
    """A reservation is over: it expired or was voided."""

    code, status = 2105, 409
    message = "The reservation is over; the units are free for others again."
    remedy = "Reserve again; what is left is in the stock document."
    fields = ("hold", "state")


class HoldTaken(ShopwireError):
    """A reservation with this id holds something else."""

    code, status = 2106, 409
    message = "This reservation exists already, for other units."
    remedy = "Use a fresh id for another reservation."
    fields = ("hold",)


class ShopperLimit(ShopwireError):
    """One shopper asks for more units of a SKU than one shopper may have."""

    code, status = 2107, 409
    message = "One shopper may not take that many of this article."
    remedy = "Take at most data.allowed units."
    fields = ("sku", "requested", "allowed")


class HoldLimit(ShopwireError):
    """As many units of a SKU wait for payment as may."""

    code, status, temporary = 2108, 409, True
    message = "All units that are left are reserved by others right now."
    remedy = "Try again in a few minutes: reservations that are not paid for become free."
    fields = ("sku", "requested", "retry_ms")


class BundleChanged(ShopwireError):
    """A set is made of other parts than the caller says."""

    code, status = 2109, 409
    message = "This set is made of other parts now."
    remedy = "Read the set again and repeat the request with its parts."
    fields = ("sku", "parts")


# -- 2200: prices -----------------------------------------------------------------------------


class PriceMoved(ShopwireError):
    """A price is not what the shopper accepted."""

    code, status = 2200, 409
    message = "A price has changed since it was shown."
    remedy = "Show data.changes to the shopper and send the accepted prices."
    fields = ("changes",)


class QuotaShort(ShopwireError):
    """A sale has fewer units left at its price than the shopper wants."""

    code, status = 2201, 409
    message = "Fewer units are left at this sale price."
    remedy = "Take at most data.available units at this price; the others cost the regular price."
    fields = ("sku", "requested", "available")


class PromotionOver(ShopwireError):
    """A promotion has ended: it cannot be changed or taken up again."""

    code, status = 2202, 409
    message = "This promotion is over."
    remedy = "Make a new one under another id."
    fields = ("promotion",)


# -- 2300: carts ------------------------------------------------------------------------------


class CartClosed(ShopwireError):
    """A cart is being paid for, or was bought."""

    code, status = 2300, 409
    message = "This cart cannot be changed: it is being paid for, or was bought."
    remedy = "Go to the order in data.order, or begin a new cart."
    fields = ("cart", "order", "state")


class CartFull(ShopwireError):
    """A cart has as many lines as one may have."""

    code, status = 2301, 409
    message = "This cart holds as many articles as a cart may."
    remedy = "Buy what is in it first; the limit is data.lines_max."
    fields = ("lines_max",)


# -- 2400: orders -----------------------------------------------------------------------------


class OrderState(ShopwireError):
    """An order is in a state in which this cannot be done."""

    code, status = 2400, 409
    message = "This cannot be done with the order as it is."
    remedy = "Look at the order's present state; data.allowed says what can be done."
    fields = ("order", "state", "allowed")


class ConflictSettled(ShopwireError):
    """Somebody else settled this conflict already."""

    code, status = 2401, 409
    message = "This was settled already."
    remedy = "Look at the order: data.choice says what was chosen."
    fields = ("conflict", "choice")


# -- 2500: payments ---------------------------------------------------------------------------


class PaymentState(ShopwireError):
    """A payment is in a state in which this cannot be done."""

    code, status = 2500, 409
    message = "This cannot be done with the payment as it is."
    remedy = "Look at the payment's present state and amounts."
    fields = ("payment", "state")


class AmountExceeded(ShopwireError):
    """More money would move than there is to move."""

    code, status = 2501, 409
    message = "The amount is larger than what is left."
    remedy = "Use at most data.left_minor."
    fields = ("payment", "requested_minor", "left_minor")


class PaymentDeclined(ShopwireError):
    """The provider declined the payment."""

    code, status = 2502, 402
    message = "The payment was declined."
    remedy = "Use another card, or ask the bank; nothing was charged."
    fields = ("payment", "reason")


class SignatureInvalid(ShopwireError):
    """A webhook's signature is missing, wrong, or too old."""

    code, status = 2503, 401
    message = "The webhook's signature is not valid."
    remedy = "Sign `{id}.{timestamp}.{body}` with the shared secret, within the allowed time."
    fields = ("reason",)


class ProviderUnavailable(ShopwireError):
    """A payment provider or supplier cannot be reached; what came of the call is unknown."""

    code, status, temporary = 2504, 503, True
    message = "The other side cannot be reached right now."
    remedy = "Nothing needs to be done: it is tried again, and takes effect once."
    fields = ("provider", "retry_ms")


# -- 2600: shipping ---------------------------------------------------------------------------


class PurchaseOrderState(ShopwireError):
    """A purchase order is in a state in which this cannot be done."""

    code, status = 2600, 409
    message = "This cannot be done with the purchase order as it is."
    remedy = "Look at its present state."
    fields = ("purchase_order", "state")


class ReturnState(ShopwireError):
    """A return is in a state, or about units, for which this cannot be done."""

    code, status = 2601, 409
    message = "This cannot be done with the return as it is."
    remedy = "Look at what was shipped and what came back already."
    fields = ("return_id", "state", "reason")
