"""The rows of the error table that belong to sources of feeds: 3100 to 3199.

The rules for all rows stand in `shopwire.kernel.errors`.
"""

from shopwire.kernel.errors import ShopwireError


class SourceUnreachable(ShopwireError):
    """The far side does not answer, or broke off."""

    code, status, temporary = 3100, 503, True
    message = "The source cannot be reached right now."
    remedy = "Nothing needs to be done: it is tried again, less often each time."
    fields = ("reason", "retry_ms")


class SourceRefused(ShopwireError):
    """The far side answered with something that is no feed: a refusal, a login page, a loop."""

    code, status = 3101, 422
    message = "The source gives no feed."
    remedy = "Look at data.reason, correct the source, then run it again."
    fields = ("reason", "status")


class SourceTooLarge(ShopwireError):
    """What comes is larger than a feed may be, packed or unpacked: it has no end, or is a bomb."""

    code, status = 3102, 422
    message = "The source sends more than a feed may have."
    remedy = "Ask the supplier for a smaller feed; the limit is data.bytes_max."
    fields = ("bytes_max", "reason")


class SourceTooSlow(ShopwireError):
    """The far side sends so slowly that the feed would never be whole."""

    code, status, temporary = 3103, 504, True
    message = "The source is too slow."
    remedy = "It is tried again; where it stays so, ask the supplier for a smaller feed."
    fields = ("seconds_max", "reason")


class HostKeyChanged(ShopwireError):
    """A server shows another key than the one that is known: it may not be the supplier's."""

    code, status = 3104, 422
    message = "The server shows another key than the known one."
    remedy = "Ask the supplier whether its key changed; only then put the new one."
    fields = ("known", "shown")


class UnsafeFile(ShopwireError):
    """A file's name or place leads out of the source's folder."""

    code, status = 3105, 422
    message = "A file of the source cannot be taken: its name leads elsewhere."
    remedy = "Ask the supplier to remove the file, or name the right folder."
    fields = ("name", "reason")


class SourceBusy(ShopwireError):
    """A run of this source is under way, and there is one at a time."""

    code, status, temporary = 3106, 409, True
    message = "A run of this source is under way."
    remedy = "Send it again after data.retry_ms."
    fields = ("supplier", "retry_ms")


class SecretMissing(ShopwireError):
    """A source names a secret for which there is no file."""

    code, status = 3107, 422
    message = "The named secret is not there."
    remedy = "Put it in a file of that name in the folder `secrets` of the data folder."
    fields = ("secret", "reason")


class ImportCutOff(ShopwireError):
    """The process that took a feed in ended in the middle of it."""

    code, status, temporary = 3108, 503, True
    message = "The feed was not taken in to its end: the process that was at it ended."
    remedy = "Send it again: what it had put into effect stays, and only the rest is missing."
