"""The other side of the browser: bad networks before the hubs, a writer, and the page's own door.

All of it runs in a thread with a loop of its own, beside Playwright's.
"""

import asyncio
import json
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx2
from tests.e2e.shop import Shop

from shopwire.adapters.postgres.server import attach
from shopwire.adapters.postgres.store import open_store
from shopwire.kernel.events import NewEvent
from shopwire.testing.checkers import Committed
from shopwire.testing.faults import Fault, FaultProxy

STATES = ["stock:CUP", "stock:JUG", "stock:POT", "product:cup", "product:jug"]
FACTS = ["payment:one", "payment:two", "shipment:one/1"]
TOPICS = [*STATES, *FACTS]
CHANGES_MIN = 30
"""So many that each topic, and each fact more than once, is among them."""
PAGE = """<!doctype html><title>Screen</title><main></main><script type="module">
import { createClient } from "/client.js";
const spell = (doc) => (doc === null ? "null" : JSON.stringify(doc, Object.keys(doc).sort()));
const shared = new URLSearchParams(location.search).has("shared");
const client = createClient({ url: location.origin, hubs: true, shared });
const shown = [], felt = [], last = new Map();
const main = document.querySelector("main");
const note = (topic, held) =>
  shown.push([Date.now(), topic, client.store.epoch, held.v, spell(held.doc)]);
client.store.onChange((topics) => {
  for (const topic of topics) {
    const held = client.store.received(topic);
    if (held === undefined || last.get(topic) === held) continue;
    last.set(topic, held);
    if (!FACTS.includes(topic)) note(topic, held);
  }
  main.textContent = [...last].map(([topic, held]) => `${topic} ${held.v}`).join(", ");
});
for (const topic of FACTS) client.onFact(topic, (fact) => note(topic, fact));
const feel = () => felt.push([Date.now(), client.status.get().status]);
client.status.subscribe(feel);
setInterval(feel, 100);
client.subscribe(TOPICS);
client.start();
window.screenOf = () => ({
  ...{ shown, felt, status: client.status.get().status, leads: client.leads },
  versions: Object.fromEntries([...last].map(([topic, held]) => [topic, held.v])),
});
</script>"""
PAGE = PAGE.replace("TOPICS", json.dumps(TOPICS)).replace("FACTS", json.dumps(FACTS))


class OtherSide:
    """What happens behind the browser's back."""

    def __init__(self, shop: Shop, hubs: int, client: Path, port: int, *, seed: int) -> None:
        self.shop, self.port = shop, port
        self.url = f"http://127.0.0.1:{port}"
        ports = [shop.port + 1 + number for number in range(hubs)]
        self.proxies = [FaultProxy(hub, seed=seed + n) for n, hub in enumerate(ports)]
        self.changes = 0
        self._client = client
        self._versions: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """From the browser's side: returns what came of it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(180)

    def begin(self, work: Coroutine[Any, Any, Any]) -> Any:
        """From the browser's side: returns at once; the answer has `result`."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _start(self) -> None:
        dsn = await attach(self.shop.data)
        assert dsn is not None
        self._dsn = dsn
        enter = self._stack.enter_async_context
        self._store = await enter(open_store(dsn))
        self._web = await enter(httpx2.AsyncClient(base_url=self.shop.url, timeout=120))
        for proxy in self.proxies:
            await proxy.start()
            self._stack.push_async_callback(proxy.stop)
        server = await asyncio.start_server(self._page, "127.0.0.1", self.port)
        self._stack.callback(server.close)

    async def _page(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].partition(b"?")[0]
        if path == b"/client.js":
            kind, body = "text/javascript", self._client.read_bytes()
        elif path == b"/api/hubs":
            hubs = [f"http://127.0.0.1:{proxy.port}/sync" for proxy in self.proxies]
            kind, body = "application/json", json.dumps({"hubs": hubs}).encode()
        else:
            kind, body = "text/html", PAGE.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def change(self) -> None:
        """One more change: now of one topic, now of several together, now by a real command."""
        self.changes += 1
        number = self.changes
        if number % 3 == 0:
            topic = STATES[number % 9 // 3]
            sku = topic.partition(":")[2]
            body = {"sku": sku, "supplier": "acme", "quantity": number % 97}
            headers = {"idempotency-key": f"change-{number}"}
            path = "/api/commands/inventory.report_stock"
            answer = await self._web.post(path, json=body, headers=headers)
            assert answer.is_success, answer.text
            return
        some = [FACTS[number // 2 % len(FACTS)], *["product:cup", "product:jug"][: number % 3]]
        events = []
        for topic in some:
            version = self._versions[topic] = self._versions.get(topic, 0) + 1
            body = json.dumps({"n": number, "text": "so long that a patch is shorter " * 3})
            events.append(
                NewEvent("main", topic, version, "t.e", body.encode(), b"null", f"c{number}")
            )
        storage = self._store.storage
        async with storage.transaction([0]) as transaction:
            await transaction.append(0, events)
        storage.committed([0])

    async def keep_changing(self, for_s: float, per_s: float) -> None:
        """A steady rate, whatever becomes of anybody; on a slow machine for longer."""
        until = self._loop.time() + for_s
        while self._loop.time() < until or self.changes < CHANGES_MIN:
            began = self._loop.time()
            await self.change()
            await asyncio.sleep(max(0.0, began + 1 / per_s - self._loop.time()))

    async def run(self, plans: list[list[Fault]]) -> None:
        """The faults of all networks, each by its own plan."""
        pairs = zip(self.proxies, plans, strict=True)
        await asyncio.gather(*(proxy.run(plan) for proxy, plan in pairs))

    async def committed(self) -> list[Committed]:
        """What the log has of the topics."""
        con = await asyncpg.connect(self._dsn)
        try:
            rows = await con.fetch(
                "SELECT topic, version, recorded_at_ms, document::text FROM events"
                " WHERE topic = ANY ($1::text[])",
                TOPICS,
            )
        finally:
            await con.close()
        return [
            Committed(topic=topic, version=version, at_ms=at_ms, digest=_spell(document))
            for topic, version, at_ms, document in rows
        ]


def _spell(document: str) -> str:
    return json.dumps(
        json.loads(document), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
