"""The HTTP application: every route on one port, every refusal in one shape."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from litestar import Litestar, Response, get
from litestar.config.compression import CompressionConfig
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import FromPath

from shopwire.kernel.errors import NotFound, ShopwireError, ShuttingDown, StorageUnavailable
from shopwire.kernel.write_path import WritePath
from shopwire.services.callers import Callers
from shopwire.services.command_door import CommandDoor, command_routes, quick_commands
from shopwire.services.express import COMPRESSED_BYTES_MIN, COMPRESSION_LEVEL, Express, QuickDoor
from shopwire.services.front import Front
from shopwire.services.hubs import Hubs
from shopwire.services.pacing import Pacing
from shopwire.services.pages import Pages
from shopwire.services.pictures import picture
from shopwire.services.problems import on_defect, on_http, on_known
from shopwire.services.pulse import Pulse
from shopwire.services.route_rights import RouteGuard
from shopwire.services.telemetry import Telemetry

QUERY_BODY_BYTES_MAX: Final = 65_536
"""Bodies of routes that expect none; imports and commands have limits of their own."""
PICTURE_KEPT: Final = "public, max-age=604800"
"""A picture's name decides what it shows, until the drawing of its kind changes."""


class AppParts(msgspec.Struct, kw_only=True):
    """What the application stands on."""

    write_path: WritePath
    pulse: Pulse
    telemetry: Telemetry
    pages: Pages
    routes: Sequence[Any]
    """Handlers of the modules and of imports."""
    quick: Sequence[QuickDoor] = ()
    """Doors of which some of these handlers are the slow way in."""
    callers: Callers
    """Who asks."""
    sync: Any
    """ASGI application of what is below `/sync`."""
    documents: Any = None
    """ASGI application of what is below `/topics`."""
    graphql: Any = None
    """ASGI application of `/graphql`."""
    hubs: Hubs | None = None
    """The hubs that pages are told of, where there are others than this process."""
    stopping: Callable[[], bool] = lambda: False
    hosts: frozenset[str] | None = None
    """Names that requests may be addressed to; None for any."""
    origins: Sequence[str] = ()
    """Other pages that may use the API, such as a storefront on a server of its own."""
    pacing: Pacing | None = None
    """Told of those who wait for a command's answer."""


def build_app(parts: AppParts, *, debug: bool = False) -> Front:
    """The ASGI application for the server."""
    commands = CommandDoor(parts.write_path, parts.callers.rights.standing, parts.pacing)
    guard = RouteGuard(parts.callers, frozenset(parts.origins))
    cors = CORSConfig(
        allow_origins=list(parts.origins),
        allow_headers=["content-type", "idempotency-key", "authorization"],
        allow_credentials=bool(parts.origins),
        expose_headers=["idempotency-replayed", "retry-after"],
    )
    api = Litestar(
        route_handlers=[
            *command_routes(commands),
            *_own_routes(parts),
            *parts.routes,
        ],
        guards=[guard],
        exception_handlers={
            ShopwireError: on_known,
            HTTPException: on_http,
            Exception: on_defect,
        },
        compression_config=CompressionConfig(
            backend="gzip", minimum_size=COMPRESSED_BYTES_MIN, gzip_compress_level=COMPRESSION_LEVEL
        ),
        openapi_config=OpenAPIConfig(
            title="Shopwire",
            version=parts.telemetry.version,
            description="Errors have one shape, see docs/protocol/codes.md.",
            path="/api/schema",
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
        ),
        request_max_body_size=QUERY_BODY_BYTES_MAX,
        cors_config=cors,
        logging_config=None,
        debug=debug,
    )
    return Front(
        api,
        parts.sync,
        parts.pages,
        parts.telemetry,
        documents=parts.documents,
        graphql=parts.graphql,
        hubs=parts.hubs,
        hosts=parts.hosts,
        express=Express([quick_commands(commands), *parts.quick], guard, cors),
    )


def _own_routes(parts: AppParts) -> list[Any]:
    """Health, metrics, status, pictures."""

    @get("/healthz", summary="The process is alive", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @get("/readyz", summary="Requests can be served", include_in_schema=False)
    async def readyz() -> dict[str, str]:
        if parts.stopping():
            raise ShuttingDown
        if not parts.telemetry.readings().database_up:
            raise StorageUnavailable(retry_ms=1_000)
        return {"status": "ready"}

    @get("/metrics", include_in_schema=False)
    async def metrics() -> Response[bytes]:
        return Response(
            parts.telemetry.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    @get("/api/status", summary="The pulse of the whole system, and the build")
    async def status() -> dict[str, Any]:
        pulse: dict[str, Any] = msgspec.to_builtins(parts.pulse.document)
        return pulse | {"build": {"version": parts.telemetry.version}}

    @get("/pictures/{name:str}", include_in_schema=False)
    async def pictures(name: FromPath[str]) -> Response[bytes]:
        if not name.endswith(".svg"):
            raise NotFound(what="picture", id=name)
        return Response(
            picture(name.removesuffix(".svg")).svg.encode(),
            media_type="image/svg+xml",
            headers={"cache-control": PICTURE_KEPT, "access-control-allow-origin": "*"},
        )

    return [healthz, readyz, metrics, status, pictures]
