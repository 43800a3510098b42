"""`shopwire hub`: one more process that serves screens, on this machine or another one."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from shopwire.cli.serve import AllowHost, AllowOrigin, Brokers, Config, WebSocketWay
from shopwire.kernel.errors import SetupProblem
from shopwire.services.hub_node import HubOptions
from shopwire.services.logs import configure_logs
from shopwire.services.run import run_hub
from shopwire.services.settings import Loaded, load_settings
from shopwire.services.supervisor import tell_parent

PORT_DEFAULT = 8_001
"""Behind the shop's own."""


def hub(
    *,
    database: Annotated[
        str | None,
        Parameter(name=["--database-url", "--database"], help="The shop's PostgreSQL."),
    ] = None,
    bus: Brokers = (),
    port: Annotated[int | None, Parameter(help="Port; 0 takes a free one. [default: 8001]")] = None,
    host: Annotated[
        str | None, Parameter(help="Address to listen on. [default: 127.0.0.1]")
    ] = None,
    address: Annotated[
        str | None,
        Parameter(
            help="Where clients reach it, whole: https://sync1.shop.example/sync. [default: at its"
            " port of the machine whose address they know]"
        ),
    ] = None,
    data: Annotated[
        Path | None, Parameter(help="Folder with the shop's keys.json. [default: .shopwire/data]")
    ] = None,
    key_file: Annotated[Path | None, Parameter(help="The shop's keys, elsewhere.")] = None,
    websocket: WebSocketWay = None,
    allow_host: AllowHost = (),
    allow_origin: AllowOrigin = (),
    access: Annotated[
        Literal["open", "login"] | None, Parameter(help="The same as the shop's.")
    ] = None,
    config: Config = None,
    verbose: Annotated[bool, Parameter(negative="", help="Log at debug level.")] = False,
) -> int:
    """Serves screens beside a shop that runs, until Ctrl-C.

    It follows the log over the broker, reads documents from the database, and changes nothing.
    """
    configure_logs(debug=verbose)
    given = {
        "database_url": database,
        "bus": bus,
        "port": port,
        "host": host,
        "address": address,
        "data": data,
        "key_file": key_file,
        "websocket": websocket,
        "allow_hosts": allow_host,
        "allow_origins": allow_origin,
        "access": access,
    }
    run_hub(_options(load_settings(given, file=config)), on_ready=_ready)
    return 0


def _options(loaded: Loaded) -> HubOptions:
    """Raises SetupProblem where nothing says what the hub follows."""
    settings = loaded.settings
    if settings.database_url is None:
        raise SetupProblem(
            "A hub needs the shop's database.", what="database_url", reason="name --database-url"
        )
    if not settings.bus:
        raise SetupProblem("A hub needs a broker.", what="bus", reason="name --bus")
    values = {name: getattr(settings, name) for name in HubOptions.__struct_fields__}
    if loaded.origins["port"] == "default":
        values["port"] = PORT_DEFAULT
    return HubOptions(**values)


def _ready(url: str) -> None:
    if not tell_parent(url):
        print(f"\n  Hub  {url}/sync\n", flush=True)
