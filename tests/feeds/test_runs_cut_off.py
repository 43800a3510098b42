"""A process dies between any two steps of an approval or a mend: nothing is lost, nothing twice."""

import asyncio
from typing import Any, Self

import msgspec
import pytest
from tests.feeds.conftest import Shop, open_shop
from tests.feeds.test_runs_mend import HEAD, mend, said
from tests.feeds.test_runs_undo import public
from tests.gone import database_is_settled

from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import KeyInFlight, RuleBroken
from shopwire.modules.feeds.store import DUE_APPROVED, DUE_CUT_OFF
from shopwire.services import import_news
from shopwire.services.import_approve import go_on
from shopwire.services.import_cut import close_all_cut_off, close_cut_off
from shopwire.services.import_undo import undo_run

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

BAD = "x,X,All,X,-1,2\n"


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


class Death:
    """Ends a process before, or just after, the transaction of a number; none where it is 0."""

    def __init__(self, shop: Shop, at: int, *, after: bool = False) -> None:
        self.path, self.at, self.after, self.count = shop.write_path, at, after, 0
        self._real = {name: getattr(self.path, name) for name in ("submit", "submit_many")}

    def __enter__(self) -> Self:
        for name in self._real:
            setattr(self.path, name, self._cut(name))
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._real:
            delattr(self.path, name)

    def _cut(self, name: str) -> Any:
        async def call(sent: Any) -> Any:
            self.count += 1
            if self.count == self.at and not self.after:
                raise Died
            answer = await self._real[name](sent)
            if self.count == self.at:
                raise Died
            return answer

        return call


def feed(count: int = 24, *, stock: int) -> str:
    return HEAD + "".join(f"p{n},Product {n},All,S{n},{stock},2.00\n" for n in range(count))


async def the_run(shop: Shop, run: str) -> dict[str, Any]:
    rows = await shop.query("SELECT body::text FROM documents WHERE topic = $1", f"import:{run}")
    return msgspec.json.decode(rows[0][0])


async def test_an_approval_that_is_cut_off_anywhere_goes_on(shop: Shop, monkeypatch):
    monkeypatch.setattr(import_news, "CHUNK_ROWS_MAX", 12)
    await shop.take(feed(stock=5))
    before = await public(shop)
    nothing_left = feed(stock=0).replace(HEAD, HEAD + BAD.replace("x", "w")) + BAD
    whole = await shop.take(nothing_left, run="whole")
    assert whole.status == "held"
    with Death(shop, 0) as steps:
        await shop.importer.approve("whole")
    after = await public(shop)
    assert (await undo_run(shop.importer, "whole", principal="ann"))["stayed"] == 0
    assert await public(shop) == before
    for number in range(2, steps.count + 1):
        run = f"run-{number}"
        assert (await shop.take(nothing_left, run=run)).status == "held"
        with pytest.raises(Died), Death(shop, number, after=number % 2 == 0):
            await shop.importer.approve(run, principal="ann")
        ended = number == steps.count and number % 2 == 0
        assert [row["id"] for row in await shop.store.reads.fetch(DUE_APPROVED, 9)] == (
            [] if ended else [run]
        )
        await go_on(shop.importer, run)
        found = await the_run(shop, run)
        assert (found["status"], found["decided_by"], found["kept"]) == ("finished", "ann", False)
        assert (found["rows"], found["quarantined"]) == (26, 2)
        assert len(await shop.quarantine(run)) == 2
        assert await public(shop) == after
        undone = await undo_run(shop.importer, run, principal="ann")
        assert (undone["status"], undone["stayed"]) == ("undone", 0)
        assert await public(shop) == before
    assert await shop.drift() == []


async def test_a_dead_approvers_right_is_waited_for_and_the_next_feed_comes_after(shop: Shop):
    await shop.take(feed(stock=5))
    await shop.take(feed(stock=0), run="zero")

    async def nothing(_: Any) -> None:
        """A dead process gives nothing back."""

    async with open_shop(shop.dsn) as dead:
        dead.write_path.drop_lease = nothing
        nameless(dead)
        with pytest.raises(Died), Death(dead, 4):
            await dead.importer.approve("zero", principal="ann")
    with pytest.raises(KeyInFlight):
        await shop.importer.approve("zero", principal="bob")
    waits = asyncio.Event()

    async def pause(_: float) -> None:
        waits.set()
        await shop.query("UPDATE idempotency SET until_ms = 0 WHERE principal = 'alone'")

    shop.importer.pause = pause
    later = await shop.take(feed(stock=7), run="later", force=True)
    assert waits.is_set()
    assert (later.status, later.changed) == ("finished", 24)
    zero = await the_run(shop, "zero")
    assert (zero["status"], zero["decided_by"]) == ("finished", "ann")
    assert zero["notes"] == ["it was cut off, and went on: 24 products had been changed before"]
    assert (await said(shop, "stock:S1"))["available"] == 7
    assert await shop.drift() == []


