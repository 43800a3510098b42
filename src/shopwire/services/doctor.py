"""What Shopwire stands on, looked at piece by piece, with the remedy for what is not right."""

import fcntl
import http.client
import importlib.metadata
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

from shopwire import __version__
from shopwire.adapters.bus.server import find_nats
from shopwire.adapters.postgres.account import choose_account
from shopwire.adapters.postgres.find import MAJOR_MIN, Binaries, find_postgres
from shopwire.adapters.postgres.inspect import DatabaseFacts, look_at
from shopwire.adapters.postgres.server import FREE_BYTES_MIN, attach
from shopwire.kernel.clock import SystemClock
from shopwire.kernel.errors import SetupProblem
from shopwire.services.broadcasting import broadcast_finding
from shopwire.services.doctor_access import access_findings
from shopwire.services.doctor_work import bus_finding, exchange_finding, work_findings
from shopwire.services.findings import Finding
from shopwire.services.pages import pages_dir
from shopwire.services.server import listen
from shopwire.services.settings import Settings

PYTHON_MIN: Final = (3, 11)
"""What pyproject.toml asks for."""
NODE_MIN: Final = (22, 12)
"""What the build of the pages asks for."""
FREE_BYTES_WANTED: Final = 2 * 1024**3
"""Below this a shop starts, but its log soon has no room to grow."""
FILES_WANTED: Final = 4_096
"""Open files that a process should be allowed: each screen is one."""
PROBE_S_MAX: Final = 2
"""How long the process on a port may take to say what it is."""

_Looked = tuple[list[Finding], DatabaseFacts | None]
"""What was found of a database, and what it said of itself where it answered."""


class Patient(msgspec.Struct, frozen=True, kw_only=True):
    """What `up` would be started with."""

    data: Path
    host: str
    port: int
    database_url: str | None = None
    settings: dict[str, str] = {}
    """What was set, and where, in words."""
    more: Settings = Settings()
    """Everything else that was set."""


async def examine(patient: Patient) -> list[Finding]:
    """Everything, in the order in which a start would need it; changes nothing."""
    findings = [_python(), _packages(), _open_files(), _settings(patient)]
    if patient.database_url is None:
        about, facts = await _own_database(patient.data)
    else:
        about, facts = await _database(patient.database_url)
    findings += about
    more = msgspec.structs.replace(patient.more, data=patient.data)
    findings += await access_findings(more, patient.host, facts)
    findings.append(broadcast_finding(more.broadcast))
    findings.append(exchange_finding(patient.data, SystemClock().now_ms()))
    findings.append(await bus_finding(more.bus, more.hubs))
    findings += [_port(patient.host, patient.port), _broker(), _pages(), _node(), _browser()]
    return findings


def _settings(patient: Patient) -> Finding:
    told = "; ".join(f"{name} = {value}" for name, value in patient.settings.items())
    return Finding("settings", "ok", told or "all defaults")


def _python() -> Finding:
    said = f"{platform.python_version()} ({platform.machine()}), Shopwire {__version__}"
    if sys.version_info < PYTHON_MIN:
        return Finding("python", "fail", said, "Install Python 3.11 or newer, then `make setup`.")
    return Finding("python", "ok", said)


def _packages() -> Finding:
    """Whether everything that Shopwire says it needs is installed here."""
    missing: list[str] = []
    wanted = importlib.metadata.requires("shopwire") or []
    for requirement in wanted:
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding("packages", "fail", f"missing: {', '.join(missing)}", "Run `make setup`.")
    return Finding("packages", "ok", f"all {len(wanted)} installed")


def _open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES_WANTED:
        remedy = f"Raise it before starting: `ulimit -n {FILES_WANTED}` (this user may: {hard})."
        return Finding("open files", "warn", f"{soft} allowed; each screen needs one", remedy)
    return Finding("open files", "ok", f"{soft} allowed")


