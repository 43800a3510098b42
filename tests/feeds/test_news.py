"""How a chunk's news becomes commands."""

from hypothesis import given
from hypothesis import strategies as st
from tests.feeds.reading import groups_of

from shopwire.modules.feeds.groups import Offered
from shopwire.modules.feeds.limits import CHUNK_ROWS_MAX
from shopwire.modules.inventory.api import Count
from shopwire.modules.suppliers.api import Terms
from shopwire.services.import_news import (
    COUNTS_SENT_MAX,
    OFFERS_SENT_MAX,
    chunks,
    news_of,
    offer_commands,
    stock_commands,
)

HEAD = "id,title,sku,stock,cost\n"


@given(st.integers(0, 1_100), st.integers(1, 40))
def test_every_count_is_in_one_command_and_each_sku_once(count, again):
    counts = [Count(sku=f"S{n}", quantity=n) for n in range(count)]
    newer = [Count(sku=one.sku, quantity=7) for one in counts[::again]]
    commands = stock_commands([*counts, *newer], supplier="a", as_of_ms=None, reference="r")
    assert len({key for key, _ in commands}) == len(commands)
    for _, command in commands:
        assert len(command.counts) <= COUNTS_SENT_MAX
    sent = {one.sku: one.quantity for _, command in commands for one in command.counts}
    assert sum(len(command.counts) for _, command in commands) == count
    assert sent == {one.sku: one.quantity for one in (*counts, *newer)}


def test_offers_are_sent_by_supplier_and_keys_are_plain_ascii():
    offers = [
        Offered(supplier=name, terms=Terms(sku=f"S{n}", cost_minor=1, currency="EUR"))
        for n in range(600)
        for name in ("Поставщик", "Acme")
    ]
    commands = offer_commands(offers)
    assert [len(command.offers) for _, command in commands] == [*[OFFERS_SENT_MAX] * 4, 88] * 2
    assert all(key.isascii() for key, _ in commands)


def test_a_product_whose_rows_stand_apart_is_sent_whole():
    groups = groups_of(HEAD + "mug,Mug,A,1,1\njug,Jug,J,1,1\nmug,Mug,B,1,1\n")
    digests = {group.key: group.digest() for group in groups}
    known = {key: digest for key, digest in digests.items() if key != "mug#2"}
    news = news_of(groups, digests, known, ())
    assert [group.key for group in news.groups] == ["mug#2"]
    (product,) = news.products
    assert [variant.sku for variant in product.variants] == ["A", "B"]
    assert [offered.terms.sku for offered in news.offers] == ["B"]


def test_news_without_a_group_has_nothing_of_it():
    groups = groups_of(HEAD + "mug,Mug,A,1,1\njug,Jug,J,1,1\n")
    digests = {group.key: group.digest() for group in groups}
    news = news_of(groups, digests, {}, ()).without({"mug"})
    assert [one.terms.sku for one in news.offers] == ["J"]
    assert [one.sku for one in news.counts] == ["J"]


def test_chunks_are_bounded_by_rows_and_by_letters():
    rows = "".join(f"p{n},{'x' * 150},S{n},1,1\n" for n in range(1_200))
    sizes = [len(chunk.groups) for chunk in chunks(iter(groups_of(HEAD + rows)))]
    assert sizes == [CHUNK_ROWS_MAX, CHUNK_ROWS_MAX, 200]
    long_rows = "".join(f'p{n},P,S{n},1,1,"{"y" * 99_000}"\n' for n in range(100))
    sizes = [
        len(chunk.groups)
        for chunk in chunks(iter(groups_of("id,title,sku,stock,cost,text\n" + long_rows)))
    ]
    assert max(sizes) <= 41
