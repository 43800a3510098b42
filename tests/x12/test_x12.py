"""X12 as it comes and as it goes: separators, envelopes, messages, answers."""

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.feeds.reading import used_skus

from shopwire.adapters.x12 import (
    Acknowledgement855,
    Envelope,
    Group,
    InventoryAdvice846,
    Invoice810,
    MessageInvalid,
    PurchaseOrder850,
    Segment,
    ShipNotice856,
    TransactionSet,
    acknowledge,
    read_interchange,
    write_interchange,
)
from shopwire.adapters.x12.messages import (
    Advice,
    Answer,
    AnsweredLine,
    Charge,
    Line,
    Package,
    Party,
    ShippedOrder,
)
from shopwire.adapters.x12.syntax import SEGMENT_CHARS_MAX
from shopwire.kernel.errors import FeedUnreadable, InvalidField, NotAFeed
from shopwire.modules.feeds.opening import open_feed
from shopwire.services.feed_formats import FORMATS

ENVELOPE = Envelope(sender="ACME", receiver="SHOP", control=7, date="20261126", time="1100")
FUNCTIONS = {"850": "PO", "855": "PR", "856": "SH", "810": "IN", "846": "IB", "997": "FA"}
FIXTURES = ["x12_850.edi", "x12_855.edi", "x12_850_newline_terminated.edi"]
READ = {
    "850": PurchaseOrder850,
    "855": Acknowledgement855,
    "856": ShipNotice856,
    "810": Invoice810,
    "846": InventoryAdvice846,
}


def wrapped(kind: str, *messages: Any, envelope: Envelope = ENVELOPE) -> bytes:
    sets = [
        TransactionSet(kind=kind, control=f"{number:04}", segments=message.to_segments())
        for number, message in enumerate(messages, 1)
    ]
    group = Group(
        functional_id=FUNCTIONS[kind],
        sender="ACME",
        receiver="SHOP",
        date="20261126",
        time="1100",
        control="7",
        sets=tuple(sets),
    )
    return write_interchange(envelope.interchange([group]), newline=envelope.newline)


WORDS = st.text("ABCdef012 -/.,'", min_size=1, max_size=12).map(str.strip).filter(bool)
IDS = st.dictionaries(st.sampled_from(["VN", "IN", "UP", "EN", "SK"]), WORDS, min_size=1)
PRICES = st.none() | st.decimals(0, 9999, places=2)
LINES = st.builds(
    Line,
    number=WORDS,
    quantity=st.integers(0, 10**6),
    price=PRICES,
    ids=IDS,
    description=st.just("") | WORDS,
)
SOME = st.lists(LINES, min_size=1, max_size=4).map(tuple)
DATES = st.dates().map(lambda day: f"{day:%Y%m%d}").filter(lambda text: len(text) == 8)
PARTIES = st.builds(
    Party, role=st.sampled_from(["ST", "BT"]), name=WORDS, lines=st.lists(WORDS, max_size=3)
    .map(tuple), city=WORDS, country=st.just("DE"),
)  # fmt: skip
ORDERS = st.builds(
    PurchaseOrder850, number=WORDS, date=DATES, currency=st.just("") | st.just("EUR"),
    parties=st.lists(PARTIES, max_size=2).map(tuple), lines=SOME,
)  # fmt: skip
ANSWERS = st.builds(
    Answer, status=st.sampled_from(["IA", "IR", "IB"]), quantity=st.integers(0, 99),
    date=st.just("") | DATES, reason=st.just("") | st.just("AC"),
)  # fmt: skip
ACKNOWLEDGEMENTS = st.builds(
    Acknowledgement855, order=WORDS, date=DATES, reference=st.just("") | WORDS,
    lines=st.lists(
        st.builds(AnsweredLine, line=LINES, answers=st.lists(ANSWERS, max_size=2).map(tuple)),
        max_size=3,
    ).map(tuple),
)  # fmt: skip
GOODS = st.builds(
    Line, number=WORDS, quantity=st.integers(0, 999), ids=IDS, description=st.just("") | WORDS
)
PACKAGES = st.builds(
    Package, sscc=st.just("") | WORDS, tracking=st.just("") | WORDS,
    lines=st.lists(GOODS, max_size=2).map(tuple),
)  # fmt: skip
NOTICES = st.builds(
    ShipNotice856, number=WORDS, date=DATES, carrier=st.just("") | WORDS, tracking=st.just("")
    | WORDS, orders=st.lists(
        st.builds(ShippedOrder, order=WORDS, packages=st.lists(PACKAGES, max_size=2).map(tuple)),
        min_size=1, max_size=2,
    ).map(tuple),
)  # fmt: skip
INVOICES = st.builds(
    Invoice810, number=WORDS, date=DATES, order=st.just("") | WORDS, lines=SOME,
    charges=st.lists(st.builds(Charge, kind=st.just("C"), code=st.just("D240"),
    amount_minor=st.integers(0, 999)), max_size=2).map(tuple),
    tax_minor=st.integers(0, 99_999), total_minor=st.integers(0, 10**8),
)  # fmt: skip
ADVICES = st.builds(
    InventoryAdvice846, reference=WORDS, date=DATES,
    lines=st.lists(st.builds(Advice, line=st.builds(Line, number=st.just("") | WORDS, ids=IDS,
    price=PRICES), quantities=st.dictionaries(st.sampled_from(["33", "17"]),
    st.integers(0, 999))), max_size=3).map(tuple),
)  # fmt: skip
SIGNS = st.sampled_from([("*", ">", "~"), ("~", ":", "\n"), ("|", "^", "?"), ("*", ":", "\n")])


