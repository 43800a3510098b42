"""Every command, whatever happens to its request: one effect, and one answer to a key."""

import asyncio

import msgspec
import pytest
from tests.idempotency.bench import PRINCIPALS, Bench, envelope, is_error, others, play
from tests.idempotency.shipping_stages import STAGES
from tests.modules.shop import handlers

from shopwire.kernel.errors import KeyInFlight, KeyMalformed, KeyReused, ShopwireError
from shopwire.kernel.limits import IDEMPOTENCY_KEPT_MS
from shopwire.kernel.storage import Claim
from shopwire.testing.simulation.loop import Process

OPERATIONS = sorted(handler.command.operation for handler in handlers())
COPIES = 100
STATEMENTS_MAX = 200

every_command = pytest.mark.parametrize("operation", OPERATIONS)

AGAIN = {
    "inventory.sell_stock": "two equal sales over a counter are two sales: only the key tells them",
    "inventory.release_sale": "a unit of a sale after another may come back: only the key tells",
    "feeds.approve_run": "who approves a run that was cut off lets it go on, under a lease",
    "feeds.prune_run": "each takes a further part, until nothing is left",
    "feeds.recover_mend": "only who is alone at a row and finds what a mend intended sends it",
    "feeds.note_chunk": "a part of a feed has no name; the import sends it again within minutes",
    "shipping.open_return": "who sends one unit back may send back another: never more than came",
    "shipping.replay_notice": "asking for another look is a wish of each day; applied is once",
    "channels.mend_message": "the same: a text is read again, and what it says has one effect",
    "payments.replay_webhook": "the same: it is looked at again, and booked once",
    "payments.book_payable": "the key of the ledger's table stops it, which memory does not have",
    "orders.ask_again": "each question to the provider sets the time of the next one",
}
"""Commands that take effect once more when their answer is forgotten after a week, and why that
is right; every other one has a natural key that stops it, or says the same twice."""


def test_every_command_has_a_stage():
    assert sorted(STAGES) == OPERATIONS


async def once(bench: Bench, operation):
    """The stage, then the command: its outcome, and what the shop looks like before and after."""
    command = await STAGES[operation](bench)
    path = await bench.path()
    before = bench.picture()
    first = await path.submit(envelope(command))
    assert first.ok, first.body
    assert not first.replayed
    return command, path, first, before, bench.picture()


CHANGES_NOTHING = {"catalog.check_sku", "inventory.check_stock", "pricing.confirm_prices"}


@every_command
def test_a_stage_lets_its_command_take_effect(operation):
    async def scene(bench):
        *_, before, after = await once(bench, operation)
        assert (before == after) == (operation in CHANGES_NOTHING)

    play(scene)


@every_command
def test_the_same_key_with_the_same_body_is_answered_again_byte_for_byte(operation):
    async def scene(bench):
        command, path, first, _, after = await once(bench, operation)
        for where in (path, await bench.path()):
            again = await where.submit(envelope(command))
            assert (again.status, again.body, again.replayed) == (first.status, first.body, True)
        assert bench.picture() == after

    play(scene)


@every_command
def test_the_same_key_with_another_body_is_refused_and_shows_nothing(operation):
    async def scene(bench):
        command, path, first, _, after = await once(bench, operation)
        refused = msgspec.json.encode(KeyReused().body(), order="deterministic")
        for other in others(command):
            again = await path.submit(envelope(other))
            assert (again.status, again.body, again.replayed) == (422, refused, False)
        assert others(command)
        assert bench.picture() == after
        assert (await path.submit(envelope(command))).body == first.body

    play(scene)


@every_command
def test_a_hundred_at_once_are_one(operation):
    async def alone(bench):
        *_, first, _, after = await once(bench, operation)
        return first.body, after

    expected = play(alone)

    def crowd(seed):
        async def scene(bench):
            command = await STAGES[operation](bench)
            paths = [await bench.path() for _ in range(3)]
            copies = [paths[n % 3].submit(envelope(command)) for n in range(COPIES)]
            answers = await asyncio.gather(*copies)
            assert {answer.body for answer in answers} == {expected[0]}
            assert [answer.replayed for answer in answers].count(False) == 1
            assert bench.picture() == expected[1]

        play(scene, seed)

    for seed in range(3):
        crowd(seed)


