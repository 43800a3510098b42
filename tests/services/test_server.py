"""The port and the signals."""

import asyncio
import os
import signal
import socket

import pytest

from shopwire.kernel.errors import SetupProblem
from shopwire.services.server import StopSignals, listen

pytestmark = pytest.mark.anyio


@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_port_in_use_names_its_holder_and_another_port(taken: int):
    with pytest.raises(SetupProblem) as caught:
        listen("127.0.0.1", taken)
    text = str(caught.value)
    assert f"Port {taken} is in use" in text
    assert f"process {os.getpid()}" in text
    assert "--port " in text
    assert f"--port {taken}" not in text


def test_an_address_that_is_not_ours_is_a_setup_problem():
    with pytest.raises(SetupProblem, match="--host"):
        listen("203.0.113.7", 0)


async def test_the_first_signal_asks_and_the_second_forces():
    forced = asyncio.Event()
    with StopSignals(force=forced.set) as signals:
        os.kill(os.getpid(), signal.SIGINT)
        await signals.asked.wait()
        assert signals.reason == "SIGINT"
        assert not forced.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        await forced.wait()
