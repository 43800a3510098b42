"""The HTTP application on the memory twin, with one small command."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
from tests.callers import open_callers

from shopwire.adapters.memory import MemoryState, MemoryStorage
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.commands import Command, Context, Decision, Handler
from shopwire.kernel.errors import StockShort
from shopwire.kernel.rows import Need, View
from shopwire.kernel.write_path import WritePath
from shopwire.services.app import AppParts, build_app
from shopwire.services.pages import Pages
from shopwire.services.pulse import Pulse
from shopwire.services.telemetry import Readings, Telemetry


class TakeUnits(Command):
    """Takes units from a shelf of five."""

    operation: ClassVar[str] = "shelf.take_units"
    sku: str
    units: int


def do_take_units(command: TakeUnits, _view: View, _context: Context) -> Decision:
    if command.units > 5:
        raise StockShort(sku=command.sku, requested=command.units, available=5)
    if command.units < 0:
        raise ZeroDivisionError("a defect that tests provoke")
    return Decision(result={"left": 5 - command.units})


def _no_needs(_command: TakeUnits) -> Iterable[Need]:
    return ()


HANDLER = Handler(
    command=TakeUnits,
    partition_key=lambda command: command.sku,
    needs=_no_needs,
    decide=do_take_units,
)


class Shop:
    """What a test may look at and turn."""

    def __init__(self, write_path: WritePath, pages: Path, origins: tuple[str, ...]) -> None:
        self.pages = pages
        self.readings = Readings()
        self.published: list[tuple[str, int, dict[str, Any]]] = []
        self.stopping = False
        self.telemetry = Telemetry("1.2.3")
        self.telemetry.watch(lambda: self.readings)
        self.pulse = Pulse(lambda: self.readings, self._publish, SystemClock())
        self.app = build_app(
            AppParts(
                write_path=write_path,
                pulse=self.pulse,
                telemetry=self.telemetry,
                pages=Pages(pages),
                routes=(),
                callers=open_callers(),
                sync=self._sync,
                stopping=lambda: self.stopping,
                origins=origins,
            )
        )

    @staticmethod
    async def _sync(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def _publish(self, topic: str, version: int, document: dict[str, Any]) -> None:
        self.published.append((topic, version, document))


@pytest.fixture
def origins() -> tuple[str, ...]:
    return ()


@pytest.fixture
async def shop(tmp_path: Path, origins: tuple[str, ...]) -> AsyncIterator[Shop]:
    state = MemoryState(2)
    write_path = WritePath(MemoryStorage(state), [HANDLER], SystemClock())
    await write_path.start()
    yield Shop(write_path, tmp_path, origins)
    await write_path.stop()


@pytest.fixture
async def web(shop: Shop) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=shop.app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        yield client