@every_command
@pytest.mark.parametrize(
    ("kills", "ahead"),
    [(True, False), (False, False), (True, True)],
    ids=["killed", "refused", "killed ahead"],
)
def test_a_crash_at_any_statement_leaves_one_effect_and_one_answer(operation, kills, ahead):
    async def alone(bench):
        *_, first, _, after = await once(bench, operation)
        return first.body, after

    body, after = play(alone)
    left = []
    for at in range(1, STATEMENTS_MAX):

        async def scene(bench, at=at):
            command = await STAGES[operation](bench)
            process, died = Process("victim"), asyncio.Event()
            process.on_kill.append(died.set)
            path, second = await bench.path(process, ahead=ahead), await bench.path()
            before = bench.picture()
            bench.database.watch(process, at, kills=kills)
            asked = bench.loop.create_task(_outcome(path, command))
            gone = bench.loop.create_task(died.wait())
            await asyncio.wait([asked, gone], return_when=asyncio.FIRST_COMPLETED)
            if asked.done() and asked.result() is not None:
                return False
            left.append(bench.picture())
            assert left[-1] in (before, after)
            again = await second.submit(envelope(command))
            assert again.body == body
            assert before == after or again.replayed == (left[-1] == after)
            assert bench.picture() == after
            return True

        if not play(scene):
            break
    assert (4 if ahead else 5) <= at < STATEMENTS_MAX
    assert left[-1] == after
    assert operation in CHANGES_NOTHING or left[-2] != after


async def _outcome(path, command):
    """None where nobody knows."""
    try:
        return await path.submit(envelope(command))
    except ShopwireError:
        return None


@every_command
def test_a_forgotten_answer_is_no_second_effect(operation):
    async def scene(bench):
        command, path, first, _, after = await once(bench, operation)
        bench.state.age_answers(IDEMPOTENCY_KEPT_MS)
        again = await path.submit(envelope(command))
        assert not again.replayed
        assert (bench.picture() == after) == (operation not in AGAIN)
        del first

    play(scene)


@every_command
def test_keys_of_two_principals_never_meet(operation):
    async def scene(bench):
        command, path, first, _, after = await once(bench, operation)
        stranger = envelope(command, principal=PRINCIPALS[1])
        own = await path.submit(stranger)
        assert not own.replayed
        for other in others(command)[:1]:
            refused = await path.submit(envelope(other, principal=PRINCIPALS[1]))
            assert is_error(refused, "KeyReused")
        assert (await path.submit(stranger)).body == own.body
        assert (await path.submit(envelope(command))).body == first.body
        del after

    play(scene)


@every_command
@pytest.mark.parametrize("key", ["", "x" * 256, "tab\t", "nul\0", "ü", "line\nbreak"], ids=repr)
def test_a_malformed_key_is_refused_before_anything_is_looked_at(operation, key):
    async def scene(bench):
        command = await STAGES[operation](bench)
        path = await bench.path()
        before, said = bench.picture(), bench.database.statements
        with pytest.raises(KeyMalformed):
            await path.submit(envelope(command, key=key))
        assert bench.picture() == before
        assert bench.database.statements == said

    play(scene)


@every_command
def test_a_key_that_somebody_works_on_is_in_flight(operation):
    async def scene(bench):
        command = await STAGES[operation](bench)
        path, worker = await bench.path(), await bench.path()
        wish = envelope(command)
        claim = Claim(
            tenant=wish.tenant,
            principal=wish.principal,
            operation=operation,
            key=wish.key,
            fingerprint=wish.fingerprint,
        )
        before = bench.picture()
        lease = await worker.claim_lease(claim, 5_000)
        refused = await path.submit(wish)
        assert refused.status == KeyInFlight.status
        assert 0 < msgspec.json.decode(refused.body)["data"]["retry_ms"] <= 5_000
        assert bench.picture() == before
        await worker.drop_lease(lease)
        assert (await path.submit(wish)).ok

    play(scene)
