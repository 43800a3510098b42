"""Runs of sources: one at a time, whoever dies; tries, breakers, and what a person may do."""

import pytest
from tests.modules.shop import error_of, result_of
from tests.sources.deciding import HOUR, MINUTE, PLACE, desk

from shopwire.kernel.fetching import Marks, Place
from shopwire.modules.sources.api import (
    PauseSource,
    PutSource,
    RemoveSource,
    RenewFetch,
    RunNow,
    Schedule,
)
from shopwire.modules.sources.domain import Fetch
from shopwire.modules.sources.limits import (
    BREAKER_FAILURES,
    FAILED_TRIES_AN_HOUR_MAX,
    LEASE_MS,
    OPEN_MS_MIN,
)

pytestmark = pytest.mark.anyio


def lines(acme):
    return [(row.fence, row.outcome, row.why) for row in acme.state.rows.get(Fetch, {}).values()]


async def test_a_new_source_is_looked_at_at_once_and_then_by_its_schedule():
    async with desk() as acme:
        assert acme.source().due_ms == acme.clock.ms
        begun = await acme.begin()
        assert (begun["began"], begun["fence"]) == (True, 1)
        start = acme.clock.ms
        acme.clock.ms += 5 * MINUTE
        done = await acme.finish(1, rows=7, bytes=99, run="r", marks=Marks(etag="x"))
        assert done == {"applied": True, "due_ms": start + 30 * MINUTE}
        assert lines(acme) == [(1, "taken", "schedule")]
        assert acme.source().marks.etag == "x"


async def test_two_processes_do_not_run_one_source():
    async with desk() as acme:
        assert (await acme.begin())["began"]
        second = await acme.begin()
        assert (second["began"], second["reason"]) == (False, "a run is under way")
        acme.clock.ms += LEASE_MS - 1
        renew = RenewFetch(supplier="acme", name="main", fence=1, at_ms=acme.clock.ms)
        assert result_of(await acme.do(renew))["applied"]
        acme.clock.ms += LEASE_MS - 1
        assert not (await acme.begin())["began"]


async def test_sources_of_one_supplier_take_turns():
    """Their imports would end one another."""
    async with desk() as acme:
        await acme.do(PutSource(supplier="acme", name="other", place=PLACE))
        begun = await acme.begin()
        assert not (await acme.begin("other"))["began"]
        await acme.finish(begun["fence"])
        assert (await acme.begin("other"))["began"]


async def test_a_run_that_was_silent_too_long_does_not_come_back_beside_another():
    async with desk() as acme:
        await acme.do(PutSource(supplier="acme", name="other", place=PLACE))
        await acme.begin()
        acme.clock.ms += LEASE_MS
        assert (await acme.begin("other"))["began"]
        renew = RenewFetch(supplier="acme", name="main", fence=1, at_ms=acme.clock.ms)
        assert result_of(await acme.do(renew))["applied"] is False


async def test_a_run_that_died_is_written_down_and_its_owner_comes_too_late():
    async with desk() as acme:
        await acme.begin()
        acme.clock.ms += LEASE_MS
        assert (await acme.begin())["fence"] == 2
        assert (await acme.finish(1))["applied"] is False
        renew = RenewFetch(supplier="acme", name="main", fence=1, at_ms=acme.clock.ms)
        assert result_of(await acme.do(renew))["applied"] is False
        assert lines(acme) == [(1, "lost", "schedule")]
        assert (await acme.finish(2))["applied"]


async def test_runs_missed_while_nobody_looked_are_made_up_once():
    async with desk() as acme:
        await acme.finish((await acme.begin())["fence"])
        acme.clock.ms += 100 * HOUR + MINUTE
        assert (await acme.begin())["began"]
        await acme.finish(2)
        assert acme.clock.ms < acme.source().due_ms <= acme.clock.ms + 30 * MINUTE
        assert not (await acme.begin())["began"]


async def test_what_may_pass_is_tried_soon_and_what_may_not_by_the_schedule():
    async with desk(schedule=Schedule(every_minutes=600)) as acme:
        await acme.fail()
        assert 15_000 <= acme.source().due_ms - acme.clock.ms <= 30_000
        assert acme.source().why == "retry"
        await acme.fail(temporary=False, error="HostKeyChanged")
        assert acme.source().due_ms - acme.clock.ms > 9 * HOUR
        assert acme.source().why == "schedule"


@pytest.mark.parametrize("temporary", [True, False])
@pytest.mark.parametrize("flapping", [True, False])
async def test_a_source_rests_when_its_hour_is_used_up(temporary, flapping):
    async with desk(schedule=Schedule(every_minutes=1)) as acme:
        start = acme.clock.ms
        while acme.clock.ms - start < 5 * HOUR:
            await acme.fail(temporary=temporary)
            if flapping:
                acme.clock.ms = acme.source().due_ms
                await acme.finish((await acme.begin())["fence"])
        rows = acme.state.rows[Fetch].values()
        ends = [row.ended_ms for row in rows if row.outcome == "failed"]
        assert len(ends) > 5
        for end in ends:
            within = [one for one in ends if end - HOUR < one <= end]
            assert len(within) <= FAILED_TRIES_AN_HOUR_MAX


