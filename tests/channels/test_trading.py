"""What X12 means in words of purchasing: pure, over every quirk that partners are known for."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.channels.partner import WAY

from shopwire.adapters.x12 import (
    Acknowledgement855,
    Invoice810,
    PurchaseOrder850,
    ShipNotice856,
    acknowledge,
    read_interchange,
)
from shopwire.adapters.x12.messages import Answer, AnsweredLine, Charge, Line, Package, ShippedOrder
from shopwire.adapters.x12.syntax import Group, Segment, TransactionSet
from shopwire.adapters.x12.trading import (
    ACCEPTED,
    NOT_ACCEPTED,
    Unclear,
    answered,
    billed,
    charges_minor,
    interchange_of,
    order_850,
    parcels_of,
    sku_of,
    units_of,
    verdict,
)
from shopwire.kernel.posting import Bundle, Posted
from shopwire.kernel.purchasing import LineAnswer, OrderedLine, ShipTo, SupplierOrder
from shopwire.modules.channels.api import InvoiceLine, OrderedUnits, RecordInvoice, X12Way
from shopwire.modules.channels.billing import compare

ORDERED = (OrderedLine(sku="MUG", quantity=3), OrderedLine(sku="HAT", quantity=1))
SKUS = st.text(string.ascii_uppercase + string.digits + "-./", min_size=1, max_size=20)
FREE = st.text(st.characters(min_codepoint=32, max_codepoint=0x17F), min_size=1, max_size=30)
SIGNS = st.sampled_from([("*", ">", "~"), ("|", ":", "\n"), ("+", "^", "!")])


def accepted(*answers: Answer, line: Line | None = None) -> dict[str, int]:
    """What an 855 over one line of three mugs accepts."""
    line = line or Line(number="1", quantity=3, ids={"VN": "MUG"})
    message = Acknowledgement855(
        order="P1", kind="AC", lines=(AnsweredLine(line=line, answers=answers),)
    )
    return {one.sku: one.quantity for one in answered(message, ORDERED).lines}


# -- out --------------------------------------------------------------------------------------


@given(
    st.dictionaries(SKUS, st.integers(1, 999), min_size=1, max_size=4),
    FREE.filter(str.strip),
    SIGNS,
    st.integers(1, 999_999_999),
)
def test_orders_are_read_as_they_were_written_whatever_separates(units, name, signs, control):
    way = X12Way(
        place="folder:acme", sender="SHOP", receiver="ACME",
        element_sign=signs[0], component_sign=signs[1], terminator=signs[2],
    )  # fmt: skip
    lines = tuple(
        OrderedLine(sku=sku, quantity=count, cost_minor=1_050, currency="EUR")
        for sku, count in units.items()
    )
    address = ShipTo(name=name, lines=(name,), postal_code="1000", city="Ghent", country="BE")
    order = SupplierOrder(id="c.1/acme", supplier="acme", lines=lines, ship_to=address)
    bundle = Bundle(
        id="acme/1", supplier="acme", control=control, begun_at_ms=1_795_000_000_000,
        orders=(Posted(number="P000001", order=order),), way=way,
    )  # fmt: skip
    data = interchange_of(bundle)
    assert data == interchange_of(bundle)
    found = read_interchange(data)
    assert (found.problems, int(found.control)) == ((), control)
    (one,) = found.groups[0].sets
    read = PurchaseOrder850.from_segments(one.segments)
    assert [(line.ids["VN"], line.quantity, str(line.price)) for line in read.lines] == [
        (sku, count, "10.50") for sku, count in units.items()
    ]
    # A sign that separates is a blank in a name; every other letter arrives.
    kept = "".join(
        " " if letter in signs or not letter.isprintable() else letter for letter in name
    )
    assert read.parties[0].name == " ".join(kept.split())


@pytest.mark.parametrize("width", [60, 80, 100, 132])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_that_were_wrapped_at_a_width_are_put_together(width, end):
    order = SupplierOrder(
        id="c.1/acme", supplier="acme",
        lines=tuple(OrderedLine(sku=f"SKU-{n:03}", quantity=n) for n in range(1, 9)),
    )  # fmt: skip
    way = X12Way(place=WAY.place, sender="SHOP", receiver="ACME", newline=False)
    bundle = Bundle(
        id="acme/1", supplier="acme", control=42, begun_at_ms=1_795_000_000_000,
        orders=(Posted(number="P000042", order=order),), way=way,
    )  # fmt: skip
    text = interchange_of(bundle).decode()
    wrapped = end.join(text[at : at + width] for at in range(0, len(text), width))
    found = read_interchange(wrapped.encode())
    assert (found.problems, found.control, found.sender) == ((), "000000042", ("ZZ", "SHOP"))
    (one,) = found.groups[0].sets
    assert one.errors == ()
    read = PurchaseOrder850.from_segments(one.segments)
    assert [line.ids["VN"] for line in read.lines] == [f"SKU-{n:03}" for n in range(1, 9)]


# -- 855 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(ACCEPTED))
def test_units_that_come_are_accepted_all_of_them_where_no_number_is_said(status):
    assert accepted(Answer(status=status, quantity=2)) == {"MUG": 2}
    assert accepted(Answer(status=status)) == {"MUG": 3}


@pytest.mark.parametrize("status", sorted(NOT_ACCEPTED))
def test_units_that_do_not_come_now_are_not(status):
    assert accepted(Answer(status=status, quantity=3)) == {}


def test_several_answers_to_a_line_add_up_and_never_above_what_was_ordered():
    two = Answer(status="IA", quantity=2)
    assert accepted(two, Answer(status="IB", quantity=1)) == {"MUG": 2}
    with pytest.raises(Unclear, match="more than the 3 ordered"):
        accepted(two, two)
    with pytest.raises(Unclear, match="ZZ"):
        accepted(Answer(status="ZZ", quantity=1))


@pytest.mark.parametrize(("kind", "units"), [("AK", 4), ("AD", 4), ("AC", 4), ("RD", 0), ("RJ", 0)])
def test_an_855_without_lines_is_about_the_whole_order(kind, units):
    told = answered(Acknowledgement855(order="P1", kind=kind), ORDERED)
    assert sum(one.quantity for one in told.lines) == units
    assert told.refused == (units == 0)
    with pytest.raises(Unclear):
        answered(Acknowledgement855(order="P1", kind="ZZ"), ORDERED)


# -- lines ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "sku"),
    [
        (Line(number="9", ids={"SK": "HAT"}), "HAT"),
        (Line(number="2", ids={"VN": "their own"}), "HAT"),
        (Line(number="1"), "MUG"),
        (Line(number="0002"), "HAT"),
        (Line(number="2", ids={"VN": "MUG"}), "MUG"),
    ],
)
def test_a_line_is_known_by_its_ids_else_by_its_place(line, sku):
    assert sku_of(line, ORDERED) == sku


@pytest.mark.parametrize(
    "line",
    [
        Line(number="3", ids={"VN": "CAP"}),
        Line(number="0"),
        Line(number="two"),
        Line(ids={}),
        Line(number="1", ids={"VN": "MUG", "SK": "HAT"}),
    ],
)
def test_a_line_that_may_be_another_is_for_a_person(line):
    with pytest.raises(Unclear):
        sku_of(line, ORDERED)


MATCHED = (
    OrderedLine(sku="MUG", quantity=3, supplier_sku="X-9"),
    OrderedLine(sku="HAT", quantity=1, supplier_sku="MUG"),
    OrderedLine(sku="CAP", quantity=1),
)


@pytest.mark.parametrize(
    ("ids", "sku"),
    [
        ({"VN": "X-9"}, "MUG"),
        ({"VP": "X-9", "BP": "MUG"}, "MUG"),
        ({"VP": "MUG", "BP": "HAT"}, "HAT"),
        ({"VN": "MUG"}, "MUG"),
        ({"VN": "CAP"}, "CAP"),
    ],
)
def test_a_line_may_name_the_suppliers_sku_the_shops_or_both(ids, sku):
    assert sku_of(Line(number="9", ids=ids), MATCHED) == sku


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        ("VN", {"VN": "X-9", "BP": "MUG"}),
        ("VP", {"VP": "X-9", "BP": "MUG"}),
        ("SK", {"VP": "X-9", "SK": "MUG"}),
    ],
)
def test_a_line_of_an_850_has_the_suppliers_number_beside_the_shops(kind, ids):
    order = SupplierOrder(id="c.1/acme", supplier="acme", lines=MATCHED)
    lines = order_850(Posted(number="P1", order=order), "20261126", kind).lines
    assert (lines[0].ids, lines[2].ids) == (ids, {kind: "CAP"})


# -- 856 --------------------------------------------------------------------------------------


def notice(*packages: Package, tracking: str = "T0") -> ShipNotice856:
    shipped = ShippedOrder(order="P1", packages=packages)
    return ShipNotice856(
        number="S1", date="20261126", carrier="UPSN", tracking=tracking, orders=(shipped,)
    )


def test_each_package_is_a_parcel_with_a_name_of_its_own():
    mug, hat = Line(quantity=2, ids={"VN": "MUG"}), Line(quantity=1, ids={"VN": "HAT"})
    found = parcels_of(
        notice(Package(tracking="T1", lines=(mug,)), Package(sscc="00123", lines=(hat, hat)))
    )
    assert [(one.reference, one.tracking) for one in found] == [("S1-1", "T1"), ("00123", "T0")]
    assert units_of(found[1].lines, ORDERED) == (LineAnswer(sku="HAT", quantity=2),)
    (single,) = parcels_of(notice(Package(lines=(mug,)), tracking=""))
    assert (single.reference, single.tracking) == ("S1", "S1")
    with pytest.raises(Unclear):
        parcels_of(notice(Package()))


# -- 997 --------------------------------------------------------------------------------------


@given(st.lists(st.booleans(), min_size=1, max_size=5), st.integers(1, 999_999_999))
def test_a_997_says_what_it_was_made_of(good, control):
    sets = tuple(
        TransactionSet(kind="850", control=f"{n:04}", errors=() if fine else ("4",))
        for n, fine in enumerate(good, 1)
    )
    group = Group(
        functional_id="PO", sender="A", receiver="B", date="", time="", control=str(control),
        sets=sets,
    )  # fmt: skip
    told = verdict(acknowledge(group).segments)
    expected = "accepted" if all(good) else "partly" if any(good) else "rejected"
    assert (told.functional_id, told.control, told.receipt) == ("PO", control, expected)


@pytest.mark.parametrize(
    "segments",
    [
        [],
        [Segment("AK1", ("PO", "7"))],
        [Segment("AK1", ("PO", "x")), Segment("AK9", ("A",))],
        [Segment("AK1", ("PO", "7")), Segment("AK9", ("Q",))],
    ],
)
def test_a_997_that_says_nothing_certain_is_for_a_person(segments):
    with pytest.raises(Unclear):
        verdict(segments)


# -- 810 --------------------------------------------------------------------------------------


def bill(lines: list[tuple[str, int, str]], total: int, **more: int) -> RecordInvoice:
    return RecordInvoice(
        supplier="acme", number="I1", purchase_order="c.1/acme", currency="EUR",
        lines=tuple(InvoiceLine(sku=sku, quantity=n, price=price) for sku, n, price in lines),
        total_minor=total,
        ordered=(
            OrderedUnits(sku="MUG", quantity=3, cost_minor=250, currency="EUR"),
            OrderedUnits(sku="HAT", quantity=1, cost_minor=999, currency="EUR"),
        ),
        **more,
    )  # fmt: skip


@given(st.integers(0, 3), st.integers(0, 1), st.integers(0, 500), st.integers(0, 500))
def test_a_bill_of_no_more_than_ordered_at_the_cost_is_as_ordered(mugs, hats, freight, tax):
    total = mugs * 250 + hats * 999 + freight + tax
    lines = [("MUG", mugs, "2.50"), ("HAT", hats, "9.99")]
    found = compare(bill(lines, total, charges_minor=freight, tax_minor=tax))
    assert (found.differences, found.expected_minor) == ((), total)
    over = compare(bill(lines, total + 1, charges_minor=freight, tax_minor=tax))
    assert [one.what for one in over.differences] == ["total"]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([("MUG", 4, "2.50")], "quantity"),
        ([("MUG", 2, "2.50"), ("MUG", 2, "2.50")], "quantity"),
        ([("MUG", 1, "2.51")], "price"),
        ([("MUG", 1, "2.505")], "price"),
        ([("CAP", 1, "1.00")], "unknown_sku"),
    ],
)
def test_a_bill_that_says_more_differs_at_its_place(lines, what):
    assert compare(bill(lines, 250)).differences[0].what == what


def test_units_of_an_earlier_bill_are_not_billed_again():
    found = compare(bill([("MUG", 2, "2.50")], 500), {"MUG": 2})
    assert [(one.what, one.billed, one.expected) for one in found.differences] == [
        ("quantity", "2", "1")
    ]


def test_the_lines_and_charges_of_an_810_are_told_by_sku():
    message = Invoice810(
        number="I1", date="20261126",
        lines=(Line(number="1", quantity=2, ids={"VN": "MUG"}), Line(quantity=1, ids={"VN": "X"})),
        charges=(Charge(kind="C", amount_minor=500), Charge(kind="A", amount_minor=120)),
        total_minor=880,
    )  # fmt: skip
    assert [(one.sku, one.quantity) for one in billed(message, ORDERED)] == [("MUG", 2), ("X", 1)]
    assert charges_minor(message) == 380
