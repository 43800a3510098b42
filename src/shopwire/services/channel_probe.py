"""Whether a supplier can be reached by its way, without an order leaving."""

from urllib.parse import urlsplit

from shopwire.adapters.outbound import open_socket
from shopwire.adapters.suppliers.depots import DepotAway
from shopwire.adapters.suppliers.mail import Mail
from shopwire.kernel.errors import ShopwireError
from shopwire.kernel.posting import NotLeft
from shopwire.modules.channels.api import ApiWay, EmailWay, Way, WebhookWay, X12Way
from shopwire.services.channel_work import Reach

PROBE_ORDER = "shopwire-probe.1/none"
"""An order that no supplier has: asking for it changes nothing."""


async def probe(reach: Reach, supplier: str, way: Way) -> tuple[bool, str]:
    """Whether it can be reached, and what was seen, for people."""
    try:
        return True, await _seen(reach, supplier, way)
    except (NotLeft, DepotAway) as problem:
        return False, str(problem)
    except ShopwireError as problem:
        return False, problem.detail if "host" not in problem.data else problem.data["reason"]
    except (OSError, TimeoutError) as problem:
        return False, f"nobody answers: {type(problem).__name__}"


async def _seen(reach: Reach, supplier: str, way: Way) -> str:
    if isinstance(way, ApiWay):
        await reach.service(way).fetch(supplier, PROBE_ORDER)
        return "the service answers questions about orders"
    if isinstance(way, WebhookWay):
        parts = urlsplit(way.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        (await open_socket(parts.hostname or "", port, reach.allowed)).close()
        return "somebody listens there; whether signatures are understood, an order tells"
    if isinstance(way, X12Way):
        depot = reach.depot(way)
        await depot.put("staging/.probe", b"")
        waiting = await depot.names(way.inbox)
        return f"the folder can be written; {len(waiting)} files wait in {way.inbox}"
    if isinstance(way, EmailWay):
        client = await Mail(reach.secret, reach.allowed).connect(way)
        client.close()
        return "the mail server lets the shop in"
    return "nothing leaves by this way: the supplier comes for its orders"
