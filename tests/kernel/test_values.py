"""Values of the kernel: ids, money, keys, errors, named queries."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.kernel.commands import Command, Envelope, check_key
from shopwire.kernel.errors import (
    InvalidField,
    KeyMalformed,
    ShopwireError,
    StockShort,
    error_table,
)
from shopwire.kernel.ids import derived_id, new_id, partition_of
from shopwire.kernel.limits import MONEY_MINOR_MAX
from shopwire.kernel.money import Money, exponent_of, parse_money
from shopwire.kernel.queries import load_queries


class Rename(Command):
    operation = "test.rename"

    id: str
    name: str = ""


def test_every_error_has_a_code_of_its_own_a_message_and_a_remedy():
    table = error_table()
    assert len(table) >= 30
    for code, kind in table.items():
        assert 1000 <= code <= 5999
        assert 400 <= kind.status <= 599
        assert kind.message.endswith(".")
        assert kind.remedy.endswith(".")
        assert kind.__doc__


def test_two_errors_with_one_code_are_noticed():
    class Twin(ShopwireError):
        """A code that is taken."""

        code = StockShort.code

    try:
        with pytest.raises(ValueError, match="2104"):
            error_table()
    finally:
        Twin.code = 5999


def test_an_error_refuses_data_it_does_not_name():
    with pytest.raises(TypeError, match="colour"):
        StockShort(colour="red")
    body = StockShort(sku="A", requested=3, available=1).body()
    assert (body.code, body.name, body.temporary) == (2104, "StockShort", False)
    assert body.data == {"sku": "A", "requested": 3, "available": 1}


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\tin", "ümlaut", "line\n"])
def test_an_unusable_key_is_refused(key):
    with pytest.raises(KeyMalformed):
        check_key(key)


def test_a_key_is_usable_up_to_its_limit():
    assert check_key("x" * 255)


def test_the_same_intent_has_the_same_id_and_other_senders_another():
    mine = Envelope(command=Rename(id="a"), key="k", principal="ann")
    assert mine.command_id == Envelope(command=Rename(id="b"), key="k", principal="ann").command_id
    assert mine.command_id != Envelope(command=Rename(id="a"), key="k", principal="bob").command_id
    assert mine.command_id != Envelope(command=Rename(id="a"), key="k", tenant="t").command_id


def test_another_body_has_another_fingerprint():
    one = Envelope(command=Rename(id="a", name="x"), key="k")
    assert one.fingerprint == Envelope(command=Rename(id="a", name="x"), key="j").fingerprint
    assert one.fingerprint != Envelope(command=Rename(id="a", name="y"), key="k").fingerprint


def test_new_ids_are_version_7_and_sort_by_time():
    ids = [new_id() for _ in range(200)]
    assert len(set(ids)) == 200
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab].*", one) for one in ids)
    assert [one[:13] for one in ids] == sorted(one[:13] for one in ids)


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_derived_ids_depend_on_where_one_part_ends(parts):
    assert derived_id(*parts) == derived_id(*parts)
    assert derived_id(*parts) != derived_id(*parts, "")


def test_partitions_do_not_move_between_releases():
    keys = ("catalog", "SKU-1", "SKU-2", "ü")
    assert [partition_of("main", key, 4) for key in keys] == [2, 3, 1, 3]


@given(st.integers(0, MONEY_MINOR_MAX), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_money_survives_writing_and_reading(amount, currency):
    money = Money(amount, currency)
    text, shown = str(money).split()
    assert shown == currency
    assert parse_money(text, currency) == money


@pytest.mark.parametrize(
    ("text", "minor"), [("47.865", 4787), ("0", 0), (" 12.5 ", 1250), ("1e2", 10000)]
)
def test_amounts_are_read_exactly(text, minor):
    assert parse_money(text, "USD") == Money(minor, "USD")


@pytest.mark.parametrize(
    "text", ["", "abc", "-1", "NaN", "Infinity", "1e30", "1,5", "12.5 EUR", str(Decimal(10) ** 14)]
)
def test_what_is_no_amount_is_refused_with_the_field(text):
    with pytest.raises(InvalidField) as refused:
        parse_money(text, "USD", field="cost")
    assert refused.value.data["field"] == "cost"


@pytest.mark.parametrize("currency", ["", "usd", "EURO", "€€€", "U S"])
def test_what_is_no_currency_is_refused(currency):
    with pytest.raises(InvalidField):
        exponent_of(currency)


def test_named_queries_are_read_with_their_reason(tmp_path, monkeypatch):
    package = tmp_path / "somewhere"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "queries.sql").write_text(
        "-- one --\n-- Why.\nSELECT 1\n\n-- two_b --\n-- Why too.\nSELECT 2 -- not a name --\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert load_queries("somewhere") == {
        "one": "-- Why.\nSELECT 1",
        "two_b": "-- Why too.\nSELECT 2 -- not a name --",
    }
    (package / "queries.sql").write_text("-- one --\nSELECT 1\n-- one --\nSELECT 2\n")
    with pytest.raises(ValueError, match="twice"):
        load_queries("somewhere")
