"""Bench `bytes`: what a screen costs its network, by a shop's recorded day and by single ticks."""

import csv
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import msgspec

from shopwire.cli.bench.common import Databases, machine
from shopwire.cli.bench.svg import Chart
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.events import Position, Recorded
from shopwire.kernel.log import Document
from shopwire.sync.codes import CloseCode
from shopwire.sync.fanout import Fanout
from shopwire.sync.limits import Limits

TICK_BYTES_GOAL: Final = 64
TRACE_SHARE_GOAL: Final = 0.15
SHOWN: Final = 40
"""Products on the screen: those that are sold most."""
DAYS: Final = 4
"""Of the recorded shop."""
MADE_ORDERS: Final = 2_000
"""Orders of the trace that is made where no recorded one is there."""
HEADER_BYTES: Final = (2, 4, 10)
"""Of a WebSocket frame of up to 125 bytes, up to 65,535, and larger."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
Order = list[tuple[str, str, int, int]]
"""Article, title, units, price in minor units; the lines of one order."""


async def run(quick: bool, databases: Databases) -> dict[str, Any]:
    """`trace_share`: bytes of our messages over those of whole products, as gateways send them."""
    del databases  # nothing is stored: it is the messages that are looked at
    facts = machine()
    orders, source = _recorded() or (_made(), "made")
    if quick:
        orders = orders[:400]
    trace = _Shop(orders).play()
    tick = {"stock": _tick("stock"), "price": _tick("price")}
    return {
        "bench": "bytes",
        "quick": quick,
        "ours": {
            "tick_stock_bytes": tick["stock"],
            "tick_price_bytes": tick["price"],
            "trace_share": round(trace["ours"] / trace["whole"], 4),
            "trace_bytes_per_change": round(trace["ours"] / trace["changes"], 1),
            "trace_bytes": trace["ours"],
            "trace_changes": trace["changes"],
        },
        "baselines": {
            "whole_products_bytes": trace["whole"],
            "whole_documents_bytes": trace["documents"],
        },
        "ratios": {
            "whole_products": round(trace["ours"] / trace["whole"], 4),
            "whole_documents": round(trace["ours"] / trace["documents"], 4),
            "tick_goal": round(max(tick.values()) / TICK_BYTES_GOAL, 2),
        },
        "refused": 0,
        "lost": 0,
        "machine": {**facts, "trace": source, "orders": len(orders), "products_shown": SHOWN},
    }


def charts(result: dict[str, Any]) -> list[Chart]:
    """Bytes of the trace."""
    bars = {"ours": result["ours"]["trace_bytes"], **result["baselines"]}
    return [
        Chart(
            name="trace",
            title=f"Bytes to one screen of {SHOWN} products, a day's orders",
            unit="bytes",
            bars=[(name.replace("_", " "), float(size)) for name, size in bars.items()],
        )
    ]


class _Wire:
    """Counts what is sent, with the header that a WebSocket gives it."""

    def __init__(self) -> None:
        self.bytes = 0
        self.last = b""

    def send(self, kind: int, frame: bytes) -> None:
        """A message."""
        self.bytes += _framed(len(frame))
        self.last = frame

    def ping(self) -> None:
        """Nobody is silent here."""

    def progressed(self) -> bool:
        """Everything is read at once."""
        return True

    def close(self, code: CloseCode) -> None:
        """Nobody is cut here."""
        raise AssertionError(code)


class _Screen:
    """A hub without I/O, and one screen before it."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self._versions = dict.fromkeys(documents, 1)
        self._offset = 0
        self.fanout = Fanout("main", SystemClock(), Limits())
        self.fanout.begin(1, [0], 0)
        self.wire = _Wire()
        session = self.fanout.open(self.wire)
        session.on_message(b'{"t":"hello","proto":1,"short":true}')
        session.on_message(_encode({"t": "sub", "id": 1, "topics": list(documents)}))
        states = list(self.fanout.wanted)
        self.fanout.wanted.clear()
        held = [Document(name, 1, _encode(doc), _now()) for name, doc in documents.items()]
        self.fanout.loaded(states, held, [0])
        self.fanout.flush()
        self.wire.bytes = 0

    def change(self, changes: dict[str, Any]) -> None:
        """One command."""
        events = []
        for topic, document in changes.items():
            self._versions[topic] += 1
            position = Position(1, 0, self._offset)
            self._offset += 1
            version, body, at_ms = self._versions[topic], _encode(document), _now()
            events.append(
                Recorded(position, "main", topic, version, "b", body, b"null", "c", at_ms)
            )
        self.fanout.apply(0, events)
        self.fanout.flush()


