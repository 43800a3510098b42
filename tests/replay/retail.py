"""The order lines of a real shop: which of them are orders, and baskets to buy them by."""

import csv
import re
from collections import Counter
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

BASKET_LINES_MAX = 100
"""Articles of one order; a longer invoice becomes several."""
_CODE = re.compile(r"[0-9]{5}[A-Za-z]{0,2}")


class Line(NamedTuple):
    """Somebody bought so many of an article."""

    invoice: str
    code: str
    title: str
    quantity: int
    price_minor: int
    at: datetime


class Bad(NamedTuple):
    """A line that is no order, and why."""

    file: str
    number: int
    reason: str
    raw: dict


def read(files: list[Path]) -> tuple[list[Line], list[Bad], int]:
    """Lines, what is quarantined, and how many were read."""
    lines, bad, count = [], [], 0
    for file in files:
        with file.open(encoding="utf-8", newline="") as opened:
            for number, row in enumerate(csv.DictReader(opened), 2):
                count += 1
                found = _line(row)
                if isinstance(found, Line):
                    lines.append(found)
                else:
                    bad.append(Bad(file.name, number, found, row))
    return lines, bad, count


def _line(row):
    """The line, or the word for why it is none."""
    if row["InvoiceNo"].startswith("C"):
        return "cancellation"
    if not _CODE.fullmatch(row["StockCode"]):
        return "no article"
    try:
        quantity, price = int(row["Quantity"]), Decimal(row["UnitPrice"]) * 100
        at = datetime.fromisoformat(row["InvoiceDate"])
    except (ValueError, InvalidOperation):
        return "unreadable"
    if quantity <= 0:
        return "no quantity"
    if price <= 0 or price != price.to_integral_value():
        return "no price"
    title = row["Description"].strip() or row["StockCode"]
    return Line(row["InvoiceNo"], row["StockCode"], title, quantity, int(price), at)


class Basket(NamedTuple):
    """What one shopper wants at once."""

    name: str
    at: datetime
    lines: list[Line]


def baskets(lines: list[Line]) -> list[Basket]:
    """One an invoice, or several where it is long, in the order of their times."""
    found = []
    by_invoice = sorted(lines, key=lambda line: line.invoice)
    for invoice, own in groupby(by_invoice, key=lambda line: line.invoice):
        held = list(own)
        for part, start in enumerate(range(0, len(held), BASKET_LINES_MAX), 1):
            some = held[start : start + BASKET_LINES_MAX]
            found.append(Basket(f"{invoice}-{part}", some[0].at, some))
    return sorted(found, key=lambda basket: (basket.at, basket.name))


def demand(lines: list[Line]) -> Counter[str]:
    """Units that are wanted of each article."""
    wanted: Counter[str] = Counter()
    for line in lines:
        wanted[line.code] += line.quantity
    return wanted


class Tally:
    """What became of every line and unit."""

    def __init__(self) -> None:
        self.sold: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.sold_lines = self.refused_lines = 0
        self.orders: dict[str, int] = {}
        """Order to its sum."""
        self.tries = 0

    def sell(self, lines):
        """These were bought, perhaps with fewer units than were wanted."""
        self.sold_lines += len(lines)
        for line in lines:
            self.sold[line.code] += line.quantity

    def refuse(self, line, units, *, whole):
        """So many units of a line were short; the whole line, if nothing of it is left."""
        self.refused_lines += whole
        self.refused[line.code] += units