@given(st.one_of(ORDERS, ACKNOWLEDGEMENTS, NOTICES, INVOICES, ADVICES), SIGNS)
def test_every_message_is_read_as_it_was_written(message, signs):
    kind = next(kind for kind, cls in READ.items() if isinstance(message, cls))
    envelope = Envelope(
        **{name: getattr(ENVELOPE, name) for name in ("sender", "receiver", "control")},
        date="20261126", time="1100", element_sign=signs[0], component_sign=signs[1],
        terminator=signs[2],
    )  # fmt: skip
    found = read_interchange(wrapped(kind, message, envelope=envelope))
    (group,) = found.groups
    assert (found.problems, group.errors, group.sets[0].errors) == ((), (), ())
    assert READ[kind].from_segments(group.sets[0].segments) == message


@pytest.mark.data
@pytest.mark.parametrize("name", FIXTURES)
def test_real_files_round_trip(shared_data: Path, name):
    path = shared_data / "feed-fixtures" / name
    if not path.exists():
        pytest.skip(f"there is no {name}. Remedy: put it into the folder of shared data")
    found = read_interchange(path.read_bytes())
    again = read_interchange(write_interchange(found))
    assert again.groups == found.groups
    (one,) = found.groups[0].sets
    assert (found.problems, found.groups[0].errors, one.errors) == ((), (), ())
    message = READ[one.kind].from_segments(one.segments)
    assert READ[one.kind].from_segments(message.to_segments()) == message
    if one.kind == "850":
        assert [line.quantity for line in message.lines] == [120, 220, 126, 76, 72, 696]
        total = sum(line.quantity * line.price for line in message.lines)
        assert total == Decimal("13045.94")
        assert message.parties[0].lines == ("31875 SOLON RD",)
    else:
        statuses = [answer.status for line in message.lines for answer in line.answers]
        assert statuses == ["IA", "IR", "IR", "IA"]


ORDER = PurchaseOrder850(
    number="PO1", date="20261126", lines=(Line(number="1", quantity=2, ids={"VN": "A"}),)
)


