"""Stretches of a feed's text that came before: which rows they are is known without parsing them.

A block says: *this text, read this way, is rows of these products with these SKUs, which are known
by these marks*. That never becomes wrong. Whether the marks are what the supplier said last is
asked of the marks themselves each time, see `quick`.
"""

import hashlib
import sys
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

import msgspec

from shopwire.modules.feeds.limits import BLOCKS_MAX, BLOCKS_PIECE_MAX, CHUNK_CHARS_MAX
from shopwire.modules.feeds.lines import Lines

DIGEST_BYTES: Final = 16
"""Of a block's text: two texts share one by chance once in 10^38."""
HEAD_BYTES: Final = 64
"""How much of a block's start tells where to look for it."""
_LEVEL: Final = 1
"""How hard to pack: digests do not shrink, names do at any level."""


class Bunch(msgspec.Struct, frozen=True, array_like=True):
    """Rows of one product in a block."""

    id: str
    mark: int
    rows: int
    chars: int


class Block(msgspec.Struct, frozen=True):
    """A stretch of text as it is written down: whole rows of whole products."""

    text: bytes
    lines: int
    bunches: list[Bunch]
    skus: list[str]
    """One a row, in their order."""


class _Piece(msgspec.Struct, frozen=True, array_like=True):
    """Blocks as they are kept: numbers of all of them side by side."""

    digests: bytes
    heads: bytes
    sizes: bytes
    lines: bytes
    bunches: bytes
    """How many a block has."""
    marks: bytes
    rows: bytes
    chars: bytes
    names: list[str]
    """By block: ids and SKUs, a line each."""


_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(_Piece).decode


class Blocks:
    """The blocks that are known of feeds of one supplier that are read one way."""

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        """Args: pieces as `packed` gave them."""
        self.digests = b""
        self.sizes, self._heads, self._lines = array("I"), array("I"), array("I")
        self._bunches, self._rows, self._chars = array("H"), array("H"), array("I")
        self._marks = array("q")
        self.kinds = b""
        """By bunch, the kind of what its mark says; 0 where nobody said it last."""
        # Of a million rows a string a block, and a dictionary of them, would take 40 MB.
        self._names, self._named = bytearray(), array("Q", (0,))
        digests: list[bytes] = []
        for packed_piece in pieces:
            piece = _unpack(zlib.decompress(packed_piece))
            digests.append(piece.digests)
            for names in piece.names:
                self._names += names.encode() + b"\n"
                self._named.append(len(self._names))
            for numbers, came in self._numbers(piece):
                numbers.extend(_read(numbers.typecode, came))
        self.digests = b"".join(digests)
        self._at = array("I", accumulate(self._bunches, initial=0))
        ends = zip(self._at, self._at[1:], strict=False)
        self._rows_in = array("I", [sum(self._rows[start:end]) for start, end in ends])
        heads = self._heads
        self._by_head = array("I", sorted(range(len(heads)), key=heads.__getitem__))
        self._heads_sorted = array("I", map(heads.__getitem__, self._by_head))
        self._mask = bytearray(len(heads))
        """Which of them came in this feed."""

    def _numbers(self, piece: _Piece) -> tuple[tuple["array[int]", bytes], ...]:
        return (
            (self.sizes, piece.sizes),
            (self._heads, piece.heads),
            (self._lines, piece.lines),
            (self._bunches, piece.bunches),
            (self._marks, piece.marks),
            (self._rows, piece.rows),
            (self._chars, piece.chars),
        )

    def __len__(self) -> int:
        return len(self._heads)

    @property
    def seen(self) -> int:
        """How many of them came in this feed."""
        return sum(self._mask)

    def see(self, block: int, many: int) -> None:
        """Notes that so many blocks from one on came."""
        self._mask[block : block + many] = b"\1" * many

    def know(self, kinds_of: Callable[["array[int]"], bytes]) -> None:
        """Looks up the kinds of all marks at once."""
        self.kinds = kinds_of(self._marks)

    def find(self, text: Lines, at: int) -> int:
        """The block that seems to begin at a place; -1 where there is none."""
        start = text.peek(at, HEAD_BYTES)
        if start is None:
            return -1
        head = zlib.crc32(start)
        place = bisect_right(self._heads_sorted, head) - 1
        if place < 0 or self._heads_sorted[place] != head:
            return -1
        return self._by_head[place]

    def is_at(self, block: int, text: Lines, at: int) -> bool:
        """Whether a block stands at a place, byte for byte."""
        came = text.peek(at, self.sizes[block])
        if came is None:
            return False
        place = block * DIGEST_BYTES
        return _digest(came) == self.digests[place : place + DIGEST_BYTES]

    def many_at(self, block: int, text: Lines, at: int, rows_max: int) -> int:
        """How many blocks from one on stand at a place, one behind the other.

        More than one only where all of their marks were said last, and they have no more than so
        many rows and CHUNK_CHARS_MAX bytes in all.
        """
        many = rows = size = 0
        while (one := block + many) < len(self._heads):
            rows += self._rows_in[one]
            before, size = size, size + self.sizes[one]
            fits = rows <= rows_max and size <= CHUNK_CHARS_MAX
            fits = fits and 0 not in self.kinds_in(one, 1)
            if (many and not fits) or not self.is_at(one, text, at + before):
                break
            many += 1
        return many

    def lines(self, block: int, many: int = 1) -> int:
        """How many lines the text of so many blocks has."""
        return sum(self._lines[block : block + many])

    def size(self, block: int, many: int) -> int:
        """How many bytes their text has."""
        return sum(self.sizes[block : block + many])

    def told(self, block: int, many: int = 1) -> tuple[list[str], list[str]]:
        """The ids of their products, and their SKUs."""
        names = self._names_of(block, many).split("\n")
        ids: list[str] = []
        skus: list[str] = []
        at = 0
        for one in range(block, block + many):
            between = at + self._bunches[one]
            end = between + self._rows_in[one]
            ids += names[at:between]
            skus += names[between:end]
            at = end
        return ids, skus

    def kinds_in(self, block: int, many: int) -> bytes:
        """The kinds of their products, in their order."""
        return self.kinds[self._at[block] : self._at[block + many]]

    def bunches(self, block: int, many: int = 1) -> tuple["array[int]", "array[int]"]:
        """Numbers of rows and of letters of their products, in their order."""
        start, end = self._at[block], self._at[block + many]
        return self._rows[start:end], self._chars[start:end]

    def bunches_in(self, block: int) -> int:
        """How many products a block has rows of."""
        return self._bunches[block]

    def _names_of(self, block: int, many: int = 1) -> str:
        return self._names[self._named[block] : self._named[block + many] - 1].decode()

    def seen_pieces(self) -> Iterator[bytes]:
        """Those that came in this feed as pieces to be kept, packed as they are asked for."""
        seen = [block for block, came in enumerate(self._mask) if came]
        for start in range(0, len(seen), BLOCKS_PIECE_MAX):
            yield self._repacked(seen[start : start + BLOCKS_PIECE_MAX])

    def _repacked(self, blocks: Sequence[int]) -> bytes:
        bunches = [at for one in blocks for at in range(self._at[one], self._at[one + 1])]
        size = DIGEST_BYTES
        return _compressed(
            _Piece(
                digests=b"".join([self.digests[one * size : (one + 1) * size] for one in blocks]),
                heads=_written("I", [self._heads[one] for one in blocks]),
                sizes=_written("I", [self.sizes[one] for one in blocks]),
                lines=_written("I", [self._lines[one] for one in blocks]),
                bunches=_written("H", [self._bunches[one] for one in blocks]),
                marks=_written("q", [self._marks[at] for at in bunches]),
                rows=_written("H", [self._rows[at] for at in bunches]),
                chars=_written("I", [self._chars[at] for at in bunches]),
                names=[self._names_of(one) for one in blocks],
            )
        )


