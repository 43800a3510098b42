"""What screens read of carts."""

from typing import Any

from litestar import get
from litestar.params import FromPath

from shopwire.kernel.ids import DEFAULT_TENANT
from shopwire.kernel.queries import Reads
from shopwire.modules.carts.domain import check_cart_id
from shopwire.modules.carts.store import read_cart


def routes(reads: Reads) -> list[Any]:
    """The module's HTTP handlers."""

    @get("/api/carts/{cart_id:str}", summary="A cart, with prices and stock of now")
    async def cart(cart_id: FromPath[str]) -> dict[str, Any]:
        return await read_cart(reads, DEFAULT_TENANT, check_cart_id(cart_id))

    return [cart]