async def _own_database(data: Path) -> _Looked:
    """The PostgreSQL that `up` would start in `data`, or the one that runs there."""
    findings: list[Finding] = []
    binaries: Binaries | None = None
    try:
        binaries = find_postgres()
    except SetupProblem as problem:
        findings.append(_failed("postgresql", problem))
    else:
        found = f"{binaries.version} from {binaries.origin}"
        findings.append(Finding("postgresql", "ok", found))
    findings.append(_account(data))
    folder = _folder(data, binaries)
    findings += [folder, _room(data)]
    if folder.verdict == "fail":
        return findings, None
    try:
        running = await attach(data)
    except SetupProblem as problem:
        return [*findings, _failed("database", problem)], None
    if running is not None:
        about, facts = await _database(running)
        return [*findings, *about], facts
    if _is_owned(data):
        findings.append(
            Finding(
                "database", "warn", f"a Shopwire holds {data}, but its database does not answer",
                "It may be starting or stopping; look again, then look at its log.",
            )
        )  # fmt: skip
    return findings, None


def _account(data: Path) -> Finding:
    try:
        account = choose_account(data)
    except SetupProblem as problem:
        return _failed("account", problem)
    if account.uid is not None:
        return Finding("account", "ok", f"root; PostgreSQL runs as user {account.uid}")
    if account.prefix:
        return Finding("account", "ok", "root; PostgreSQL runs in a user namespace")
    return Finding("account", "ok", f"user {os.geteuid()}")


def _folder(data: Path, binaries: Binaries | None) -> Finding:
    """Whether `data` can be made or used."""
    present = _present(data)
    if not present.is_dir():
        return Finding("data", "fail", f"{present} is not a folder", "Choose another --data.")
    if not os.access(present, os.W_OK | os.X_OK):
        remedy = "Give this user the right to write there, or choose another --data."
        return Finding("data", "fail", f"{present} cannot be written", remedy)
    if present != data.absolute():
        return Finding("data", "ok", f"{data} will be made at the first start")
    try:
        made_by = int((data / "pg" / "PG_VERSION").read_text())
    except FileNotFoundError:
        return Finding("data", "ok", f"{data} holds no shop yet")
    except (OSError, ValueError) as problem:
        # The cluster may belong to another account: only its owner can look.
        return Finding("data", "warn", f"{data / 'pg'} cannot be read: {problem}",
                       "Run the doctor as the user that runs the shop.")  # fmt: skip
    if binaries is not None and made_by != binaries.major:
        remedy = (
            "Set SHOPWIRE_PG_BIN to programs of that version, dump, and load into a new folder"
            " (docs/operating/backup.md)."
        )
        seen = f"{data} was made by PostgreSQL {made_by}; here is {binaries.version}"
        return Finding("data", "fail", seen, remedy)
    return Finding("data", "ok", f"{data} holds a shop of PostgreSQL {made_by}")


def _room(data: Path) -> Finding:
    free = shutil.disk_usage(_present(data)).free
    seen = f"{free / 1024**3:.1f} GiB free"
    remedy = "Free some space or choose another --data."
    if free < FREE_BYTES_MIN:
        return Finding("disk", "fail", f"{seen}; {FREE_BYTES_MIN >> 20} MiB are needed", remedy)
    if free < FREE_BYTES_WANTED:
        return Finding("disk", "warn", f"{seen}; a shop's log grows", remedy)
    return Finding("disk", "ok", seen)


def _present(path: Path) -> Path:
    """The nearest of a path and its parents that exists."""
    present = path.absolute()
    while not present.exists():
        present = present.parent
    return present