async def test_an_approval_that_fails_says_why_and_keeps_the_file(shop: Shop, monkeypatch):
    await shop.take(feed(stock=5))
    await shop.take(feed(stock=0), run="zero")

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError("a defect that the test provokes")

    with monkeypatch.context() as patched:
        patched.setattr(shop.importer, "opened", broken)
        with pytest.raises(ZeroDivisionError):
            await shop.importer.approve("zero")
    found = await the_run(shop, "zero")
    assert (found["status"], found["kept"]) == ("failed", True)
    assert found["error"] == "A defect of this shop stopped it; the file is kept."
    await go_on(shop.importer, "zero")  # a person tries it again, nobody else
    assert (await the_run(shop, "zero"))["status"] == "failed"
    assert (await shop.importer.approve("zero")).changed == 24
    found = await the_run(shop, "zero")
    assert (found["status"], found["kept"], found["error"]) == ("finished", False, None)
    with pytest.raises(RuleBroken):
        await shop.importer.approve("zero")
    assert await shop.drift() == []


async def test_a_mend_that_is_cut_off_anywhere_is_the_runs_once(shop: Shop):
    bad = HEAD + "".join(f"m{n},Mug {n},Kitchen,M{n},-1,2.50\n" for n in range(20))
    run = (await shop.take(bad)).id
    first = await public(shop)
    with Death(shop, 0) as steps:
        await mend(shop, run, 1, cells={"stock": "5"})
    for number in range(1, steps.count + 1):
        for after in (False, True):
            seq = number * 2 + after
            with pytest.raises(Died), Death(shop, number, after=after):
                await mend(shop, run, seq, cells={"stock": "5"})
            if after and number == steps.count:
                continue  # it was written down: a second try is refused
            await mend(shop, run, seq, cells={"stock": "6"})
    tried = 2 * steps.count + 1
    assert (await the_run(shop, run))["mended"] == tried
    assert await shop.drift() == []
    undone = await undo_run(shop.importer, run, principal="ann")
    assert (undone["status"], undone["stayed"]) == ("undone", 0)
    for topic, body in (await public(shop)).items():
        found = msgspec.json.decode(body)
        nothing = {"product": ("status", "archived"), "stock": ("available", 0)}
        name, value = nothing.get(topic.split(":")[0], ("active", False))
        assert topic in first or found[name] == value, topic
    assert await shop.drift() == []


async def test_an_undo_takes_back_a_mend_that_nobody_wrote_down(shop: Shop):
    rows = HEAD + "mug,Mug,Kitchen,M,-1,2.50\njug,Jug,Kitchen,J,-1,2\npan,Pan,All,P,-1,2\n"
    run = (await shop.take(rows)).id
    with Death(shop, 0) as steps:
        await mend(shop, run, 1, cells={"stock": "5"})
    with pytest.raises(Died), Death(shop, steps.count):  # in effect, and not written down
        await mend(shop, run, 2, cells={"stock": "4"})
    assert (await said(shop, "stock:J"))["available"] == 4
    with pytest.raises(RuleBroken):
        await mend(shop, run, 2, drop=True)
    with pytest.raises(Died), Death(shop, steps.count):
        await mend(shop, run, 3, cells={"stock": "3"})
    undone = await undo_run(shop.importer, run, principal="ann")
    assert (undone["status"], undone["stayed"], undone["mended"]) == ("undone", 0, 1)
    assert (await said(shop, "stock:J"))["available"] == 0
    assert (await said(shop, "stock:M"))["available"] == 0
    assert (await said(shop, "stock:P"))["available"] == 0
    with pytest.raises(RuleBroken):
        await mend(shop, run, 2, cells={"stock": "4"})
    assert await shop.drift() == []