@pytest.mark.parametrize(
    ("old", "new", "where", "errors"),
    [
        (b"SE*5*0001", b"SE*6*0001", "set", ("4",)),
        (b"SE*5*0001", b"SE*5*0002", "set", ("3",)),
        (b"SE*5*0001~\n", b"", "set", ("2",)),
        (b"GE*1*7", b"GE*2*7", "group", ("5",)),
        (b"GE*1*7", b"GE*1*8", "group", ("4",)),
        (b"GE*1*7~\n", b"", "group", ("3",)),
        (b"CTT*1~\n", b"", "set", ("4",)),
        (b"IEA*1*000000007", b"IEA*1*000000008", "envelope", 1),
        (b"IEA*1*000000007~\n", b"", "envelope", 1),
    ],
)
def test_what_was_lost_on_the_way_is_found(old, new, where, errors):
    data = wrapped("850", ORDER)
    assert old in data
    found = read_interchange(data.replace(old, new))
    if where == "envelope":
        assert len(found.problems) == errors
        return
    thing = found.groups[0] if where == "group" else found.groups[0].sets[0]
    assert thing.errors == errors
    answer = acknowledge(found.groups[0])
    assert (answer.segments[-1].id, answer.segments[-1].get(1)) == ("AK9", "R")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"PO1*1*2*EA", b"PO1*1*two*EA", ("PO1", 2, "6")),
        (b"PO1*1*2*EA", b"PO1*1*1.5*EA", ("PO1", 2, "6")),
        (b"PO1*1*2*EA", b"PO1*1**EA", ("PO1", 2, "1")),
        (b"*20261126~\nPO1", b"*soon~\nPO1", ("BEG", 5, "8")),
        (b"CTT*1", b"CTT*2", ("CTT", 1, "7")),
        (b"BEG*00*SA*PO1", b"BEG*00*SA*", ("BEG", 3, "1")),
    ],
)
def test_a_997_names_segment_element_and_fault(old, new, fault):
    data = wrapped("850", ORDER, ORDER)
    assert old in data
    group = read_interchange(data.replace(old, new, 1)).groups[0]
    with pytest.raises(MessageInvalid) as caught:
        PurchaseOrder850.from_segments(group.sets[0].segments)
    faults = {group.sets[0].control: caught.value.faults}
    answer = acknowledge(group, faults)
    shown = {one.id: one for one in answer.segments if one.id in ("AK3", "AK4", "AK9")}
    assert (shown["AK3"].get(1), int(shown["AK4"].get(1)), shown["AK4"].get(3)) == fault
    assert [one.get(1) for one in answer.segments if one.id == "AK5"] == ["R", "A"]
    assert shown["AK9"].elements == ("P", "2", "2", "1")


def test_a_value_with_a_separator_is_never_written():
    bad = PurchaseOrder850(number="PO*1", date="20261126", lines=ORDER.lines)
    with pytest.raises(InvalidField) as caught:
        wrapped("850", bad)
    assert "separator" in caught.value.data["reason"]
    with pytest.raises(InvalidField):
        write_interchange(ENVELOPE.interchange([]).__class__(isa=("00",) * 16))


@pytest.mark.parametrize(
    "data",
    [b"", b"sku,title\nA,Mug\n", b"ISA", b"ISA*00*", b"ISA" + b"*" * 400, b"ISA*" + b"x" * 1_000],
)
def test_what_is_no_x12_is_refused(data):
    with pytest.raises(FeedUnreadable):
        read_interchange(data)


def test_a_segment_without_an_end_is_refused():
    data = wrapped("850", ORDER).replace(b"PO1*1", b"PO1*" + b"x" * (SEGMENT_CHARS_MAX + 1))
    with pytest.raises(FeedUnreadable, match="letters"):
        read_interchange(data)


@given(st.binary(max_size=200))
def test_any_bytes_behind_a_header_are_read_or_refused(junk):
    data = wrapped("850", ORDER)
    place = data.index(b"GS*")
    try:
        found = read_interchange(data[:place] + junk)
    except FeedUnreadable:
        return
    assert found.problems
    assert all(isinstance(one, Segment) for group in found.groups for s in group.sets
               for one in s.segments)  # fmt: skip


STOCK = InventoryAdvice846(
    reference="R1",
    date="20261126",
    lines=(
        Advice(line=Line(number="1", ids={"VN": "A", "UP": "036000291452"}),
               quantities={"17": 9, "33": 5}),
        Advice(line=Line(ids={"IN": "B", "VN": "X"}, price=Decimal("2.50")), quantities={"17": 7}),
        Advice(line=Line(number="3", ids={"VN": "C"}), quantities={"02": 7}),
    ),
)  # fmt: skip


def feed_of(data: bytes):
    return open_feed(io.BytesIO(data), supplier="ACME", currency="EUR", formats=FORMATS)


def test_an_846_is_a_feed_of_stock():
    feed = feed_of(wrapped("846", STOCK).replace(b"LIN**IN", b"LIN*IN"))
    groups = list(feed.groups)
    assert feed.profile.name == "x12-846"
    assert used_skus(groups) == ["A", "B"]
    counts = [(count.sku, count.quantity) for group in groups for count in group.counts]
    assert counts == [("A", 5), ("B", 7)]
    assert [one.terms.cost_minor for group in groups for one in group.offers] == [250]
    assert [bad.code for group in groups for bad in group.bad] == ["missing"]


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"QTY*17*9*EA~\n", b""), (b"SE*", b"SX*"), (b"SE*", b"SE*1"), (b"ST*846", b"ST*850")],
)
def test_an_846_that_lost_something_breaks_off(old, new):
    data = wrapped("846", STOCK)
    assert old in data
    with pytest.raises((FeedUnreadable, NotAFeed)):
        list(feed_of(data.replace(old, new)).groups)