class _Shop:
    """Products, their stock and prices, as the orders of a day change them."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._orders = orders
        sold = Counter(code for order in orders for code, *_ in order)
        titles = {code: title for order in orders for code, title, *_ in order}
        prices = {code: price for order in reversed(orders) for code, _, _, price in order}
        self._shown = [code for code, _ in sold.most_common(SHOWN)]
        self._documents: dict[str, Any] = {}
        for code in self._shown:
            self._documents[f"product:{code}"] = _product(code, titles[code])
            self._documents[f"stock:{code}"] = _stock(code, 500)
            self._documents[f"price:{code}"] = _price(code, prices[code])

    def play(self) -> dict[str, int]:
        """Bytes of ours, of the documents that changed, and of the products that they belong to."""
        screen = _Screen(self._documents)
        whole = documents = made = 0
        for order in self._orders:
            changes = self._effect(order)
            if not changes:
                continue
            screen.change(changes)
            made += len(changes)
            self._documents |= changes
            documents += sum(_framed(len(_snap(topic, doc))) for topic, doc in changes.items())
            for code in {topic.partition(":")[2] for topic in changes}:
                parts = {kind: self._documents[f"{kind}:{code}"] for kind in _KINDS}
                whole += _framed(len(_encode(parts)))
        return {"ours": screen.wire.bytes, "documents": documents, "whole": whole, "changes": made}

    def _effect(self, order: Order) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for code, _, units, price in order:
            if code not in self._shown:
                continue
            stock = changes.get(f"stock:{code}", self._documents[f"stock:{code}"])
            left = stock["available"] - units
            changes[f"stock:{code}"] = _stock(code, left if left >= 0 else 500)
            if price != self._documents[f"price:{code}"]["amount_minor"]:
                changes[f"price:{code}"] = _price(code, price)
        return changes


_KINDS: Final = ("product", "stock", "price")


def _product(code: str, title: str) -> dict[str, Any]:
    text = f"{title.capitalize()}. Made to be used every day and given with pleasure. "
    return {
        "id": code,
        "title": title,
        "description": text * 6,
        "brand": "Northwind",
        "status": "active",
        "categories": ["home", "gifts"],
        "tags": ["new", "gift", "kitchen"],
        "options": [{"name": "Title", "values": ["Default"]}],
        "variants": [{"sku": code, "title": "Default", "gtin": "", "options": ["Default"]}],
        "images": [{"url": f"/media/{code}-{n}.webp", "alt": title} for n in range(3)],
    }


def _stock(code: str, available: int) -> dict[str, Any]:
    status = "in_stock" if available > 5 else "low" if available else "sold_out"
    return {"sku": code, "available": available, "status": status, "backorder": 0}


def _price(code: str, minor: int) -> dict[str, Any]:
    return {"sku": code, "amount_minor": minor, "currency": "EUR", "compare_at_minor": None}


def _snap(topic: str, document: Any) -> bytes:
    return _encode({"t": "snap", "topic": topic, "v": 100, "doc": document, "at": _now()})


def _tick(kind: str) -> int:
    """Bytes on the wire of one change of one field that everybody looks at."""
    topic, make = f"{kind}:85123A", _stock if kind == "stock" else _price
    screen = _Screen({topic: make("85123A", 1_999)})
    screen.change({topic: make("85123A", 1_899)})
    return screen.wire.bytes


def _framed(size: int) -> int:
    small, middle, large = HEADER_BYTES
    return size + (small if size < 126 else middle if size < 65_536 else large)


def _now() -> int:
    return SystemClock().now_ms()


def _recorded() -> tuple[list[Order], str] | None:
    """The real order lines, where they stand beside the checkout or are said to be."""
    here = Path(__file__).parents[5] / "shared" / "data"
    folder = Path(os.environ.get("SHOPWIRE_SHARED_DATA", here)) / "uci-online-retail"
    files = sorted(folder.glob("*.csv"))
    if not files:
        return None
    orders: list[Order] = []
    for file in files[:DAYS]:
        with file.open(encoding="utf-8", newline="") as opened:
            orders += _orders(csv.DictReader(opened))
    return orders, f"{folder.name}, {DAYS} days"


def _orders(rows: Iterator[dict[str, str]] | Any) -> Iterator[Order]:
    for _, lines in groupby(rows, key=lambda row: row["InvoiceNo"]):
        order: Order = []
        for row in lines:
            units, price = int(row["Quantity"]), int(Decimal(row["UnitPrice"]) * 100)
            if units > 0 and price > 0 and row["StockCode"][:5].isdigit():
                order.append((row["StockCode"], row["Description"], units, price))
        if order:
            yield order


def _made() -> list[Order]:
    """By rank as sales are; the same in every run."""
    chance = random.Random(1)  # noqa: S311 - a workload, no secret
    ranks = range(500)
    weights = [1 / (rank + 1) for rank in ranks]
    return [
        [
            (f"{rank:05d}A", f"ARTICLE NUMBER {rank}", chance.randint(1, 6), 499 + rank)
            for rank in set(chance.choices(ranks, weights, k=chance.randint(1, 20)))
        ]
        for _ in range(MADE_ORDERS)
    ]