async def test_an_open_breaker_lets_one_source_try_and_closes_when_it_works():
    async with desk() as acme:
        other = PutSource(supplier="acme", name="other", place=PLACE, schedule=None)
        await acme.do(other)
        for _ in range(BREAKER_FAILURES):
            await acme.fail()
        assert acme.supply.breaker == "open"
        assert acme.supply.retry_ms == acme.clock.ms + OPEN_MS_MIN
        refused = await acme.begin("other")
        assert refused["reason"] == "the supplier's breaker is open"
        acme.clock.ms = max(acme.supply.retry_ms, acme.source().due_ms)
        probe = await acme.begin()
        assert (probe["began"], acme.supply.breaker) == (True, "half_open")
        assert not (await acme.begin("other"))["began"]
        await acme.finish(probe["fence"], "failed", error="SourceUnreachable", temporary=True)
        assert acme.supply.breaker == "open"
        assert acme.supply.retry_ms == acme.clock.ms + 2 * OPEN_MS_MIN
        acme.clock.ms = max(acme.supply.retry_ms, acme.source().due_ms)
        await acme.finish((await acme.begin())["fence"])
        assert (acme.supply.breaker, acme.supply.breaker_failures) == ("closed", 0)
        assert acme.supply.retry_ms is None
        assert (await acme.begin("other"))["began"]


async def test_somebody_who_asks_goes_past_breaker_and_schedule():
    async with desk() as acme:
        for _ in range(BREAKER_FAILURES):
            await acme.fail()
        assert not (await acme.begin())["began"]
        await acme.do(RunNow(supplier="acme"))
        begun = await acme.begin()
        assert (begun["began"], begun["asked"]) == (True, True)
        # Asked again while it runs: there is one more run after it.
        await acme.do(RunNow(supplier="acme"))
        await acme.finish(begun["fence"])
        assert (await acme.begin())["asked"]


async def test_more_files_are_taken_at_once():
    async with desk() as acme:
        await acme.finish((await acme.begin())["fence"], more=True)
        assert acme.source().due_ms == acme.clock.ms


async def test_a_source_that_rests_is_not_run_and_its_run_may_still_end():
    async with desk() as acme:
        begun = await acme.begin()
        await acme.do(PauseSource(supplier="acme"))
        assert (await acme.finish(begun["fence"]))["applied"]
        assert acme.source().due_ms is None
        assert not (await acme.begin())["began"]
        assert error_of(await acme.ask(RunNow(supplier="acme")))["name"] == "RuleBroken"
        await acme.do(PauseSource(supplier="acme", paused=False))
        assert (await acme.begin())["began"]


async def test_a_removed_source_stays_removed_when_its_run_ends():
    async with desk() as acme:
        begun = await acme.begin()
        await acme.do(RemoveSource(supplier="acme"))
        await acme.finish(begun["fence"])
        assert await acme.document("source:acme/main") is None
        assert error_of(await acme.ask(RunNow(supplier="acme")))["name"] == "NotFound"
        await acme.do(PutSource(supplier="acme", place=PLACE))
        assert (await acme.begin())["fence"] == 2


async def test_another_place_forgets_what_the_former_one_gave():
    async with desk() as acme:
        await acme.finish((await acme.begin())["fence"], marks=Marks(etag="x"))
        moved = Place(kind="http", address="https://acme.example/other.csv")
        await acme.do(PutSource(supplier="acme", place=moved))
        assert acme.source().marks == Marks()
        assert acme.source().due_ms == acme.clock.ms
        same = await acme.do(PutSource(supplier="acme", place=moved))
        assert result_of(same) == {"applied": False, "reason": "unchanged"}


async def test_a_run_of_before_a_change_leaves_no_marks():
    """What it brought was read as it was to be read before, so it has to come again."""
    async with desk() as acme:
        begun = await acme.begin()
        await acme.do(PutSource(supplier="acme", place=PLACE, schedule=None, profile="generic"))
        await acme.finish(begun["fence"], marks=Marks(digest="x"))
        assert acme.source().marks == Marks()
        assert (await acme.begin())["began"]


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({"kind": "http", "address": "ftp://acme.example/"}, "place.address"),
        ({"kind": "http", "address": "https://me:word@acme.example/"}, "place.address"),
        ({"kind": "http", "address": "https://acme.example:x/"}, "place.address"),
        ({"kind": "http", "address": "https://a.example/", "secret": "../key"}, "place.secret"),
        ({"kind": "http", "address": "https://a.example/", "header": "A: b"}, "place.header"),
        ({"kind": "folder"}, "place.address"),
        ({"kind": "folder", "address": "in", "pattern": "../*"}, "place.pattern"),
        ({"kind": "sftp", "address": "sftp://acme.example/out"}, "place.address"),
        ({"kind": "sftp", "address": "sftp://me@acme.example/out"}, "place.secret"),
        ({"kind": "sftp", "address": "sftp://me@a.example/", "secret": "k"}, "place.host_key"),
        ({"kind": "push", "address": "x"}, "place.address"),
    ],
)
async def test_what_can_never_be_fetched_is_refused(place, field):
    async with desk(place=None) as acme:
        put = PutSource(supplier="acme", place=Place(**place))
        assert error_of(await acme.ask(put))["data"]["field"] == field


async def test_a_supplier_pushes_to_one_source():
    async with desk(place=Place(kind="push"), schedule=None) as acme:
        assert acme.source().due_ms is None
        put = PutSource(supplier="acme", name="two", place=Place(kind="push"))
        assert error_of(await acme.ask(put))["data"]["rule"] == "one_push"
        begun = await acme.begin(trigger="push")
        assert begun["began"]
        await acme.finish(begun["fence"], "failed", error="FeedUnreadable", temporary=True)
        assert acme.source().due_ms is None
