"""What every server does with commands on a connection; docs/protocol/sync-v1.md section 12.

Subclass `CommandsConformance` and provide the fixture `target`, as for `SyncConformance`; its
server carries out `MOVE_UNITS`.
"""

import asyncio
from typing import Any, Final

import pytest

from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.errors import RuleBroken
from shopwire.kernel.events import Event
from shopwire.kernel.rows import Need, View
from shopwire.testing.conformance.sample import Counter
from shopwire.testing.conformance.sync import Peer, Target, connected

OPERATION: Final = "sample.move_units"


class UnitsMoved(Event, frozen=True, kw_only=True):
    """The units of a shelf are others now."""

    event_type = "sample.units_moved"
    topic_kind = "stock"


class MoveUnits(Command, frozen=True, kw_only=True):
    """Moves units onto a shelf; none is refused, and so is a defect on wish."""

    operation = OPERATION

    shelf: str
    by: int
    text: str = ""


def do_move_units(command: MoveUnits, view: View, context: Context) -> Decision:
    """Counts units, and says how many there are."""
    if command.by == 0:
        raise RuleBroken(rule="some", reason="none were moved")
    if command.by == 13:
        raise ZeroDivisionError("asked for")
    held = view.one(Counter, command.shelf, "units")
    version = (0 if held is None else held.version) + 1
    count = (0 if held is None else held.count) + command.by
    row = Counter(
        tenant=context.tenant, shelf=command.shelf, id="units", count=count, version=version
    )
    event = UnitsMoved(entity=command.shelf, version=version, document={"n": count})
    return Decision(put=[row], events=[event], result={"units": count})


MOVE_UNITS: Final[Handler[Any]] = Handler(
    command=MoveUnits,
    partition_key=lambda command: command.shelf,
    needs=lambda command: [Need(Counter, command.shelf)],
    decide=do_move_units,
)


def wish(number: int, shelf: str, by: int = 1, **more: Any) -> dict[str, Any]:
    """A command as a client says it."""
    body = {"shelf": shelf, "by": by}
    return {"t": "cmd", "id": number, "op": OPERATION, "key": f"k{number}", "body": body} | more


async def answer(peer: Peer, number: int) -> dict[str, Any]:
    """The answer to a message, whatever else comes before it."""
    while True:
        message = await peer.hear()
        assert isinstance(message, dict), f"closed with {message}"
        if message["t"] in {"done", "error"} and message["id"] == number:
            return message


async def ask(peer: Peer, message: dict[str, Any]) -> dict[str, Any]:
    """Sends a command and returns its answer."""
    peer.say(message)
    return await answer(peer, message["id"])


