"""GraphQL: the documents, lists, commands and messages of the other doors, for who speaks it.

Queries and commands over `POST /graphql`, subscriptions over WebSocket (graphql-transport-ws).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_args

import msgspec
import strawberry
import structlog
from graphql import GraphQLError
from starlette.requests import Request
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.extensions import (
    DisableIntrospection,
    MaxTokensLimiter,
    SchemaExtension,
)
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import Info
from typing_extensions import override

from shopwire.kernel.errors import (
    InternalError,
    InvalidField,
    ShopwireError,
    TooManyTopics,
)
from shopwire.kernel.identity import Caller
from shopwire.kernel.ids import DEFAULT_TENANT, new_id
from shopwire.kernel.log import EventLog
from shopwire.kernel.queries import Reads
from shopwire.modules.catalog.events import ProductDocument
from shopwire.modules.catalog.store import Sort, list_products
from shopwire.modules.inventory.events import StockDocument
from shopwire.modules.orders.events import OrderDocument
from shopwire.modules.orders.store import list_orders
from shopwire.modules.pricing.events import PriceDocument
from shopwire.services.callers import Callers
from shopwire.services.graphql_limits import QueryLimits
from shopwire.services.graphql_types import BIG_INT, BigInt, filled, type_of
from shopwire.sync.arrivals import address_of_scope, arrival_of_scope
from shopwire.sync.commands import Take
from shopwire.sync.hub import Hub
from shopwire.sync.protocol import PROTOCOL, Hello, Sub
from shopwire.sync.transports.queued import QueuedWire
from shopwire.sync.transports.refusals import refuse

TOKENS_MAX: Final = 1_000
"""Words of one operation."""
TOPICS_MAX: Final = 200
"""Documents of one query; a subscription takes as many as a connection may."""
SUBSCRIPTIONS_MAX: Final = 20
"""Subscriptions of one connection."""

SORTS: Final = get_args(Sort)
_CALLER: Final = "shopwire.caller"
"""Where a request's scope has who asks."""

