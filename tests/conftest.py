"""What tests share: one PostgreSQL for all of them, a fresh database for each."""

import asyncio
import os
import shutil
import uuid
from pathlib import Path

import asyncpg
import pytest

from shopwire.adapters.postgres.migrate import migrate
from shopwire.adapters.postgres.server import EmbeddedPostgres
from shopwire.kernel.errors import SetupProblem

TEMPLATE = "template_shop"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def _postgres_loop():
    """A loop that outlives the tests' own, for the server that all of them share."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def postgres(_postgres_loop, tmp_path_factory):
    """A running server with a migrated template; skips where no PostgreSQL can be had."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), fast=True)
    _open_the_way(server.data)
    try:
        _postgres_loop.run_until_complete(server.start())
    except SetupProblem as problem:
        if problem.data.get("what") != "postgres":
            raise
        pytest.skip(f"no PostgreSQL: {problem.detail} Remedy: make setup")

    async def make_template() -> None:
        await _execute(server.dsn("postgres"), f"CREATE DATABASE {TEMPLATE}")
        await migrate(server.dsn(TEMPLATE))

    _postgres_loop.run_until_complete(make_template())
    yield server
    _postgres_loop.run_until_complete(server.stop())


@pytest.fixture
def database_url(postgres, _postgres_loop):
    """A fresh, migrated database of its own, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = postgres.dsn("postgres")
    run = _postgres_loop.run_until_complete
    run(_execute(admin, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY=FILE_COPY"))
    yield postgres.dsn(name)
    run(_execute(admin, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """A folder for a server of the test's own, reachable by the account that it runs under."""
    folder = tmp_path / "data"
    folder.mkdir()
    _open_the_way(folder)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real catalogues and feeds, where they stand beside the checkout."""
    here = Path(__file__).parents[1]
    folder = Path(os.environ.get("SHOPWIRE_SHARED_DATA", here.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent. Remedy: set SHOPWIRE_SHARED_DATA to the real files")
    return folder


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Debian's browser."""
    found = os.environ.get("SHOPWIRE_CHROMIUM") or shutil.which("chromium")
    if not found:
        pytest.skip("no Chromium. Remedy: apt-get install chromium, or set SHOPWIRE_CHROMIUM")
    return Path(found)


def _open_the_way(folder: Path) -> None:
    """pytest makes its folders for their owner only; root's PostgreSQL runs as another account."""
    if os.geteuid() == 0:
        for parent in (folder, *folder.parents):
            if parent.is_relative_to("/tmp") and parent != Path("/tmp"):
                parent.chmod(parent.stat().st_mode | 0o011)


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