async def test_an_undo_waits_for_a_mend_that_goes_on(shop: Shop, monkeypatch):
    run = (await shop.take(HEAD + "mug,Mug,Kitchen,M,-1,2.50\n")).id
    reached, free = asyncio.Event(), asyncio.Event()
    real = type(shop.importer).send

    async def slow(self: Any, request: Any, commands: Any) -> Any:
        if request.source == "mended" and not reached.is_set():
            reached.set()
            await free.wait()
        return await real(self, request, commands)

    monkeypatch.setattr(type(shop.importer), "send", slow)

    async def pause(_: float) -> None:
        free.set()
        await asyncio.gather(mending, return_exceptions=True)

    shop.importer.pause = pause
    mending = asyncio.create_task(mend(shop, run, 1, cells={"stock": "5"}))
    await reached.wait()
    undone = await undo_run(shop.importer, run, principal="ann")
    assert isinstance(mending.exception(), RuleBroken)
    assert (undone["status"], undone["stayed"], undone["mended"]) == ("undone", 0, 0)
    assert (await said(shop, "stock:M"))["available"] == 0
    assert await shop.drift() == []


def nameless(shop: Shop) -> None:
    """A process of a former release: nobody can tell that it is gone, so its time runs out."""

    async def holder() -> str:
        return ""

    shop.store.storage._remote.holder = holder


async def cut_off(shop: Shop, run: str, at: int, *, named: bool = False, **more: Any) -> None:
    """An import of 24 rows whose process dies at a transaction, and gives nothing back."""

    async def nothing(_: Any) -> None:
        pass

    async with open_shop(shop.dsn) as dead:
        dead.write_path.drop_lease = nothing
        if not named:
            nameless(dead)
        with pytest.raises(Died), Death(dead, at, after=True):
            await dead.take(feed(stock=7), run=run, **{"force": True} | more)
    if named:
        await database_is_settled(shop.dsn)


async def due(shop: Shop) -> list[tuple[str, bool]]:
    """Runs that go on, and whether their process is known to be dead."""
    now_ms = SystemClock().now_ms()
    rows = await shop.store.reads.fetch(DUE_CUT_OFF, 9)
    return [(row["id"], row["due_ms"] <= now_ms) for row in rows]


async def test_a_run_whose_process_died_is_interrupted_once_its_lease_is_over(shop: Shop):
    await shop.take(feed(stock=5))
    before = await public(shop)
    await cut_off(shop, "dead", 3)
    assert await due(shop) == [("dead", False)]
    await close_cut_off(shop.importer, "dead")
    assert (await the_run(shop, "dead"))["status"] == "running"
    await shop.query("UPDATE idempotency SET until_ms = 1 WHERE operation = 'feeds.run'")
    assert await due(shop) == [("dead", True)]
    await close_all_cut_off(shop.importer, SystemClock().now_ms())
    found = await the_run(shop, "dead")
    assert found["status"] == "interrupted"
    assert found["error"].startswith("It was interrupted: its process ended.")
    assert found["altered"] > 0
    assert await due(shop) == []
    undone = await undo_run(shop.importer, "dead", principal="ann")
    assert (undone["status"], undone["stayed"]) == ("undone", 0)
    assert await public(shop) == before
    assert await shop.drift() == []


async def test_an_interrupted_feed_is_sent_again_and_has_no_second_effect(shop: Shop):
    await cut_off(shop, "dead", 5)
    await shop.query("UPDATE idempotency SET until_ms = 1 WHERE operation = 'feeds.run'")
    await close_cut_off(shop.importer, "dead")
    again = await shop.take(feed(stock=7), run="again", force=True)
    assert (again.status, again.changed, again.stock.applied) == ("finished", 24, 0)
    assert (await shop.query("SELECT count(*) FROM stock_ledger"))[0][0] == 24
    assert await shop.drift() == []


async def test_a_process_that_only_stood_still_finds_its_run_closed(shop: Shop):
    submit, count = shop.write_path.submit_many, 0

    async def stands_still(sent: Any) -> Any:
        nonlocal count
        count += 1
        if count == 6:  # all of it took effect, and that is not written down yet
            await shop.query("UPDATE idempotency SET until_ms = 1 WHERE operation = 'feeds.run'")
            await close_cut_off(shop.importer, "still")
        return await submit(sent)

    shop.write_path.submit_many = stands_still
    summary = await shop.take(feed(stock=7), run="still", force=True)
    shop.write_path.submit_many = submit
    assert summary.status == "failed"
    found = await the_run(shop, "still")
    assert (found["status"], found["altered"]) == ("interrupted", 24)
    assert await shop.drift() == []