_log: Final = structlog.get_logger()


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the door stands on."""

    hub: Hub
    log: EventLog
    reads: Reads
    callers: Callers
    take: Take


class Context(msgspec.Struct, kw_only=True):
    """Of one request, or one connection."""

    parts: Parts
    caller: Caller
    address: str = ""
    """Whose connections are counted together."""
    connection_params: Any = None


_Info = Info[Context, None]
if TYPE_CHECKING:
    _Stock: TypeAlias = Any
    _Price: TypeAlias = Any
    _Product: TypeAlias = Any
    _Order: TypeAlias = Any
else:
    _Stock, _Price = type_of(StockDocument), type_of(PriceDocument)
    _Product, _Order = type_of(ProductDocument), type_of(OrderDocument)


@strawberry.type(description="A topic's document at a version.")
class Document:
    """See docs/protocol/graphql.md."""

    topic: str
    epoch: BigInt
    v: BigInt
    doc: JSON | None


@strawberry.type(description="A product with prices and stock of now.")
class ProductItem:
    """One entry of a list."""

    v: BigInt
    doc: _Product
    prices: list[_Price]
    stocks: list[_Stock]


@strawberry.type(description="One page; `next` asks for the following one.")
class ProductPage:
    """A list of products."""

    items: list[ProductItem]
    next: str | None
    total: int


@strawberry.type(description="An order at a version.")
class OrderItem:
    """One entry of a list."""

    v: BigInt
    doc: _Order


@strawberry.type(description="One page; `next` asks for the following one.")
class OrderPage:
    """A list of orders."""

    items: list[OrderItem]
    next: str | None


@strawberry.type(description="What a command came to; a refusal is an error with its code.")
class CommandAnswer:
    """As the other doors answer it."""

    versions: JSON
    result: JSON | None
    replayed: bool


@strawberry.type
class Query:
    """What can be read."""

    @strawberry.field(description="Documents of topics, in their order; null for what is not.")
    async def documents(self, info: _Info, topics: list[str]) -> list[Document | None]:
        """Raises TopicRefused, TooManyTopics."""
        return await _documents(info.context, topics)

    @strawberry.field(description="The stock of a SKU.")
    async def stock(self, info: _Info, sku: str) -> _Stock | None:
        """The document of `stock:<sku>`."""
        return await _typed(info.context, f"stock:{sku}", StockDocument)

    @strawberry.field(description="The price of a SKU.")
    async def price(self, info: _Info, sku: str) -> _Price | None:
        """The document of `price:<sku>`."""
        return await _typed(info.context, f"price:{sku}", PriceDocument)

    @strawberry.field(description="One product.")
    async def product(self, info: _Info, id: str) -> _Product | None:  # noqa: A002 - its name
        """The document of `product:<id>`."""
        return await _typed(info.context, f"product:{id}", ProductDocument)

    @strawberry.field(description="One order.")
    async def order(self, info: _Info, id: str) -> _Order | None:  # noqa: A002 - its name
        """The document of `order:<id>`."""
        return await _typed(info.context, f"order:{id}", OrderDocument)

    @strawberry.field(description="Products, by search, category and order.")
    async def products(
        self,
        info: _Info,
        q: str = "",
        category: str = "",
        sort: str = "relevance",
        limit: int = 24,
        cursor: str | None = None,
    ) -> ProductPage:
        """The list of `GET /api/products`."""
        if sort not in SORTS:
            reason = f"one of {', '.join(SORTS)}"
            raise InvalidField(f"sort takes {reason}.", field="sort", reason=reason, value=sort)
        page = await list_products(
            info.context.parts.reads,
            DEFAULT_TENANT,
            q=q,
            category=category,
            sort=sort,  # type: ignore[arg-type] # checked
            limit=limit,
            cursor=cursor,
        )
        return ProductPage(
            items=[
                ProductItem(
                    v=item.v,
                    doc=filled(ProductDocument, _json(item.doc)),
                    prices=[filled(PriceDocument, _json(one.doc)) for one in item.prices],
                    stocks=[filled(StockDocument, _json(one.doc)) for one in item.stocks],
                )
                for item in page.items
            ],
            next=page.next,
            total=page.total,
        )

    @strawberry.field(description="Orders, newest first; for operators.")
    async def orders(
        self, info: _Info, status: str = "", limit: int = 50, cursor: str | None = None
    ) -> OrderPage:
        """The list of `GET /api/orders`."""
        context = info.context
        context.parts.hub.rights.check(context.caller, "ops:orders")
        page = await list_orders(
            context.parts.reads,
            DEFAULT_TENANT,
            status=status,
            limit=limit,
            cursor=cursor,
        )
        items = [
            OrderItem(v=one.v, doc=filled(OrderDocument, _json(one.doc))) for one in page.items
        ]
        return OrderPage(items=items, next=page.next)


@strawberry.type
class Mutation:
    """What can be changed."""

    @strawberry.mutation(description="Sends a command, as POST /api/commands/{operation} does.")
    async def command(self, info: _Info, operation: str, key: str, body: JSON) -> CommandAnswer:
        """The same key with the same body has the same answer, at whatever door."""
        context = info.context
        sent = msgspec.json.encode(body)
        outcome = await context.parts.take(context.caller, operation, key, sent)
        said = msgspec.json.decode(outcome.body)
        if not outcome.ok:
            raise _error(said, outcome.status)
        return CommandAnswer(
            versions=said["versions"], result=said.get("result"), replayed=outcome.replayed
        )


@strawberry.type
class Subscription:
    """What is told as it happens."""

    @strawberry.subscription(description="The messages of docs/protocol/sync-v1.md, one by one.")
    async def topics(
        self,
        info: _Info,
        names: list[str],
        have: JSON | None = None,
        epoch: BigInt | None = None,
    ) -> AsyncGenerator[JSON, None]:
        """welcome, items, live, beats; `have` and `epoch` as in `sub`."""
        async for message in _messages(info.context, names, have, epoch):
            yield message


async def _messages(
    context: Context, names: list[str], have: Any, epoch: int | None
) -> AsyncGenerator[Any, None]:
    hub = context.parts.hub
    try:
        known = msgspec.convert(have or {}, dict[str, int])
        hub.admit(context.caller, context.address)
    except msgspec.ValidationError as problem:
        refusal = InvalidField(field="have", reason=str(problem))
        raise _error(msgspec.to_builtins(refusal.body()), refusal.status) from None
    except ShopwireError as refusal:
        raise _error(msgspec.to_builtins(refusal.body()), refusal.status) from None
    wire = QueuedWire(hub.limits)
    session = hub.open(wire, context.caller, context.address)
    wire.session = session
    # One frame at a time: a client that does not read makes the session hold back.
    frames: asyncio.Queue[bytes] = asyncio.Queue(1)
    pump = asyncio.create_task(wire.pump(frames.put))
    get: asyncio.Task[bytes] | None = None
    try:
        session.standing = Sub(1, names)
        session.hello(Hello(PROTOCOL, epoch))
        if epoch is None or epoch == hub.fanout.epoch:
            session.sub(Sub(1, names, known, epoch))
        while True:
            get = asyncio.create_task(frames.get())
            await asyncio.wait((get, pump), return_when=asyncio.FIRST_COMPLETED)
            if get.done():
                yield msgspec.json.decode(get.result())
                continue
            get.cancel()
            while not frames.empty():
                yield msgspec.json.decode(frames.get_nowait())
            code = pump.result()
            yield {"t": "close", "code": int(code), "reason": code.reason}
            return
    finally:
        session.on_closed()
        left = [task for task in (pump, get) if task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _documents(context: Context, topics: list[str]) -> list[Document | None]:
    """As the caller may see them; topics that the hub holds are answered from there."""
    hub = context.parts.hub
    if len(topics) > TOPICS_MAX:
        raise TooManyTopics(topics_max=TOPICS_MAX)
    views = {topic: hub.rights.check(context.caller, topic) for topic in topics}
    found: dict[str, Document] = {}
    for topic in views:
        state = hub.fanout.topics.get(topic)
        if state is not None and state.loaded and state.version:
            found[topic] = _document(context, topic, state.version, state.document)
    missing = [topic for topic in views if topic not in found]
    if missing:
        for one in await context.parts.log.documents(DEFAULT_TENANT, missing):
            found[one.topic] = _document(context, one.topic, one.version, one.body)
    return [found.get(topic) for topic in topics]


def _document(context: Context, topic: str, version: int, body: bytes) -> Document:
    hub = context.parts.hub
    seen = hub.rights.check(context.caller, topic).project(body)
    doc = msgspec.json.decode(seen)
    return Document(topic=topic, epoch=hub.fanout.epoch, v=version, doc=doc)


async def _typed(context: Context, topic: str, struct: type[msgspec.Struct]) -> Any:
    (found,) = await _documents(context, [topic])
    return None if found is None or found.doc is None else filled(struct, found.doc)


def _json(raw: Any) -> Any:
    return msgspec.json.decode(raw) if isinstance(raw, msgspec.Raw | bytes) else raw


class _Numbered(SchemaExtension):
    """Every error has its number, whoever raised it; a defect has an incident and no words."""

    @override
    def on_operation(self) -> Iterator[None]:
        yield
        result = self.execution_context.result
        errors = getattr(result, "errors", None)
        if errors:
            result.errors = [_shown(error) for error in errors]  # type: ignore[union-attr]


def _shown(error: GraphQLError) -> GraphQLError:
    cause = error.original_error
    if cause is None or (error.extensions and "code" in error.extensions):
        return error
    if isinstance(cause, ShopwireError):
        said = _error(msgspec.to_builtins(cause.body()), cause.status)
    elif isinstance(cause, GraphQLError):
        return cause
    else:
        incident = new_id()
        _log.error("graphql.defect", incident=incident, exc_info=cause)
        problem = InternalError(incident=incident)
        said = _error(msgspec.to_builtins(problem.body()), problem.status)
    return GraphQLError(
        said.message, nodes=error.nodes, path=error.path, extensions=said.extensions
    )


def _error(body: dict[str, Any], status: int) -> GraphQLError:
    return GraphQLError(body["message"], extensions={**body, "status": status})


class _Schema(strawberry.Schema):
    @override
    def process_errors(self, errors: Any, execution_context: Any = None) -> None:
        """A refusal is an answer, not an incident; defects are logged where they are shown."""


class GraphqlDoor(GraphQL[Context, None]):
    """ASGI application for `/graphql`."""

    def __init__(
        self, parts: Parts, *, origins: tuple[str, ...] = (), introspection: bool = False
    ) -> None:
        limits: list[Callable[[], SchemaExtension]] = [
            QueryLimits,
            lambda: MaxTokensLimiter(max_token_count=TOKENS_MAX),
            _Numbered,
        ]
        if not introspection:
            limits.append(DisableIntrospection)
        schema = _Schema(
            Query,
            Mutation,
            Subscription,
            extensions=limits,
            config=StrawberryConfig(auto_camel_case=False, scalar_map=BIG_INT),
        )
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            max_subscriptions_per_connection=SUBSCRIPTIONS_MAX,
            allowed_origins=origins,
        )
        self._parts = parts

    @override
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """A cookie counts for nothing here, so that no page can act in a browser's name."""
        arrival = msgspec.structs.replace(arrival_of_scope(scope), cookie="")
        try:
            scope[_CALLER] = await self._parts.callers.of(arrival)
        except ShopwireError as problem:
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008, "reason": problem.message})
            else:
                await refuse(send, problem)
            return
        await super().__call__(scope, receive, send)

    @override
    async def get_context(self, request: Request | WebSocket, response: Any) -> Context:
        return Context(
            parts=self._parts,
            caller=request.scope[_CALLER],
            address=address_of_scope(request.scope),
        )

    @override
    async def on_ws_connect(self, context: Context) -> Any:
        """`connection_init` may carry a token; one that is no good ends the connection."""
        payload = context.connection_params
        token = payload.get("token") if isinstance(payload, dict) else None
        if isinstance(token, str):
            try:
                context.caller = await self._parts.callers.by_token(token)
            except ShopwireError as problem:
                said = msgspec.to_builtins(problem.body())
                raise ConnectionRejectionError(said) from None
        return {"role": context.caller.role}
