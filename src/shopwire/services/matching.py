"""Brings a feed's rows under the shop's SKUs, by the rules of `modules.matching`.

A step of an import, before anything is compared: what is doubtful is taken out as a bad row and
waits for a person, so that nothing reaches the shop under a SKU that is another article's.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from shopwire.kernel.names import slug_of
from shopwire.kernel.queries import Reads
from shopwire.modules.catalog.api import Option, ProductContent, Variant
from shopwire.modules.feeds.api import BadRow
from shopwire.modules.feeds.groups import Group
from shopwire.modules.feeds.limits import RAW_CHARS_MAX
from shopwire.modules.feeds.reading import RawRow
from shopwire.modules.matching.api import Link, NoteMatches, Offered, Reason, Waiting
from shopwire.modules.matching.domain import digest_of
from shopwire.modules.matching.events import PolicyDocument
from shopwire.modules.matching.rules import Asked, Known, Matcher, Verdict
from shopwire.modules.matching.store import policy_of, waiting_digests, what_is_known
from shopwire.modules.suppliers.api import Terms

DOUBTFUL: Final = "doubtful_match"
"""Code of a row in quarantine that waits in the review queue."""
_REMEDY: Final = "Decide what it is at Matches in the console, or with `shopwire feed matches`."
_WORDS: Final[Mapping[Reason, str]] = {
    "several_skus": "more than one article of the shop could be it",
    "gtin_differs": "an article fits, but has another GTIN",
    "sku_taken": "the article that fits is another SKU of this supplier already",
    "near_title": "only the name is like that of an article",
    "same_handle": "a product of another source has the same id",
    "unknown": "nothing in the shop is like it",
    "forgotten": "its link was taken back",
}


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk under the shop's SKUs, and what is to be remembered of it."""

    groups: Sequence[Group]
    note: NoteMatches | None = None
    """To be sent before the chunk takes effect; None where nothing is new."""
    verdicts: Mapping[str, Verdict] = {}
    """By the supplier's SKU."""
    came: Sequence[Group] = ()
    """The chunk as it came."""

    def without(self, refused: Collection[str]) -> Sequence[Group]:
        """The chunk when some links were not taken: their rows are doubtful."""
        if not refused:
            return self.groups
        taken = Verdict(kind="doubtful", reasons=("sku_taken",))
        verdicts = {**self.verdicts, **dict.fromkeys(refused, taken)}
        return [regrouped(group, verdicts) for group in self.came]


class SkuMatching:
    """One import's matching; the supplier's policy is read once."""

    def __init__(
        self, reads: Reads, *, tenant: str, supplier: str, run: str, as_of_ms: int | None
    ) -> None:
        self._reads, self._tenant, self._supplier = reads, tenant, slug_of(supplier)
        self._run, self._as_of_ms = run, as_of_ms
        self._policy: PolicyDocument | None = None

    async def matches(self) -> bool:
        """Whether the supplier's SKUs may be others than the shop's."""
        return (await self._policy_read()).mode != "own_skus"

    async def _policy_read(self) -> PolicyDocument:
        if self._policy is None:
            self._policy = await policy_of(self._reads, self._tenant, self._supplier)
        return self._policy

    async def match(self, groups: Sequence[Group]) -> Matched:
        """A chunk under the shop's SKUs; nothing is written."""
        policy = await self._policy_read()
        if policy.mode == "own_skus":
            return Matched(groups=groups)
        asked = [one for group in groups for one in asked_of(group)]
        if not asked:
            return Matched(groups=groups)
        known = await what_is_known(self._reads, self._tenant, policy, asked)
        verdicts = match(asked, known)
        waiting = [
            one
            for group in groups
            for one in _waiting(group, verdicts, known, as_of_ms=self._as_of_ms)
        ]
        fresh = await self._fresh(waiting)
        links = tuple(
            Link(supplier_sku=supplier_sku, sku=verdict.sku, how=verdict.how)
            for supplier_sku, verdict in verdicts.items()
            if verdict.how is not None
        )
        note = NoteMatches(supplier=self._supplier, run=self._run, links=links, waiting=fresh)
        return Matched(
            groups=[regrouped(group, verdicts) for group in groups],
            note=note if links or fresh else None,
            verdicts=verdicts,
            came=groups,
        )

    async def _fresh(self, waiting: Iterable[Waiting]) -> tuple[Waiting, ...]:
        """Those that did not say the same before."""
        by_sku = {one.supplier_sku: one for one in waiting}
        if not by_sku:
            return ()
        digests = await waiting_digests(self._reads, self._tenant, self._supplier, list(by_sku))
        return tuple(one for sku, one in by_sku.items() if digests.get(sku) != digest_of(one))


def match(asked: Iterable[Asked], known: Known) -> dict[str, Verdict]:
    """What each row is, by the supplier's SKU; the first row of a SKU counts.

    Those that something but a name speaks for come first, so that an article which is found by its
    GTIN further down is no question for a row above whose name is like its own.
    """
    matcher = Matcher(known)
    rows: dict[str, Asked] = {}
    for one in asked:
        rows.setdefault(one.supplier_sku, one)
    found = {sku: matcher.verdict(one) for sku, one in rows.items() if matcher.is_told(one)}
    found |= {sku: matcher.verdict(one) for sku, one in rows.items() if sku not in found}
    return found


