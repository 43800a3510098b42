"""The rows of one batch: what is put is taken once, however often some of it is taken before."""

from shopwire.kernel.working_set import WorkingSet
from shopwire.testing.conformance.sample import Counter, Line
from shopwire.testing.conformance.storage import counter, line


def test_what_is_put_after_rows_were_taken_is_taken_the_next_time():
    held = WorkingSet()
    held.hold(Counter, [("main", "s")], [counter("s", "z")])
    held.put([counter("s", "a"), line("s", "1")])
    rows, born = held.take_changed()
    assert rows == {Counter: [counter("s", "a")], Line: [line("s", "1")]}
    assert born == {Counter}
    held.put([counter("s", "a", 2), counter("s", "b"), line("s", "2")])
    rows, born = held.take_changed()
    assert rows == {Counter: [counter("s", "a", 2), counter("s", "b")], Line: [line("s", "2")]}
    assert not born
    assert held.take_changed() == ({}, frozenset())


def test_rows_that_are_as_they_were_are_no_change():
    held = WorkingSet()
    held.hold(Counter, [("main", "s")], [counter("s", "a")])
    held.put([counter("s", "a")])
    assert held.take_changed() == ({}, frozenset())
