"""A hold follows a wish as far as it goes, and never fails for it."""

from shopwire.modules.inventory.api import HoldLine, Preferred
from shopwire.modules.inventory.domain import Pool
from shopwire.modules.inventory.holding import Wanted, choose


def pools(**units: int) -> list[Pool]:
    return [
        Pool(tenant="main", sku="A", supplier=supplier, reported=count)
        for supplier, count in units.items()
    ]


def taken(
    wanted: list[Wanted], stock: list[Pool], *prefer: tuple[str, int | None], beyond: int = 0
) -> dict[str, tuple[int, int]] | None:
    wishes = [Preferred(sku="A", supplier=name, quantity=count) for name, count in prefer]
    found = choose(stock, wanted, 0, beyond, wishes)
    if found is None:
        return None
    return {one.pool.supplier: (one.there, one.beyond) for one in found}


def some(units: int, *, supplier: str | None = None, avoid: tuple[str, ...] = ()) -> Wanted:
    line = HoldLine(sku="A", quantity=units, supplier=supplier, avoid=avoid)
    return Wanted(units, supplier, avoid, line)


def test_without_a_wish_the_fullest_pool_gives():
    assert taken([some(3)], pools(a=5, b=9)) == {"b": (3, 0)}


def test_a_wish_is_followed_in_its_order():
    stock = pools(a=5, b=9, c=4)
    assert taken([some(3)], stock, ("a", 2), ("c", 1)) == {"a": (2, 0), "c": (1, 0)}
    assert taken([some(6)], stock, ("a", 2), ("c", None)) == {"a": (2, 0), "c": (4, 0)}


def test_what_is_gone_comes_from_the_next_and_then_from_the_fullest():
    stock = pools(a=1, b=9, c=1)
    assert taken([some(4)], stock, ("a", 4), ("c", None)) == {
        "a": (1, 0),
        "c": (1, 0),
        "b": (2, 0),
    }
    assert taken([some(4)], pools(b=9, c=1), ("gone", 4)) == {"b": (4, 0)}


def test_two_lines_of_one_article_share_a_wish():
    stock = pools(a=9, b=5)
    found = taken([some(2), some(2)], stock, ("b", 3))
    assert found == {"b": (3, 0), "a": (1, 0)}


def test_a_line_that_names_or_avoids_suppliers_is_not_overruled():
    stock = pools(a=5, b=9)
    assert taken([some(2, supplier="a")], stock, ("b", 2)) == {"a": (2, 0)}
    assert taken([some(2, avoid=("a",))], stock, ("a", 2)) == {"b": (2, 0)}


def test_units_that_are_there_come_before_preferred_ones_that_are_not():
    stock = pools(a=1, b=9)
    assert taken([some(3)], stock, ("a", 3), beyond=5) == {"a": (1, 0), "b": (2, 0)}
    assert taken([some(12)], stock, ("a", 3), beyond=5) == {"a": (1, 2), "b": (9, 0)}


def test_a_wish_makes_no_units():
    assert taken([some(15)], pools(a=5, b=9), ("a", 99)) is None