async def test_a_run_whose_process_is_gone_is_seen_at_once_and_one_that_lives_is_not(shop: Shop):
    await cut_off(shop, "dead", 3, named=True)
    assert await due(shop) == [("dead", True)]
    async with open_shop(shop.dsn) as other:
        other.write_path.drop_lease = lambda _: asyncio.sleep(0)
        with pytest.raises(Died), Death(other, 3):
            await other.take(feed(stock=7), run="lives", supplier="Other")
        assert sorted(await due(shop)) == [("dead", True), ("lives", False)]
        await close_cut_off(shop.importer, "lives")
        assert (await the_run(shop, "lives"))["status"] == "running"
    await close_all_cut_off(shop.importer, SystemClock().now_ms())
    ended = [(await the_run(shop, run))["status"] for run in ("dead", "lives")]
    assert ended == ["interrupted", "interrupted"]


async def test_a_sent_file_that_is_cut_off_anywhere_goes_on_by_itself(shop: Shop, monkeypatch):
    monkeypatch.setattr(import_news, "CHUNK_ROWS_MAX", 12)
    more: dict[str, Any] = {"keep": True, "force": False}
    with Death(shop, 0) as steps:
        await shop.take(feed(stock=7), run="whole", **more)
    whole = await public(shop)
    assert (await the_run(shop, "whole"))["kept"] is False
    assert await shop.query("SELECT 1 FROM import_held WHERE data <> ''") == []
    await undo_run(shop.importer, "whole", principal="ann")
    before = await public(shop)
    for number in range(3, steps.count, 2):
        run = f"run-{number}"
        await cut_off(shop, run, number, named=True, **more)
        now_ms = SystemClock().now_ms()
        (row,) = await shop.store.reads.fetch(DUE_APPROVED, 9)
        assert (row["id"], row["due_ms"] <= now_ms) == (run, True)
        await go_on(shop.importer, run)
        found = await the_run(shop, run)
        assert (found["status"], found["rows"], found["kept"]) == ("finished", 24, False)
        assert found["decided_by"] == ""
        assert "went on" in found["notes"][-1]
        assert (await said(shop, "stock:S1"))["available"] == 7
        undone = await undo_run(shop.importer, run, principal="ann")
        assert (undone["status"], undone["stayed"]) == ("undone", 0)
    assert whole.keys() == before.keys()
    assert await shop.drift() == []


async def test_what_goes_on_by_itself_is_still_held_where_it_would_do_too_much(shop: Shop):
    await shop.take(feed(stock=5))
    before = await public(shop)

    async with open_shop(shop.dsn) as dead:
        with pytest.raises(Died), Death(dead, 2, after=True):
            await dead.take(feed(stock=0), run="zero", keep=True)
    assert (await the_run(shop, "zero"))["status"] == "running"
    await go_on(shop.importer, "zero")
    found = await the_run(shop, "zero")
    assert (found["status"], found["kept"]) == ("held", True)
    assert await public(shop) == before
    assert (await shop.importer.approve("zero", principal="ann")).status == "finished"
    assert (await shop.take(feed(stock=9), run="nine", force=True)).changed == 24
    assert (await shop.take(feed(stock=0), run="sent", keep=True)).status == "held"
    assert (await shop.importer.approve("sent", principal="ann")).changed == 24
    assert await shop.drift() == []


async def test_a_file_is_not_asked_for_by_two_at_once(shop: Shop):
    async with open_shop(shop.dsn) as other:
        reached, free = asyncio.Event(), asyncio.Event()
        real = other.write_path.submit_many

        async def slow(sent: Any) -> Any:
            if sent[0].command.operation == "feeds.note_intent":
                reached.set()
                await free.wait()
            return await real(sent)

        other.write_path.submit_many = slow
        taking = asyncio.create_task(other.take(feed(stock=7), run="sent", keep=True))
        await reached.wait()
        with pytest.raises(KeyInFlight):
            await shop.importer.approve("sent", principal="ann")
        free.set()
        assert (await taking).status == "finished"
