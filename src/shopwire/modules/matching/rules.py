"""What a supplier's row is in the shop, by what is known of both. Nothing here does I/O."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from shopwire.kernel.names import compact_of, words_of
from shopwire.modules.matching.api import Candidate, How, Reason, Unknown

TITLE_SHARE_MIN: Final = 0.7
"""Share of the words of two names that they have in common, from which they are near each other."""
TITLE_WORDS_MAX: Final = 3
"""Words of a name by which articles like it are looked for; the longest tell most."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A supplier's row, as far as it tells which article it is."""

    supplier_sku: str
    product: str = ""
    """Id of its product in the feed; blank where the feed brings none."""
    title: str = ""
    variant: str = ""
    brand: str = ""
    gtin: str = ""
    """Checked and padded to 14 digits; blank where it has none."""
    mpn: str = ""


class Article(msgspec.Struct, frozen=True, kw_only=True):
    """A SKU of the shop, as far as it tells what it is."""

    sku: str
    product_id: str
    gtin: str = ""
    mpn: str = ""
    """As two are compared."""
    brand: str = ""
    title: str = ""
    variant: str = ""


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one of the supplier's SKUs from before."""

    state: Literal["linked", "ignored", "forgotten"]
    sku: str


class Handle(msgspec.Struct, frozen=True, kw_only=True):
    """A product of the shop that has the id which a row's product would get."""

    source: str
    sku: str
    """The first of its SKUs."""


class Known(msgspec.Struct, kw_only=True):
    """What the shop knows that rows of a chunk may be."""

    supplier: str
    unknown: Unknown = "make"
    titles: bool = True
    links: Mapping[str, Remembered] = {}
    """By the supplier's SKU."""
    holders: dict[str, str] = {}
    """By the shop's SKU: which of the supplier's it is already. Grows as rows are linked."""
    articles: dict[str, Article] = {}
    """By the shop's SKU. Grows as rows become articles of their own."""
    likes: Mapping[str, tuple[str, ...]] = {}
    """By the supplier's SKU: the shop's SKUs that a search for its name found."""
    handles: Mapping[str, Handle] = {}
    """By a product's id."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a row is: a SKU, something that the shop does not sell, or a question."""

    kind: Literal["linked", "ignored", "doubtful"]
    sku: str = ""
    how: How | None = None
    """How it was found, where it was not known before."""
    product_id: str = ""
    """The product in the shop that has the SKU already; blank: none does."""
    reasons: tuple[Reason, ...] = ()
    candidates: tuple[Candidate, ...] = ()


IGNORED: Final = Verdict(kind="ignored")