class CommandsConformance:
    """The specification of commands as tests."""

    async def test_a_connection_says_that_it_takes_commands(self, target: Target) -> None:
        """In the welcome."""
        async with connected(target) as peer:
            limits = (await peer.hello())["limits"]
            assert limits["commands_max"] > 0
            assert limits["command_bytes_max"] > 0

    async def test_a_command_is_done_and_its_versions_reach_the_screen(
        self, target: Target
    ) -> None:
        """Whichever comes first."""
        async with connected(target) as peer:
            await peer.hello()
            await peer.sub(["stock:done"])
            done = await ask(peer, wish(2, "done", 4))
            assert (done["t"], done["status"], done["replayed"]) == ("done", 200, False)
            assert done["body"] == {"versions": {"stock:done": 1}, "result": {"units": 4}}
            await peer.until_held("stock:done", 1)
            assert peer.replica.docs["stock:done"].document == {"n": 4}

    async def test_a_refusal_is_an_error_of_the_table_and_no_bad_message(
        self, target: Target
    ) -> None:
        """More of them than bad messages are borne."""
        async with connected(target) as peer:
            await peer.hello()
            for number in range(1, 40):
                error = await ask(peer, wish(number, "rule", 0))
                assert (error["code"], error["status"], error["replayed"]) == (2002, 422, False)
                assert error["data"] == {"rule": "some", "reason": "none were moved"}
                assert error["temporary"] is False

    async def test_the_same_key_is_answered_from_memory(self, target: Target) -> None:
        """Successes and refusals alike, over another connection too."""
        for shelf, by in (("again", 1), ("again", 0)):
            message = wish(1, shelf, by, key=f"again-{by}")
            async with connected(target) as peer, connected(target) as other:
                await peer.hello()
                await other.hello()
                first = await ask(peer, message)
                for repeat in (await ask(peer, message), await ask(other, message)):
                    assert repeat == first | {"replayed": True}

    async def test_the_same_key_with_another_body_is_refused(self, target: Target) -> None:
        """And says nothing about the first."""
        async with connected(target) as peer:
            await peer.hello()
            await ask(peer, wish(1, "reused", key="one"))
            error = await ask(peer, wish(2, "reused", 5, key="one"))
            assert (error["code"], error["status"]) == (1006, 422)
            assert "versions" not in str(error)

    async def test_a_hundred_duplicates_at_once_have_one_effect(self, target: Target) -> None:
        """Over five connections."""
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(self._twenty(target, "twins")) for _ in range(5)]
        told = [one for task in answers for one in task.result()]
        done = [one for one in told if one["t"] == "done"]
        assert all(one["code"] == 1007 for one in told if one["t"] == "error")
        assert sum(not one["replayed"] for one in done) == 1
        assert {str(one["body"]) for one in done} == {str(done[0]["body"])}
        async with connected(target) as peer:
            await peer.hello()
            assert (await ask(peer, wish(1, "twins", 5)))["body"]["result"] == {"units": 6}

    @staticmethod
    async def _twenty(target: Target, shelf: str) -> list[dict[str, Any]]:
        async with connected(target) as peer:
            await peer.hello()
            for number in range(20):
                peer.say(wish(number, shelf, key="the same"))
            return [await answer(peer, number) for number in range(20)]

    async def test_many_commands_under_way_are_all_answered(self, target: Target) -> None:
        """Each once, in whatever order."""
        async with connected(target) as peer:
            await peer.hello()
            for number in range(1, 51):
                peer.say(wish(number, f"many-{number % 7}"))
            told = [await peer.hear() for _ in range(50)]
            assert sorted(one["id"] for one in told if isinstance(one, dict)) == [*range(1, 51)]
            assert all(isinstance(one, dict) and one["t"] == "done" for one in told)

    async def test_a_command_outlives_its_connection(self, target: Target) -> None:
        """Sent and cut off at once: asked again, it took effect once."""
        for _ in range(20):
            async with connected(target) as peer:
                await peer.hello()
                peer.say(wish(1, "cut", key="cut-1"))
                peer.transport.disconnect()
        async with connected(target) as peer:
            await peer.hello()
            done = await ask(peer, wish(1, "cut", key="cut-1"))
            assert done["body"]["result"] == {"units": 1}
            assert (await ask(peer, wish(2, "cut")))["body"]["result"] == {"units": 2}

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"op": "sample.fly"}, 1002),
            ({"op": ""}, 1002),
            ({"op": "x" * 50_000}, 1002),
            ({"key": None}, 1004),
            ({"key": ""}, 1005),
            ({"key": "x" * 256}, 1005),
            ({"key": "schön"}, 1005),
            ({"key": "a\nb"}, 1005),
            ({"body": None}, 1001),
            ({"body": []}, 1001),
            ({"body": "text"}, 1001),
            ({"body": {}}, 1001),
            ({"body": {"shelf": "a", "by": 1.5}}, 1001),
            ({"body": {"shelf": "a", "by": 1, "x": 1}}, 1001),
            ({"body": {"shelf": "a\0b", "by": 1}}, 1000),
            ({"body": {"shelf": "a", "by": 13}}, 5000),
        ],
    )
    async def test_what_cannot_be_carried_out_is_refused_and_uses_no_key_up(
        self, target: Target, change: dict[str, Any], code: int
    ) -> None:
        """As HTTP would; then the same key works."""
        async with connected(target) as peer:
            await peer.hello()
            error = await ask(peer, wish(1, "bad") | change)
            assert (error["t"], error["code"]) == ("error", code)
            key = f"{code}-{len(str(change))}"
            await ask(
                peer, wish(2, "bad", key=key) | {k: v for k, v in change.items() if k != "key"}
            )
            assert (await ask(peer, wish(3, "bad", key=key)))["t"] == "done"

    async def test_garbage_is_answered_and_counted(self, target: Target) -> None:
        """With the id where it can be read."""
        garbage = [
            ('{"t":"cmd"}', None),
            ('{"t":"cmd","id":1}', 1),
            ('{"t":"cmd","id":1,"op":"x","key":"k"}', 1),
            ('{"t":"cmd","id":1,"op":7,"key":"k","body":{}}', 1),
            ('{"t":"cmd","id":1,"op":"x","key":7,"body":{}}', 1),
            ('{"t":"cmd","id":"1","op":"x","key":"k","body":{}}', None),
            ('{"t":"cmd","id":1,"op":"x","key":"k","body":{]}', None),
            ('{"t":"cmd","id":1,"op":"x","key":"k","body":' + "[" * 9_000 + "}", None),
        ]
        async with connected(target) as peer:
            await peer.hello()
            for text, number in garbage:
                peer.say(text)
                (error,) = await peer.until("error")
                assert (error["code"], error["id"]) == (1000, number)
            for _ in range(20 - len(garbage)):
                peer.say('{"t":"cmd"}')
            assert await peer.code() == 4501

    async def test_the_first_message_is_no_command(self, target: Target) -> None:
        """A command before hello ends the connection and is not carried out."""
        async with connected(target) as peer:
            peer.say(wish(1, "early"))
            assert await peer.code() == 4500
        async with connected(target) as peer:
            await peer.hello()
            assert (await ask(peer, wish(1, "early")))["body"]["result"] == {"units": 1}

    async def test_a_body_over_the_limit_is_refused_and_the_connection_goes_on(
        self, target: Target
    ) -> None:
        """Above the message's limit it is closed, as any message."""
        async with connected(target) as peer:
            limits = (await peer.hello())["limits"]
            large = {"shelf": "large", "by": 1, "text": "x" * limits["command_bytes_max"]}
            error = await ask(peer, wish(1, "large", body=large))
            assert error["code"] == 1008
            assert error["data"] == {"bytes_max": limits["command_bytes_max"]}
            assert (await ask(peer, wish(1, "large")))["body"]["result"] == {"units": 1}
            peer.say(wish(2, "large", body=large | {"text": "x" * limits["message_bytes_max"]}))
            assert await peer.code() == 1009

    async def test_a_flood_is_refused_and_ended_and_what_was_done_was_answered(
        self, target: Target
    ) -> None:
        """No refused command takes effect."""
        done = refused = 0
        async with connected(target) as peer:
            await peer.hello()
            for number in range(600):
                peer.say(wish(number, "flood"))
            while isinstance(message := await peer.hear(), dict):
                done += message["t"] == "done"
                refused += message["t"] == "error"
                if message["t"] == "error":
                    assert (message["code"], message["temporary"]) == (1012, True)
                    assert message["data"]["retry_ms"] > 0
            assert message == 4003
        assert refused > 0
        async with connected(target) as peer:
            await peer.hello()
            units = (await ask(peer, wish(9_999, "flood")))["body"]["result"]["units"]
            assert done <= units - 1 <= 600 - refused
