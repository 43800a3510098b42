"""What tests share: one PostgreSQL for all of them, a database as new for each."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tests.databases import Databases
from tests.e2e.shop import Shop, free_port

from shopwire.adapters.postgres.server import EmbeddedPostgres
from shopwire.kernel.errors import SetupProblem

MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 4 * 2**30
"""Free memory below which the tests' databases are kept on disk."""

# A machine that is busy makes examples slow, which proves nothing; and a property fails or holds
# whatever the hour. What chance may still find is looked for by `make soak`.
QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, **QUIET)
settings.register_profile("soak", max_examples=2_000, **QUIET)
settings.load_profile("same")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Files that take long go first: one that is begun last keeps one process busy alone."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    browser = {item.path for item in items if item.get_closest_marker("browser")}
    items.sort(key=lambda item: (item.path not in browser, item.path not in slow))


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
def postgres(_postgres_loop):
    """A running server; skips where no PostgreSQL can be had."""
    folder = open_folder()
    server = EmbeddedPostgres(folder, fast=True)
    try:
        _postgres_loop.run_until_complete(server.start())
    except SetupProblem as problem:
        if problem.data.get("what") != "postgres":
            raise
        pytest.skip(f"no PostgreSQL: {problem.detail} Remedy: make setup")

    yield server
    _postgres_loop.run_until_complete(server.stop())
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def databases(postgres, _postgres_loop):
    """Where databases of the shared server come from; migrations are applied once."""
    databases = Databases(postgres)
    _postgres_loop.run_until_complete(databases.make_template())
    return databases


@pytest.fixture
def database_url(postgres, databases, _postgres_loop):
    """A migrated database of its own, without a row of any test before."""
    name = _postgres_loop.run_until_complete(databases.take())
    yield postgres.dsn(name)
    _postgres_loop.run_until_complete(databases.give_back(name))


@pytest.fixture
def data_folder():
    """A folder for a server of the test's own, reachable by the account that it runs under."""
    folder = open_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def empty_shop(postgres):
    """The data of a shop that was started once: a copy of it starts in half the time."""
    folder = open_folder()
    shop = Shop(folder / "shop", free_port())
    shop.start()
    shop.stop()
    yield shop.data
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def shop_folder(empty_shop, data_folder):
    """The same for a server of the test's own, which may do with it what it likes."""
    return copy_of(empty_shop, data_folder)


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


def copy_of(empty_shop: Path, folder: Path) -> Path:
    """A copy of a shop's data, below `folder`."""
    # `cp -a` keeps whose the files are: PostgreSQL runs under an account of its own.
    subprocess.run(["cp", "-a", str(empty_shop), str(folder / "shop")], check=True)
    return folder / "shop"


def open_folder() -> Path:
    """Not pytest's own: it closes its folders to others whenever another session begins.

    In memory where there is room: a fresh database for each test is hundreds of new files. No test
    takes the power away, so that a disk would prove nothing more.
    """
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES_MIN
    folder = Path(tempfile.mkdtemp(prefix="shopwire-test-", dir=MEMORY if in_memory else None))
    folder.chmod(0o711)
    return folder