def asked_of(group: Group) -> Iterable[Asked]:
    """What a group's rows tell about which articles they are."""
    product = group.product
    variants = {one.sku: one for one in product.variants} if product else {}
    for sku in group.lines:
        variant = variants.get(sku)
        yield Asked(
            supplier_sku=sku,
            product=product.id if product else "",
            title=product.title if product else "",
            variant=variant.title if variant else "",
            brand=product.brand if product else "",
            gtin=(variant.gtin or "") if variant else "",
            mpn=str(group.more.get(sku, {}).get("mpn", "")),
        )


def regrouped(group: Group, verdicts: Mapping[str, Verdict]) -> Group:
    """A group with the shop's SKUs: doubtful rows are bad ones, ignored rows are gone."""
    linked = {sku: verdicts[sku] for sku in group.lines if verdicts[sku].kind == "linked"}
    bad = [
        _bad(group, sku, verdicts[sku]) for sku in group.lines if verdicts[sku].kind == "doubtful"
    ]
    return replace(
        group,
        lines={one.sku: group.lines[sku] for sku, one in linked.items()},
        more={one.sku: group.more[sku] for sku, one in linked.items() if sku in group.more},
        product=_product(group.product, linked) if group.product else None,
        offers=[
            replace(offered, terms=_under(offered.terms, linked[offered.terms.sku].sku))
            for offered in group.offers
            if offered.terms.sku in linked
        ],
        counts=[
            replace(count, sku=linked[count.sku].sku)
            for count in group.counts
            if count.sku in linked
        ],
        bad=[*group.bad, *bad],
    )


def _under(terms: Terms, sku: str) -> Terms:
    """A row's terms under the shop's SKU; purchase orders name the one that the feed had."""
    return replace(terms, sku=sku, supplier_sku=None if terms.sku == sku else terms.sku)


def _product(product: ProductContent, linked: Mapping[str, Verdict]) -> ProductContent | None:
    """The content under the id that the shop's product has, with the variants that belong to it.

    Variants that are known at another product bring their terms and count alone.
    """
    homes = Counter(one.product_id for one in linked.values() if one.product_id)
    home = product.id
    if homes and home not in homes:
        home = homes.most_common(1)[0][0]
    kept = tuple(
        replace(variant, sku=linked[variant.sku].sku)
        for variant in product.variants
        if variant.sku in linked and linked[variant.sku].product_id in ("", home)
    )
    if not kept:
        return None
    return replace(product, id=home, variants=kept, options=_options(product, kept))


def _options(product: ProductContent, variants: Sequence[Variant]) -> tuple[Option, ...]:
    """The options with the values that some variants have."""
    return tuple(
        replace(option, values=values)
        for option in product.options
        if (
            values := tuple(
                value
                for value in option.values
                if any(one.options.get(option.name) == value for one in variants)
            )
        )
    )


def _waiting(
    group: Group, verdicts: Mapping[str, Verdict], known: Known, *, as_of_ms: int | None
) -> Iterable[Waiting]:
    """A group's doubtful rows as they are kept."""
    counts = {count.sku: count.quantity for count in group.counts}
    for sku, row in group.lines.items():
        verdict = verdicts[sku]
        if verdict.kind != "doubtful":
            continue
        product = _alone(group.product, sku) if group.product else None
        yield Waiting(
            supplier_sku=sku,
            line=row.line,
            reasons=verdict.reasons,
            candidates=verdict.candidates,
            product=product,
            offers=tuple(
                Offered(supplier=slug_of(offered.supplier), terms=offered.terms)
                for offered in group.offers
                if offered.terms.sku == sku
            ),
            quantity=counts.get(sku),
            as_of_ms=as_of_ms,
            new_sku=f"{known.supplier}-{sku}" if sku in known.articles else sku,
            new_product=_free_id(product.id, known) if product else "",
        )


def _alone(product: ProductContent, sku: str) -> ProductContent | None:
    """A product with one of its variants."""
    variants = tuple(one for one in product.variants if one.sku == sku)
    if not variants:
        return None
    return replace(product, variants=variants, options=_options(product, variants))


def _free_id(product_id: str, known: Known) -> str:
    handle = known.handles.get(product_id)
    taken = handle is not None and handle.source != known.supplier
    return f"{product_id}-{known.supplier}" if taken else product_id


def taken_row(supplier_sku: str, row: RawRow) -> BadRow:
    """A row whose article turned out to be another SKU of its supplier already."""
    return _bad_row(supplier_sku, row, Verdict(kind="doubtful", reasons=("sku_taken",)))


def _bad(group: Group, sku: str, verdict: Verdict) -> BadRow:
    return _bad_row(sku, group.lines[sku], verdict)


def _bad_row(sku: str, row: RawRow, verdict: Verdict) -> BadRow:
    why = "; ".join(_WORDS[reason] for reason in verdict.reasons)
    named = ", ".join(one.sku for one in verdict.candidates)
    return BadRow(
        line=row.line,
        code=DOUBTFUL,
        reason=f"{sku}: {why}" + (f" ({named})" if named else ""),
        remedy=_REMEDY,
        raw=row.raw[:RAW_CHARS_MAX],
    )