def _is_owned(data: Path) -> bool:
    """Whether a process holds the folder right now."""
    try:
        with (data / "owner.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


async def _database(dsn: str) -> _Looked:
    try:
        facts = await look_at(dsn)
    except SetupProblem as problem:
        remedy = "Check --database, that the server runs, and that it lets this user in."
        return [Finding("database", "fail", problem.detail, remedy)], None
    seen = [_server(facts), _durability(facts), _schema(facts), _suppliers(facts)]
    return [*seen, *work_findings(facts)], facts


def _suppliers(facts: DatabaseFacts) -> Finding:
    """Whether orders reach whom they are for."""
    if facts.troubled:
        remedy = "Look at `shopwire channel log` and at Ways out in the console."
        seen = f"orders to {', '.join(facts.troubled)} did not arrive for sure, or no answers come"
        return Finding("suppliers", "warn", seen, remedy)
    if facts.unreached:
        seen = f"{', '.join(facts.unreached)} have open orders and come for them themselves"
        return Finding("suppliers", "note", seen, "If they do not: `shopwire channel put`.")
    return Finding("suppliers", "ok", "all orders have a way")


def _server(facts: DatabaseFacts) -> Finding:
    seen = f"PostgreSQL {facts.version} answers, {facts.connections_max} connections allowed"
    if facts.major < MAJOR_MIN:
        return Finding("database", "fail", seen, f"PostgreSQL {MAJOR_MIN} or newer is needed.")
    if facts.standby:
        remedy = "Name the primary: a standby takes no writes."
        return Finding("database", "fail", f"{seen}; it is a standby", remedy)
    return Finding("database", "ok", seen)


def _durability(facts: DatabaseFacts) -> Finding:
    if facts.is_durable:
        return Finding("durability", "ok", "an answered commit outlives a loss of power")
    remedy = "Set fsync, full_page_writes and synchronous_commit to on, and restart that server."
    return Finding("durability", "warn", "answered commits can be lost with the power", remedy)


def _schema(facts: DatabaseFacts) -> Finding:
    if facts.pending and not facts.may_create:
        remedy = "GRANT CREATE ON SCHEMA public to this user, or let its owner start `up` once."
        return Finding("schema", "fail", "this user may not make tables", remedy)
    if not facts.has_log:
        return Finding("schema", "ok", "no shop in it yet; the first start makes the tables")
    if facts.pending:
        return Finding("schema", "warn", f"{len(facts.pending)} migrations are missing",
                       "The next start of `up` applies them; take a backup first.")  # fmt: skip
    return Finding("schema", "ok", "up to date")


def _port(host: str, port: int) -> Finding:
    try:
        listen(host, port).close()
    except SetupProblem as problem:
        if problem.data.get("reason") == "port in use" and _is_shopwire(host, port):
            return Finding("port", "ok", f"a Shopwire answers on {host}:{port}")
        return _failed("port", problem)
    return Finding("port", "ok", f"{host}:{port} is free")


def _is_shopwire(host: str, port: int) -> bool:
    """Whether what listens there answers like one of us."""
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_S_MAX)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return answer.status == 200 and b"alive" in answer.read(1_024)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _broker() -> Finding:
    """Hubs in further processes are fed by a broker; one process alone needs none."""
    try:
        return Finding("nats", "ok", f"{find_nats()}, for `up --hubs`")
    except SetupProblem as problem:
        return Finding("nats", "note", f"{problem.detail} Only `up --hubs` needs it.")


def _pages() -> Finding:
    index = pages_dir() / "index.html"
    if index.is_file():
        return Finding("pages", "ok", f"built in {index.parent}")
    return Finding("pages", "warn", "storefront and console are not built", "Run `make web`.")


def _node() -> Finding:
    """Node builds the pages; once they are built nothing needs it."""
    said = _answer_of("node", "--version")
    numbers = [int(part) for part in re.findall(r"\d+", said or "")[:2]]
    if said is not None and tuple(numbers) >= NODE_MIN:
        return Finding("node", "ok", said)
    found = f"{said} is older than 22.12" if said else "none on PATH"
    return Finding("node", "note", f"{found}; `make web` brings its own")


def _browser() -> Finding:
    path = os.environ.get("SHOPWIRE_CHROMIUM") or shutil.which("chromium")
    if path:
        return Finding("chromium", "ok", path)
    return Finding("chromium", "note", "none; only the project's browser tests need it",
                   "`apt-get install chromium`, or set SHOPWIRE_CHROMIUM.")  # fmt: skip


def _answer_of(*command: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program
            command, capture_output=True, text=True, check=True, timeout=PROBE_S_MAX
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _failed(name: str, problem: SetupProblem) -> Finding:
    reason = problem.data.get("reason") or ""
    return Finding(name, "fail", problem.detail, reason if reason not in problem.detail else "")