def packed(blocks: Sequence[Block]) -> bytes:
    """Blocks as a piece that is kept; texts go in as their digests only."""
    bunches = [bunch for block in blocks for bunch in block.bunches]
    return _compressed(
        _Piece(
            digests=b"".join([_digest(block.text) for block in blocks]),
            heads=_written("I", [zlib.crc32(one.text[:HEAD_BYTES]) for one in blocks]),
            sizes=_written("I", [len(block.text) for block in blocks]),
            lines=_written("I", [block.lines for block in blocks]),
            bunches=_written("H", [len(block.bunches) for block in blocks]),
            marks=_written("q", [bunch.mark for bunch in bunches]),
            rows=_written("H", [bunch.rows for bunch in bunches]),
            chars=_written("I", [bunch.chars for bunch in bunches]),
            names=[
                "\n".join([*(bunch.id for bunch in block.bunches), *block.skus]) for block in blocks
            ],
        )
    )


def _compressed(piece: _Piece) -> bytes:
    return zlib.compress(_pack(piece), _LEVEL)


class Fresh:
    """Blocks of a feed that were not known, packed piece by piece as they come."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self._blocks: list[Block] = []
        self.blocks = self.rows = 0

    def add(self, block: Block) -> None:
        """Takes a block in; beyond BLOCKS_MAX none is."""
        if self.blocks >= BLOCKS_MAX or len(block.text) < HEAD_BYTES:
            return
        self.blocks += 1
        self.rows += len(block.skus)
        self._blocks.append(block)
        if len(self._blocks) >= BLOCKS_PIECE_MAX:
            self.end()

    def end(self) -> None:
        """Packs what is left."""
        if self._blocks:
            self.pieces.append(packed(self._blocks))
            self._blocks = []


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=DIGEST_BYTES).digest()


def _written(code: str, numbers: Iterable[int]) -> bytes:
    return _swapped(array(code, numbers)).tobytes()


def _read(code: str, came: bytes) -> "array[int]":
    return _swapped(array(code, came))


def _swapped(numbers: "array[int]") -> "array[int]":
    """They are kept with the least byte first."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
