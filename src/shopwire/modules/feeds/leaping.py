"""Passing over stretches of a table's text that are known, and writing down those that are not."""

import hashlib
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

import msgspec

from shopwire.modules.feeds.blocks import Block, Blocks, Bunch, Fresh
from shopwire.modules.feeds.limits import BLOCK_ROWS_MAX, LEAP_ROWS_MAX
from shopwire.modules.feeds.reading import Bare, DelimitedReader, Item

PARSING_VERSION: Final = 1
"""Counted up with each change after which some text is parsed into other rows: old blocks end."""
_json: Final = msgspec.json.Encoder(order="deterministic").encode


class Leapt(msgspec.Struct):
    """One block, or several behind each other, at their place in a feed."""

    block: int
    """The first one."""
    blocks: int
    """How many they are."""
    at: int
    line: int
    ids: list[str]
    skus: list[str]
    keys: list[int]
    """Hashes of its ids."""
    named: list[int]
    """Hashes of its SKUs."""
    kinds: bytes
    """By product, of what its mark says; 0 where nobody said it last."""
    rows: "array[int]"
    chars: "array[int]"
    """By product."""
    products: list[str] = []
    text: bytes = b""


class Leaps:
    """Knows where a block begins, takes the reader over it, and back where it has to be read."""

    def __init__(self, reader: DelimitedReader, blocks: Blocks, fresh: Fresh | None) -> None:
        self._reader, self._text, self._blocks = reader, reader.text, blocks
        self._fresh = fresh
        self.leapt: Leapt | None = None
        """What was passed last; the row behind it may yet belong to it."""
        self._singly = 0
        """Up to here blocks are passed over one by one: together they could not be."""
        self._barred = 0
        """Up to here no block is passed over: it was, and is read again."""
        self._start = self._end = -1
        self._bunches: list[Bunch] = []
        self._skus: list[str] = []

    def know(self, kinds_of: Callable[["array[int]"], bytes]) -> None:
        """Looks up what the marks of all blocks say."""
        self._blocks.know(kinds_of)

    @property
    def notes(self) -> bool:
        """Whether anything is written down."""
        return self._fresh is not None

    def rows_of(self, text: bytes, line: int) -> Iterator[Bare]:
        """The rows of a passed block."""
        return self._reader.rows_of(text, line)

    def place(self, item: Item) -> int:
        """Where the row begins; -1 for one of the sample, which is read ahead each time."""
        return item.at if item.end == self._text.at else -1

    def at_row(self, item: Item) -> Leapt | None:
        """The blocks that begin with the row that was read last."""
        if self.place(item) < self._barred:
            return None
        block = self._blocks.find(self._text, item.at)
        return self._as_far_as_known(block, item.at, item.line) if block >= 0 else None

    def behind(self, leapt: Leapt) -> Leapt | None:
        """The blocks that stood behind others, as far as they do so again."""
        block, line = leapt.block + leapt.blocks, self._text.number + 1
        return self._as_far_as_known(block, self._text.at, line)

    def _as_far_as_known(self, block: int, at: int, line: int) -> Leapt | None:
        rows_max = LEAP_ROWS_MAX if at >= self._singly else 0
        many = self._blocks.many_at(block, self._text, at, rows_max)
        return self._there(block, many, at, line) if many else None

    def first_of(self, leapt: Leapt) -> Leapt:
        """The first of several blocks that cannot be passed over together; one by one from here."""
        self._singly = leapt.at + self._blocks.size(leapt.block, leapt.blocks)
        return self._there(leapt.block, 1, leapt.at, leapt.line)

    def _there(self, block: int, many: int, at: int, line: int) -> Leapt:
        ids, skus = self._blocks.told(block, many)
        rows, chars = self._blocks.bunches(block, many)
        kinds = self._blocks.kinds_in(block, many)
        keys, named = list(map(hash, ids)), list(map(hash, skus))
        return Leapt(block, many, at, line, ids, skus, keys, named, kinds, rows, chars)

    def pass_over(self, leapt: Leapt) -> None:
        """Goes on behind blocks."""
        self._ended()
        self.leapt = leapt
        self._text.keep = leapt.at
        size = self._blocks.size(leapt.block, leapt.blocks)
        leapt.text = self._text.peek(leapt.at, size) or b""
        lines = self._blocks.lines(leapt.block, leapt.blocks)
        self._text.go(leapt.at + size, leapt.line + lines - 1)

    def settled(self) -> Leapt:
        """What was passed last, which is done with."""
        leapt, self.leapt = self.leapt, None
        assert leapt is not None
        self._blocks.see(leapt.block, leapt.blocks)
        return leapt

    def back(self) -> Leapt | None:
        """Reads the last block after all, row by row; those before it, which are done with."""
        leapt, self.leapt = self.leapt, None
        assert leapt is not None
        fewer = leapt.blocks - 1
        at = leapt.at + self._blocks.size(leapt.block, fewer)
        line = leapt.line + self._blocks.lines(leapt.block, fewer)
        self._barred = at + self._blocks.sizes[leapt.block + fewer]
        self._text.go(at, line - 1)
        if not fewer:
            return None
        before = self._there(leapt.block, fewer, leapt.at, leapt.line)
        before.text, before.products = leapt.text, leapt.products[: len(before.ids)]
        self._blocks.see(leapt.block, fewer)
        return before

    def texts(self, leapt: Leapt, places: Collection[int]) -> Iterator[tuple[bytes, int]]:
        """Those of its blocks, and their lines, that have rows of products at some places."""
        at, line, place = 0, leapt.line, 0
        for block in range(leapt.block, leapt.block + leapt.blocks):
            size, after = self._blocks.sizes[block], place + self._blocks.bunches_in(block)
            if any(place <= one < after for one in places):
                yield leapt.text[at : at + size], line
            at, line, place = at + size, line + self._blocks.lines(block), after

    def keep(self, at: int) -> None:
        """Keeps the text from a row on that begins a product, or of what is written down of it."""
        if self._bunches and at != self._end:
            self._ended()
        self._text.keep = self._start if self._bunches else at

    def note(self, at: int, end: int, bunch: Bunch, skus: Sequence[str]) -> None:
        """Writes down what a stretch of text is."""
        if self._bunches and (at != self._end or len(self._skus) + bunch.rows > BLOCK_ROWS_MAX):
            self._ended()
        if "\n" in bunch.id or any("\n" in sku for sku in skus):
            return
        if not self._bunches:
            self._start = at
        self._end = end
        self._bunches.append(bunch)
        self._skus += skus

    def _ended(self) -> None:
        """Ends the stretch that is written down."""
        if self._bunches and self._fresh is not None:
            text = self._text.peek(self._start, self._end - self._start)
            if text is not None and text.endswith(b"\n"):
                self._fresh.add(Block(text, text.count(b"\n"), self._bunches, self._skus))
        self._bunches, self._skus = [], []

    def end(self) -> None:
        """Ends the walk."""
        self._ended()
        if self._fresh is not None:
            self._fresh.end()


def reading_of(
    key: bytes, encoding: str, delimiter: str, loose: bool, columns: Sequence[str]
) -> str:
    """All that says which rows a text is, in short."""
    read_by = (PARSING_VERSION, key.hex(), encoding, delimiter, loose, columns)
    return hashlib.blake2b(_json(read_by), digest_size=16).hexdigest()