class Matcher:
    """Decides row after row; a later one sees what an earlier one was found to be."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._gtins: dict[str, list[str]] = defaultdict(list)
        self._mpns: dict[tuple[str, str], list[str]] = defaultdict(list)
        for article in known.articles.values():
            self._index(article)

    def is_told(self, asked: Asked) -> bool:
        """Whether anything but a name tells what a row is."""
        return asked.supplier_sku in self._known.links or bool(self._evidence(asked))

    def verdict(self, asked: Asked) -> Verdict:
        """What a row is: remembered, then by SKU, by GTIN, by maker's number, else new.

        Only one article, with nothing that speaks against it, is a find; all else is doubtful.
        """
        known = self._known
        before = known.links.get(asked.supplier_sku)
        if before is not None and before.state == "ignored":
            return IGNORED
        if before is not None and before.state == "linked":
            return self._linked(asked, before.sku)
        because = self._evidence(asked)
        reasons = self._reasons(asked, because)
        if before is not None:
            reasons.insert(0, "forgotten")
            because[before.sku].append("link")
        if not reasons and because:
            ((sku, found),) = because.items()
            return self._linked(asked, sku, found[0])  # type: ignore[arg-type]
        if not because and not reasons:
            reasons = self._doubts_of_new(asked, because)
        if not reasons:
            return self._new(asked)
        return Verdict(
            kind="doubtful",
            reasons=tuple(reasons),
            candidates=tuple(
                Candidate(sku=sku, because=tuple(found))
                for sku, found in because.items()
                if sku in known.articles
            ),
        )

    def _evidence(self, asked: Asked) -> dict[str, list[str]]:
        """Articles that something but the name speaks for, and what that is, strongest first."""
        because: dict[str, list[str]] = defaultdict(list)
        if asked.supplier_sku in self._known.articles:
            because[asked.supplier_sku].append("sku")
        for sku in self._gtins.get(asked.gtin, ()) if asked.gtin else ():
            because[sku].append("gtin")
        made = (compact_of(asked.mpn), compact_of(asked.brand))
        for sku in self._mpns.get(made, ()) if all(made) else ():
            because[sku].append("mpn")
        return because

    def _reasons(self, asked: Asked, because: Mapping[str, list[str]]) -> list[Reason]:
        """What speaks against the articles that were found."""
        reasons: list[Reason] = []
        if len(because) > 1:
            reasons.append("several_skus")
        if any(self._gtin_differs(asked, sku) for sku in because):
            reasons.append("gtin_differs")
        if any(self._holder(sku) not in ("", asked.supplier_sku) for sku in because):
            reasons.append("sku_taken")
        return reasons

    def _doubts_of_new(self, asked: Asked, because: dict[str, list[str]]) -> list[Reason]:
        """Why a row that nothing speaks for may be no new article; adds what it is like."""
        known, reasons = self._known, list[Reason]()
        handle = known.handles.get(asked.product)
        if handle is not None and handle.source != known.supplier:
            reasons.append("same_handle")
            because[handle.sku].append("handle")
        if known.titles and (near := self._near(asked)):
            reasons.append("near_title")
            for sku in near:
                because[sku].append("title")
        if known.unknown == "review" or not asked.product:
            reasons.append("unknown")
        return reasons

    def _near(self, asked: Asked) -> list[str]:
        """Articles of nearly the same name that are none of this supplier's, nearest first."""
        found: list[tuple[float, str]] = []
        for sku in self._known.likes.get(asked.supplier_sku, ()):
            article = self._known.articles.get(sku)
            if article is None or self._holder(sku) or self._gtin_differs(asked, sku):
                continue
            brands = f"{asked.brand} {article.brand}"
            own = name_words(asked.title, asked.variant, brands)
            share = share_of(own, name_words(article.title, article.variant, brands))
            if share >= TITLE_SHARE_MIN:
                found.append((-share, sku))
        return [sku for _, sku in sorted(found)]

    def _linked(self, asked: Asked, sku: str, how: How | None = None) -> Verdict:
        article = self._known.articles.get(sku)
        self._known.holders[sku] = asked.supplier_sku
        return Verdict(
            kind="linked", sku=sku, how=how, product_id=article.product_id if article else ""
        )

    def _new(self, asked: Asked) -> Verdict:
        """An article of its own, under the supplier's SKU, which no other has."""
        article = Article(
            sku=asked.supplier_sku,
            product_id="",
            gtin=asked.gtin,
            mpn=compact_of(asked.mpn),
            brand=asked.brand,
            title=asked.title,
            variant=asked.variant,
        )
        self._known.articles[article.sku] = article
        self._index(article)
        return self._linked(asked, article.sku, "new")

    def _gtin_differs(self, asked: Asked, sku: str) -> bool:
        article = self._known.articles.get(sku)
        theirs = article.gtin if article else ""
        return bool(asked.gtin and theirs and asked.gtin != theirs)

    def _holder(self, sku: str) -> str:
        return self._known.holders.get(sku, "")

    def _index(self, article: Article) -> None:
        if article.gtin:
            self._gtins[article.gtin].append(article.sku)
        brand = compact_of(article.brand)
        if article.mpn and brand:
            self._mpns[article.mpn, brand].append(article.sku)


def name_words(title: str, variant: str, brands: str) -> frozenset[str]:
    """The words of an article's name without the maker's, which may stand in it or not."""
    own = set(words_of(f"{title} {variant}"))
    return frozenset((own - set(words_of(brands))) or own)


def share_of(one: frozenset[str], other: frozenset[str]) -> float:
    """How much of two names' words they have in common, 0 to 1."""
    return len(one & other) / len(one | other) if one and other else 0.0


def search_of(asked: Asked) -> str:
    """A search for articles of nearly the same name; blank where the row has none."""
    words: Iterable[str] = name_words(asked.title, "", asked.brand)
    longest = sorted(words, key=lambda word: (-len(word), word))[:TITLE_WORDS_MAX]
    return " & ".join(longest)
