"""Rows that say what they said last time, known by a mark of their cells before they are mapped.

A mark is made of the cells that a profile uses and of everything else that says how they are read.
Where rows had one when they were mapped, the same rows under the same mark map to the same, which
is what their supplier said last: they are counted, and nothing more. All others take the long way,
next to the same rows, so that what comes of a feed is always the same, but for the order of
products where known rows of one stand above.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from typing import Final

import msgspec

from shopwire.kernel.errors import FeedUnreadable
from shopwire.modules.feeds.blocks import Bunch
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.leaping import Leaps, Leapt
from shopwire.modules.feeds.limits import (
    CHUNK_CHARS_MAX,
    CHUNK_ROWS_MAX,
    GROUP_ROWS_MAX,
    QUIET_ROWS_MAX,
)
from shopwire.modules.feeds.mapping import Mapper
from shopwire.modules.feeds.marks import Aside, Marks, Quiet, aside_of
from shopwire.modules.feeds.reading import Item, RawRow
from shopwire.modules.feeds.telling import (
    Held,
    Together,
    Told,
    is_count,
    product_id,
    product_ids,
)
from shopwire.modules.inventory.api import Count

_pack: Final = msgspec.msgpack.Encoder().encode
_json: Final = msgspec.json.Encoder().encode


class _Known(msgspec.Struct):
    """Rows that are known, and what they count for."""

    bunch: Together
    aside: str
    rows: list[RawRow] = []
    """Where their counts may be others than last time: the rows whole."""


class QuickWalk:
    """Walks through a feed once: groups of rows, and counts of those that say nothing new."""

    def __init__(
        self,
        mapper: Mapper,
        whole: Callable[[Item], RawRow],
        tell: Callable[[Item], Told | None],
        key: bytes,
        marks: Marks,
        never: frozenset[str],
        leaps: Leaps | None = None,
        count_at: int = -1,
    ) -> None:
        """Begins a walk.

        Args: `never` are SKUs whose rows take the long way in any case; `leaps` knows stretches of
        text that need no parsing; `count_at` is which of a row's cells is its count, and nothing
        else, if one is.
        """
        self._mapper, self._whole, self._tell, self._key = mapper, whole, tell, key
        self._marks, self._never, self._count_at = marks, never, count_at
        self._held = Held()
        self._feeders: list[Together] = []
        """The bunches that the held rows came from."""
        self._leaps = leaps
        self._known: _Known | None = None
        """What is held instead of rows: known ones, which the next row may yet belong to."""
        self._quiet = Quiet()
        self._products = "product" in mapper.profile.brings
        self._number, self._rows, self._chars = 1, 0, 0
        """Which part of the feed this is, as the long way cuts it, and how large it is so far."""
        self._lately: list[Together] = []
        """Known bunches of this part."""
        self._mapped: set[str] = set()
        """Products of this part that were mapped."""
        self._near: list[tuple[int, Leapt]] = []
        """Passed blocks of this part, each with the first of its products that are in it."""
        if leaps is not None:
            leaps.know(marks.kinds_of)

    def groups(self, items: Iterable[Item]) -> Iterator[Group | Quiet]:
        """As `Mapper.groups`; a feed that breaks off gives what it had before."""
        broken: FeedUnreadable | None = None
        bunches = self._bunches(items)
        while broken is None:
            try:
                bunch = next(bunches, None)
                if bunch is None:
                    break
                if isinstance(bunch, Together):
                    yield from self._take(bunch)
                else:
                    yield bunch
            except FeedUnreadable as problem:  # at the next row, or the last one was cut off
                broken = problem
            if self._quiet.rows >= QUIET_ROWS_MAX:
                yield self._counted()
        if (group := self._flushed()) is not None:
            yield group
        if self._leaps is not None:
            self._leaps.end()
        # Of a million SKUs that is a hundred megabytes, which the feed's end has other use for.
        self._mapper.seen = set()
        if self._quiet.rows:
            yield self._counted()
        if broken is not None:
            raise broken

    def _bunches(self, items: Iterable[Item]) -> Iterator[Together | Group | Quiet]:
        """Rows by what they seem to be of; those before a break, too.

        Between them comes what is done with when a stretch of known text is passed over.
        """
        tell, leaps = self._tell, self._leaps
        bunch: Together | None = None
        broken: FeedUnreadable | None = None
        try:
            for item in items:
                told = tell(item)
                if leaps is not None and leaps.leapt is not None and not self._goes_on(told):
                    continue
                if told is None:
                    bunch = bunch or Together("")
                    bunch.sure = False
                    bunch.items.append(item)
                    continue
                if bunch is None or told[0] not in (None, bunch.id):
                    if bunch is not None:
                        yield bunch
                        bunch = None
                    if leaps is not None and (yield from self._leap(item)):
                        continue
                    # One that goes on with nothing is not told by itself.
                    bunch = Together(told[0] or "", sure=told[0] is not None)
                    bunch.at = leaps.place(item) if leaps is not None else -1
                elif len(bunch.items) >= GROUP_ROWS_MAX * 2:  # memory for one has an end
                    bunch.sure = False
                    yield bunch
                    bunch = Together(bunch.id, sure=False)
                bunch.add(item, told)
        except FeedUnreadable as problem:
            broken = problem
        if leaps is not None and leaps.leapt is not None:
            self._settle_leapt(leaps.settled())
        if bunch is not None:
            yield bunch
        if broken is not None:
            raise broken

    def _goes_on(self, told: Told | None) -> bool:
        """Whether the row behind a passed stretch ends it; else the stretch is read again."""
        assert self._leaps is not None
        assert self._leaps.leapt is not None
        if told is not None and told[0] not in (None, self._leaps.leapt.ids[-1]):
            self._settle_leapt(self._leaps.settled())
            return True
        if (before := self._leaps.back()) is not None:
            self._settle_leapt(before)
        return False

    def _leap(self, item: Item) -> Generator[Group | Quiet, None, bool]:
        """Passes over text that is known, by blocks; False where none begins at this row."""
        leaps = self._leaps
        assert leaps is not None
        leaps.keep(item.at)
        if (leapt := self._passable(leaps.at_row(item))) is None:
            return False
        # What is held is another product, which the long way would end here, too.
        if (group := self._flushed()) is not None:
            yield group
        if not self._is_first(leapt):
            return False
        while True:
            leaps.pass_over(leapt)
            following = leaps.behind(leapt)
            if following is None or following.ids[0] == leapt.ids[-1]:
                return True
            self._settle_leapt(leaps.settled())
            if self._quiet.rows >= QUIET_ROWS_MAX:
                yield self._counted()
            if (leapt := self._passable(following)) is None:
                return True

    def _passable(self, leapt: Leapt | None) -> Leapt | None:
        """As much of it as may be passed over: all, its first block, or nothing."""
        if leapt is None or self._may_pass(leapt):
            return leapt
        assert self._leaps is not None
        first = self._leaps.first_of(leapt) if leapt.blocks > 1 else None
        return first if first is not None and self._may_pass(first) else None

    def _is_first(self, leapt: Leapt) -> bool:
        """Whether nothing of it was named in this feed before."""
        mapper, named, keys = self._mapper, leapt.named, leapt.keys
        # Two blocks may both be known, and have a SKU that moved from one product to another.
        if leapt.blocks > 1 and len({*named}) < len(named):
            return False
        return mapper.seen.isdisjoint(named) and mapper.begun.isdisjoint(keys)

    def _may_pass(self, leapt: Leapt) -> bool:
        """Whether each of its products would be found known; notes what they count for."""
        held = self._held
        if held.orphans or 0 in leapt.kinds or not self._is_first(leapt):
            return False
        if self._never and not self._never.isdisjoint(leapt.skus):
            return False
        if self._products:
            leapt.products = product_ids(leapt.ids)
            if not self._mapped.isdisjoint(leapt.products):
                return False
            if held.rows and product_id(held.id) in leapt.products:
                return False
        return True

    def _settle_leapt(self, leapt: Leapt) -> None:
        """Counts the rows of passed blocks."""
        quiet = self._quiet
        quiet.rows += len(leapt.skus)
        quiet.keys.extend(leapt.keys)
        quiet.skus.extend(leapt.named)
        self._mapper.begun.update(leapt.keys)
        self._mapper.seen.update(leapt.named)
        for kind in dict.fromkeys(leapt.kinds):
            many, counted = leapt.kinds.count(kind), aside_of(self._marks.aside(kind))
            quiet.offers += many * counted.offers
            for text, times in counted.notes.items():
                self._mapper.note(text, many * times)
        rows, chars = len(leapt.skus), sum(leapt.chars)
        if self._rows + rows < CHUNK_ROWS_MAX and self._chars + chars < CHUNK_CHARS_MAX:
            self._rows += rows
            self._chars += chars
            self._near.append((0, leapt))
            return
        since = 0
        for place, sizes in enumerate(zip(leapt.rows, leapt.chars, strict=True), 1):
            number = self._number
            self._pass(*sizes)
            if self._number != number:
                since = place
        self._near.append((since, leapt))

    def _take(self, bunch: Together) -> Iterable[Group]:
        if self._leaps is not None:
            self._write_down(bunch)
        known = self._found(bunch)
        if known is None:
            return self._mapped_rows(bunch)
        # What is held is another product, which the long way would end here, too.
        group = self._flushed()
        ended = (group,) if group is not None else ()
        if not self._mapper.seen.isdisjoint(bunch.named):
            return chain(ended, self._mapped_rows(bunch))
        self._known, self._held.id = known, bunch.id
        if bunch.begins:
            self._held.orphans = False
        return ended

    def _found(self, bunch: Together) -> _Known | None:
        """What a bunch counts for, where it was said last as it stands here, or all but counts."""
        held = self._held
        if (
            not bunch.sure
            or len(bunch.items) > GROUP_ROWS_MAX
            or sum([one.chars for one in bunch.items]) >= CHUNK_CHARS_MAX
            or (bunch.goes_on and held.orphans)
            or (held.id == bunch.id and (held.rows or self._known is not None))
            or (self._never and not self._never.isdisjoint(bunch.skus))
            or self._is_apart(bunch)
        ):
            return None
        part = self._mapper.next_part(bunch.id)
        if (aside := self._marks.find(self._mark(bunch, part))) is not None:
            return _Known(bunch, aside)
        if not (rest := self._rest(bunch, part)):
            return None
        if (aside := self._marks.find_rest(rest)) is None:
            return None
        return _Known(bunch, aside, list(map(self._whole, bunch.items)))

    def _is_apart(self, bunch: Together) -> bool:
        """Whether rows of its product that were mapped are near: a product is told as a whole."""
        if not self._products or not (self._mapped or self._held.rows):
            return False
        product = product_id(bunch.id)
        return product in self._mapped or (
            bool(self._held.rows) and product == product_id(self._held.id)
        )

    def _mark(self, bunch: Together, part: int) -> int:
        if part == 1 and bunch.mark:
            return bunch.mark
        said = hashlib.blake2b(_pack((part, bunch.cells)), digest_size=8, key=self._key).digest()
        mark = int.from_bytes(said, signed=True) or 1
        if part == 1:
            bunch.mark = mark
        return mark

    def _rest(self, bunch: Together, part: int) -> int:
        """As `_mark`, without the counts; 0 where these are not told by digits alone."""
        at = self._count_at
        if at < 0 or not bunch.plain or not all(is_count(cells[at]) for cells in bunch.cells):
            return 0
        cells = [(*row[:at], *row[at + 1 :]) for row in bunch.cells]
        said = hashlib.blake2b(_pack(("rest", part, cells)), digest_size=8, key=self._key).digest()
        return int.from_bytes(said, signed=True)

    def _write_down(self, bunch: Together) -> None:
        """Notes what a stretch of text was found to be, for the next feed."""
        rows = len(bunch.items)
        if (
            self._leaps is not None
            and self._leaps.notes
            and bunch.sure
            and bunch.plain
            and bunch.at >= 0
            and bunch.end >= 0
            and len(bunch.skus) == rows <= GROUP_ROWS_MAX
        ):
            chars = sum([one.chars for one in bunch.items])
            told = Bunch(bunch.id, self._mark(bunch, 1), rows, chars)
            self._leaps.note(bunch.at, bunch.end, told, bunch.skus)

    def _mapped_rows(self, bunch: Together) -> Iterator[Group]:
        """Rows on the long way."""
        held = self._held
        for item in bunch.items:
            row = self._whole(item)
            taken = self._mapper.sorted_row(row, held)
            if not isinstance(taken, tuple):
                yield from map(self._numbered, self._mapper.passed_over(taken))
                continue
            group_id, values = taken
            if self._known is not None and group_id == held.id:
                yield from self._unfolded()
            if (group_id != held.id or held.full) and (group := self._flushed()) is not None:
                yield group
            held.id = group_id
            held.rows.append((row, values))
            held.chars += row.chars
            if not any(one is bunch for one in self._feeders):
                self._feeders.append(bunch)

    def _unfolded(self) -> Iterator[Group]:
        """Known rows become held ones: another row of their product came behind a bad one."""
        if self._known is None:
            return
        bunch, self._known = self._known.bunch, None
        orphans, self._held.orphans = self._held.orphans, False
        yield from self._mapped_rows(bunch)
        self._held.orphans = orphans

    def _flushed(self) -> Group | None:
        """What is held, as what it becomes; None where nothing is or it is only counted."""
        held, mapper = self._held, self._mapper
        if self._known is not None:
            known, self._known = self._known, None
            if known.rows:
                return self._with_counts(known)
            self._settle(known.bunch, known.aside)
        if not held.rows:
            return None
        part = mapper.next_part(held.id)
        notes, mapper.notes = mapper.notes, {}
        group = mapper.group_of(held)
        said, mapper.notes = mapper.notes, notes
        for text, times in said.items():
            mapper.note(text, times)
        self._give_mark(group, part, said)
        held.rows, held.chars, self._feeders = [], 0, []
        return self._numbered(group)

    def _with_counts(self, known: _Known) -> Group:
        """Rows of which only the counts may be new: nothing else of them is mapped."""
        bunch, mapper, counted = known.bunch, self._mapper, aside_of(known.aside)
        part = mapper.next_part(bunch.id)
        group = Group(
            key=mapper.part(bunch.id),
            rows=len(known.rows),
            chars=sum([row.chars for row in known.rows]),
            lines=dict(zip(bunch.skus, known.rows, strict=True)),
            counts=[
                Count(sku=sku, quantity=int(cells[self._count_at]))
                for sku, cells in zip(bunch.skus, bunch.cells, strict=True)
            ],
            count_supplier=mapper.supplier,
            mark=self._mark(bunch, part),
            rest=self._rest(bunch, part),
            aside=known.aside,
            number=self._number,
            counts_only=True,
            offers_known=counted.offers,
        )
        mapper.seen.update(bunch.named)
        for text, times in counted.notes.items():
            mapper.note(text, times)
        self._lately.append(bunch)
        self._pass(group.rows, group.chars)
        return group

    def _settle(self, bunch: Together, aside: str) -> None:
        """Counts known rows."""
        quiet, counted = self._quiet, aside_of(aside)
        quiet.rows += len(bunch.items)
        quiet.offers += counted.offers
        quiet.keys.append(hash(self._mapper.part(bunch.id)))
        quiet.skus.extend(map(hash, bunch.skus))
        self._mapper.seen.update(bunch.named)
        for text, times in counted.notes.items():
            self._mapper.note(text, times)
        self._lately.append(bunch)
        self._pass(len(bunch.items), sum([one.chars for one in bunch.items]))

    def _numbered(self, group: Group) -> Group:
        """A group with the number of its part, and what was known there of its product."""
        group.number = self._number
        if group.product is not None:
            product = group.product.id
            near = [one for one in self._lately if product_id(one.id) == product]
            if product not in self._mapped:
                for since, leapt in self._near:
                    if product in leapt.products[since:]:
                        near += self._read_again(since, leapt, product)
                near.sort(key=lambda one: one.items[0].line)
            for bunch in near:
                rows = map(self._whole, bunch.items)
                found = [one.product for one in self._mapper.fresh().groups(rows)]
                group.beside += [one for one in found if one is not None]
                self._lately = [one for one in self._lately if one is not bunch]
            self._mapped.add(product)
        self._pass(group.rows, group.chars)
        return group

    def _pass(self, rows: int, chars: int) -> None:
        self._rows += rows
        self._chars += chars
        if self._rows >= CHUNK_ROWS_MAX or self._chars >= CHUNK_CHARS_MAX:
            self._number += 1
            self._rows = self._chars = 0
            self._lately, self._mapped, self._near = [], set(), []

    def _read_again(self, since: int, leapt: Leapt, product: str) -> list[Together]:
        """Rows of one product of passed blocks, from one of their products on."""
        leaps = self._leaps
        assert leaps is not None
        found: dict[str, Together] = {}
        last = ""
        places = [at for at, one in enumerate(leapt.products) if at >= since and one == product]
        # A part may end within a block: its rows before that are of another part.
        wanted = {leapt.ids[at] for at in places}
        for item in chain.from_iterable(leaps.rows_of(*one) for one in leaps.texts(leapt, places)):
            told = self._tell(item)
            assert told is not None, "a block has only rows that are told by themselves"
            last = told[0] or last
            if last in wanted:
                found.setdefault(last, Together(last)).items.append(item)
        return list(found.values())

    def _counted(self) -> Quiet:
        quiet, self._quiet = self._quiet, Quiet()
        return quiet

    def _give_mark(self, group: Group, part: int, notes: dict[str, int]) -> None:
        """Marks a group that came of all rows of a bunch and of no others."""
        if len(self._feeders) != 1 or group.bad or not group.lines:
            return
        bunch = self._feeders[0]
        whole = bunch.sure and group.rows == len(bunch.items) and bunch.id == self._held.id
        if whole and group.lines.keys() == set(bunch.skus):
            group.mark, group.rest = self._mark(bunch, part), self._rest(bunch, part)
            group.aside = _json(Aside(offers=len(group.offers), notes=notes)).decode()
