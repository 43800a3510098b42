"""The rows of the error table that belong to callers and their rights: 1100 to 1199.

The rules for all rows stand in `shopwire.kernel.errors`.
"""

from shopwire.kernel.errors import ShopwireError


class Unauthenticated(ShopwireError):
    """The token proves nothing, or there is none where one is needed."""

    code, status = 1101, 401
    message = "We do not know who asks."
    remedy = "Ask for a session (POST /api/sessions) and send its token."
    fields = ("reason",)


class TokenExpired(ShopwireError):
    """The token was good, and is no more."""

    code, status = 1102, 401
    message = "The session is over."
    remedy = "Refresh the session, or begin a new one."


class Forbidden(ShopwireError):
    """This caller may not do that."""

    code, status = 1103, 403
    message = "This is not allowed for you."
    remedy = "Use an account that may; data.allowed lists the roles."
    fields = ("operation", "role", "allowed")


class OriginRefused(ShopwireError):
    """A page of another site asks in this browser's name."""

    code, status = 1104, 403
    message = "Pages of this origin may not do that."
    remedy = "Open the shop at its own address, or allow the origin with allow_origins."
    fields = ("origin",)


class TooManyConnections(ShopwireError):
    """One caller, or one address, holds as many connections as it may."""

    code, status, temporary = 1105, 429, True
    message = "There are too many connections of yours."
    remedy = "Close some; the limit is data.connections_max."
    fields = ("connections_max", "retry_ms")


class TicketUsed(ShopwireError):
    """A ticket is good for one connection, and for a short time."""

    code, status = 1106, 401
    message = "This ticket was used, or is too old."
    remedy = "Ask for a fresh one (POST /api/tickets) for each connection."


class WrongPassword(ShopwireError):
    """Name and password do not fit."""

    code, status = 1107, 401
    message = "Name or password is wrong."
    remedy = "Try again; `shopwire user password NAME` sets a new one."


class TooManyAttempts(ShopwireError):
    """Passwords were tried too often."""

    code, status, temporary = 1108, 429, True
    message = "There were too many attempts."
    remedy = "Wait as long as retry_ms says."
    fields = ("retry_ms",)


class SigningKeyUnknown(Unauthenticated):
    """A token of the outside issuer names a key that this process does not have yet."""

    code, temporary = 1110, True
    message = "The key that signed this token is not known here yet."
    remedy = "Send the same token again in a moment: the issuer is being asked for its keys."
    fields = ("retry_ms",)


class TooManyRequests(ShopwireError):
    """One caller asks more often than one may."""

    code, status, temporary = 1109, 429, True
    message = "There are too many requests of yours."
    remedy = "Wait as long as retry_ms says."
    fields = ("retry_ms",)
